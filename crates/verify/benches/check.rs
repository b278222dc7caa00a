//! What a check costs: `cargo bench -p cloakroom-verify`.
//!
//! Each future is polled once and must be ready: there is no await on I/O on these paths. Allocations are counted
//! before the timing, with a warm verifier.
#![expect(clippy::print_stdout, reason = "a benchmark reports")]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses a part of it")]
mod common;

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloakroom_verify::authenticate::{Authenticate, Proof};
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::jwt::{Rules, verify};
use cloakroom_verify::lease::Lease;
use cloakroom_verify::revocations::{Revocations, Verdict};
use cloakroom_verify::{Principal, Revocation, SessionId};
use common::{Forge, ISSUER, World, event, rv, start, user};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// The answer of a future that needs nobody.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a warm check waits for nobody"),
    }
}

fn show(world: &World, proof: Proof<'_>) -> Principal {
    ready(world.verifier.authenticate(proof)).expect("a live credential")
}

fn allocations(what: &str, mut check: impl FnMut()) {
    check();
    let counted = allocation_counter::measure(check);
    println!("{what}: {} allocations, {} bytes", counted.count_total, counted.bytes_total);
}

fn checks(criterion: &mut Criterion) {
    let world = World::new();
    let token = world.session(1);
    let session = || drop(black_box(show(&world, Proof::Session(black_box(&token)))));
    allocations("session, warm", session);
    criterion.bench_function("session, warm", |bench| bench.iter(session));

    for (name, forge) in [("HS256", Forge::hs256(&[7; 32])), ("EdDSA", Forge::eddsa())] {
        let token = forge.token(Some(SessionId::from_bytes([3; 16])), rv(1));
        let (keys, rules) = (forge.keys(), Rules::new(ISSUER, "cloakroom"));
        let first =
            || drop(black_box(verify(black_box(&token), &keys, &rules, start()).expect("a good token")));
        allocations(&format!("access token, {name}, first sight"), first);
        criterion.bench_function(&format!("access token, {name}, first sight"), |bench| bench.iter(first));

        let world = World::with(forge);
        let seen = || drop(black_box(show(&world, Proof::Bearer(black_box(&token)))));
        allocations(&format!("access token, {name}, seen before"), seen);
        criterion.bench_function(&format!("access token, {name}, seen before"), |bench| bench.iter(seen));
    }
}

/// The part of a check that grows with what was revoked: the table, the lease and the clock.
fn revocations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("revocation check");
    for entries in [0_u32, 1_000, 100_000, 10_000_000] {
        let (table, lease) = (Arc::new(Revocations::new()), Lease::new(std::time::Duration::from_secs(3600)));
        lease.credit(SystemClock.boot());
        for seq in 1..=entries {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&seq.to_be_bytes());
            table.apply(&event(seq, Revocation::SessionRevoked(SessionId::from_bytes(id))));
        }
        let session = SessionId::from_bytes([3; 16]);
        let probe = || table.session(black_box(&session), &user(), rv(1), rv(1));
        let check = || black_box(lease.judge(&SystemClock, || black_box(probe())));
        assert_eq!(probe(), Verdict::Live);
        allocations(&format!("revocation check, {entries} entries"), || {
            black_box(probe());
        });
        group.bench_function(BenchmarkId::new("table", entries), |bench| bench.iter(probe));
        group.bench_function(BenchmarkId::new("table, lease and clock", entries), |bench| bench.iter(check));
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default();
    targets = checks, revocations
}
criterion_main!(all);
