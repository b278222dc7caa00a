//! What signing and verifying cost, by algorithm, beside the crates `jsonwebtoken` and `jwt-simple`.
//!
//! Each verifies the very same token (ours), reads all its claims into types and checks issuer, audience, times and `typ`;
//! each signs the same claims. Keys are parsed beforehand, as far as each crate's API can. Only ratios within one run
//! mean anything: `jsonwebtoken` stands on the same aws-lc as we do, `jwt-simple` on pure Rust.

mod claims;
mod jsonwebtoken;
mod jwt_simple;
mod ours;

use std::time::Duration;

use cloakroom_verify::algorithm::{Algorithm, SigningKey};
use criterion::{Criterion, criterion_group, criterion_main};

const ALGORITHMS: [Algorithm; 8] = Algorithm::ALL;

struct Contender {
    name: &'static str,
    sign: Box<dyn Fn() -> String>,
    verify: Box<dyn Fn(&str)>,
}

/// A key in the spellings that the crates ask for.
struct Material {
    algorithm: Algorithm,
    /// PKCS#8; a secret of 64 bytes for HMAC.
    private: Vec<u8>,
    signing: SigningKey,
}

impl Material {
    fn new(algorithm: Algorithm) -> Self {
        let (private, signing) = if algorithm.is_symmetric() {
            (vec![7; 64], SigningKey::secret(algorithm, &[7; 64]))
        } else {
            let pkcs8 = SigningKey::generate(algorithm).expect("a key");
            (pkcs8.to_vec(), SigningKey::from_pkcs8(algorithm, &pkcs8))
        };
        Self { algorithm, private, signing: signing.expect("a key") }
    }

    /// An RSA key as PKCS#1: PKCS#8 of 3072 bits wraps it in 26 bytes.
    fn pkcs1(&self) -> &[u8] {
        &self.private[26..]
    }
}

fn algorithms(criterion: &mut Criterion) {
    for algorithm in ALGORITHMS {
        let material = Material::new(algorithm);
        let contenders = [ours::new(&material), jsonwebtoken::new(&material), jwt_simple::new(&material)];
        let token = (contenders[0].sign)();
        for contender in &contenders {
            // Each accepts what each has signed: they write the same thing.
            contenders.iter().for_each(|other| (contender.verify)(&(other.sign)()));
            report(algorithm, contender, &token);
        }
        for contender in &contenders {
            let mut group = criterion.benchmark_group(format!("{algorithm} verify"));
            group.bench_function(contender.name, |bench| bench.iter(|| (contender.verify)(&token)));
            group.finish();
        }
        for contender in &contenders {
            let mut group = criterion.benchmark_group(format!("{algorithm} sign"));
            group.bench_function(contender.name, |bench| bench.iter(|| (contender.sign)()));
            group.finish();
        }
    }
}

/// Allocations of Rust code; those inside of a C library are not seen.
fn report(algorithm: Algorithm, contender: &Contender, token: &str) {
    let verify = allocation_counter::measure(|| (contender.verify)(token));
    let sign = allocation_counter::measure(|| drop((contender.sign)()));
    let (verify, sign) = (verify.count_total, sign.count_total);
    println!("{algorithm}, {}: allocations: verify {verify}, sign {sign}", contender.name);
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1200));
    targets = algorithms
}
criterion_main!(all);
