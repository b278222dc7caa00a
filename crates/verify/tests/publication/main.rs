//! No reader sees a new lease with an old table (docs/revocation.md, I7): under every order of steps and every reordering that the
//! memory model allows (`loom`). What is checked are the files of the crate itself, with the locks and atomics of the
//! model checker put in through `crate::sync`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it reports as the harness would")]

#[expect(dead_code, unreachable_pub, unused_imports, reason = "this suite uses a part of it")]
#[path = "../../src/lease.rs"]
mod lease;
#[expect(dead_code, reason = "this suite uses a part of it")]
#[path = "../../src/scope.rs"]
mod scope;
mod sync;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cloakroom_verify::{Rv, Timestamp, authenticate, clock, revocations};
use loom::sync::Arc;
use loom::thread;

use clock::{BootInstant, Clock};
use lease::{Judgement, Lease};
use revocations::Verdict;
use scope::Scope;

const BOUND: Duration = Duration::from_secs(2);
/// The first lease was credited so long ago that it has run out at `NOW`; the second is good.
const LONG_AGO: BootInstant = BootInstant(1);
const NOW: BootInstant = BootInstant(3_600_000_000_000);

#[derive(Clone)]
struct Fixed;

impl Clock for Fixed {
    fn wall(&self) -> Timestamp {
        Timestamp::from_seconds(0)
    }

    fn boot(&self) -> BootInstant {
        NOW
    }
}

struct Shared {
    table: Scope<u8>,
    lease: Lease,
}

impl Shared {
    fn new() -> Arc<Self> {
        let lease = Lease::new(BOUND);
        lease.credit(LONG_AGO);
        Arc::new(Self { table: Scope::default(), lease })
    }

    fn learn(&self, key: u8) {
        self.table.raise(key, Rv::new(1, u32::from(key)), Timestamp::from_seconds(100));
    }

    fn judge(&self, key: u8) -> Judgement {
        self.lease.judge(&Fixed, || match self.table.newest(&key) {
            Some(_) => Verdict::Killed,
            None => Verdict::Live,
        })
    }
}

fn main() {
    let checks: [(&str, fn()); 4] = [
        ("a_fresh_lease_comes_with_its_table", a_fresh_lease_comes_with_its_table),
        ("a_table_that_grows_meanwhile_hides_nothing", a_table_that_grows_meanwhile_hides_nothing),
        ("two_answers_at_once_vouch_each_for_its_own", two_answers_at_once_vouch_each_for_its_own),
        ("the_other_order_is_noticed", the_other_order_is_noticed),
    ];
    for (name, check) in checks {
        // Spelled as the harness does, so that whoever reads the output of tests finds the one that failed.
        match catch_unwind(check) {
            Ok(()) => println!("test {name} ... ok"),
            Err(panic) => {
                println!("test {name} ... FAILED");
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn a_fresh_lease_comes_with_its_table() {
    loom::model(|| {
        let shared = Shared::new();
        let writer = Arc::clone(&shared);
        let writer = thread::spawn(move || {
            writer.learn(1);
            writer.lease.credit(NOW);
        });
        assert_ne!(shared.judge(1), Judgement::Live, "it was revoked before the lease was credited");
        writer.join().unwrap();
        assert_eq!(shared.judge(1), Judgement::Killed);
    });
}

fn a_table_that_grows_meanwhile_hides_nothing() {
    loom::model(|| {
        let shared = Shared::new();
        shared.learn(7);
        let writer = Arc::clone(&shared);
        let writer = thread::spawn(move || {
            for key in 1..4 {
                writer.learn(key);
            }
            writer.lease.credit(NOW);
        });
        assert_ne!(shared.judge(3), Judgement::Live);
        assert_eq!(shared.judge(7), Judgement::Killed, "what was known stays known");
        writer.join().unwrap();
    });
}

fn two_answers_at_once_vouch_each_for_its_own() {
    loom::model(|| {
        let shared = Shared::new();
        // Both servers told of the same event; whichever credits first, it is known.
        let writers = [1, 2].map(|_| {
            let writer = Arc::clone(&shared);
            thread::spawn(move || {
                writer.learn(1);
                writer.lease.credit(NOW);
            })
        });
        assert_ne!(shared.judge(1), Judgement::Live);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}

/// A check that cannot fail proves nothing.
fn the_other_order_is_noticed() {
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let judged = catch_unwind(AssertUnwindSafe(|| {
        loom::model(|| {
            let shared = Shared::new();
            let writer = Arc::clone(&shared);
            let writer = thread::spawn(move || {
                writer.lease.credit(NOW);
                writer.learn(1);
            });
            assert_ne!(shared.judge(1), Judgement::Live);
            writer.join().unwrap();
        });
    }));
    std::panic::set_hook(silent);
    assert!(judged.is_err(), "the lease was credited before its table was written, and nobody saw it");
}
