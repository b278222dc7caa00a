//! The mutants of the feed: each shortcut that its design names has a counterexample, and the tests must know it.

use super::list::{Mutant, Suite};

const KNOWLEDGE: &str = "crates/verify/src/remote/knowledge.rs";
const FOLLOWER: &str = "crates/verify/src/remote/follower.rs";
const WATERMARK: &str = "crates/verify/src/feed/watermark.rs";
const LEASE: &str = "crates/verify/src/lease.rs";

/// All of them.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "feed: freshness counts from the receipt of an answer",
        file: KNOWLEDGE,
        changes: &[(
            "BootInstant(asked.sent.0.saturating_sub(age))",
            "BootInstant(self.clock.boot().0.saturating_sub(age))",
        )],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: a push makes fresh (a one-way heartbeat)",
        file: KNOWLEDGE,
        changes: &[(
            "        watermark.pushed(event.rv);\n",
            "        watermark.pushed(event.rv);\n        self.lease.credit(self.clock.boot());\n",
        )],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: F moves while the head lies past the watermark",
        file: KNOWLEDGE,
        changes: &[(
            "let complete = brought_all || watermark.position() >= Some(answer.head);",
            "let complete = brought_all || watermark.position() <= Some(answer.head);",
        )],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: the age that an answer tells is ignored",
        file: KNOWLEDGE,
        changes: &[("asked.sent.0.saturating_sub(age)", "asked.sent.0.max(age)")],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: a server's smaller bound is ignored",
        file: KNOWLEDGE,
        changes: &[(".fold(self.own, Duration::min)", ".fold(self.own, Duration::max)")],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: the head of a copy that lags is accepted",
        file: WATERMARK,
        changes: &[(
            "if head.epoch() < known_epoch || asked.is_some_and(|asked| head < asked) {",
            "if head.epoch() < known_epoch || asked.is_some_and(|asked| head.epoch() < asked.epoch()) {",
        )],
        suites: &[Suite::FeedUnits, Suite::Feed],
    },
    Mutant {
        name: "feed: a head behind what was asked from is credited",
        file: FOLLOWER,
        changes: &[("let asked = Asked { known, sent:", "let asked = Asked { known: known.and(None), sent:")],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: an older epoch is credited",
        file: WATERMARK,
        changes: &[(
            "if head.epoch() < known_epoch || asked.is_some_and(|asked| head < asked) {",
            "if head.epoch() < known_epoch.min(1) || asked.is_some_and(|asked| head < asked && head.epoch() == asked.epoch()) {",
        )],
        suites: &[Suite::FeedUnits, Suite::Feed],
    },
    Mutant {
        name: "feed: a push closes a gap",
        file: WATERMARK,
        changes: &[("known.epoch() == rv.epoch() && known.next() == rv", "known < rv")],
        suites: &[Suite::FeedUnits, Suite::Feed],
    },
    Mutant {
        name: "feed: the table is read before F",
        file: LEASE,
        changes: &[(
            "        let known_until = self.known_until.load(Ordering::Acquire);\n        match table() {",
            "        let verdict = table();\n        let known_until = self.known_until.load(Ordering::Acquire);\n        \
             match verdict {",
        )],
        suites: &[Suite::FeedUnits],
    },
    Mutant {
        name: "feed: the clock is read before the table",
        file: LEASE,
        changes: &[
            (
                "        let known_until = self.known_until.load(Ordering::Acquire);\n        match table() {",
                "        let known_until = self.known_until.load(Ordering::Acquire);\n        \
                 let now = clock.boot();\n        match table() {",
            ),
            (
                "let age = clock.boot().since(BootInstant(known_until));\n        if",
                "let age = now.since(BootInstant(known_until));\n        if",
            ),
        ],
        suites: &[Suite::FeedUnits],
    },
    Mutant {
        name: "feed: a tolerant route has no limit",
        file: LEASE,
        changes: &[(
            "RouteClass::Tolerant(limit) if age <= limit =>",
            "RouteClass::Tolerant(limit) if !limit.is_zero() =>",
        )],
        suites: &[Suite::FeedUnits, Suite::Feed],
    },
    Mutant {
        name: "feed: an answer to another question counts",
        file: FOLLOWER,
        changes: &[(
            "if answer.nonce != question.nonce {",
            "if answer.nonce.len() != question.nonce.len() {",
        )],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: a snapshot that was cut counts",
        file: "crates/verify/src/remote/fill.rs",
        changes: &[("if missing != 0 {", "if missing > MOST_ENTRIES {")],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: the slowest answer tells the server's time",
        file: "crates/verify/src/remote/server_time.rs",
        changes: &[("offsets.iter().copied().min()", "offsets.iter().copied().max()")],
        suites: &[Suite::FeedUnits],
    },
    Mutant {
        name: "feed: `exp` is judged by this machine's clock",
        file: "crates/verify/src/remote/server_time.rs",
        changes: &[(
            "self.time.at(self.local.boot()).unwrap_or_else(|| self.local.wall())",
            "self.time.at(self.local.boot()).map_or_else(|| self.local.wall(), |_| self.local.wall())",
        )],
        suites: &[Suite::FeedUnits, Suite::Feed],
    },
    Mutant {
        name: "feed: a revoked key is loaded again",
        file: "crates/verify/src/key_source.rs",
        changes: &[(
            "!revocations.is_key_revoked(kid)",
            "!kid.as_str().is_empty() || revocations.is_key_revoked(kid)",
        )],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: whoever waits with a lapsed lease asks alone",
        file: FOLLOWER,
        changes: &[("self.on_demand.once(&(), self.ask_everybody()).await;", "self.ask_everybody().await;")],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: nobody is told that the lease is lost",
        file: FOLLOWER,
        changes: &[("if was_fresh && !is_fresh {", "if was_fresh && !is_fresh && was_fresh == is_fresh {")],
        suites: &[Suite::Feed],
    },
    Mutant {
        name: "feed: a session once answered idle may come back",
        file: "crates/verify/src/passports.rs",
        changes: &[(
            "self.ended.store(true, Ordering::Relaxed);",
            "self.ended.store(false, Ordering::Relaxed);",
        )],
        suites: &[Suite::Verifier],
    },
    Mutant {
        name: "receipt: this server's bound is taken for everybody's",
        file: "crates/auth/src/node.rs",
        changes: &[(
            "others.map_or(self.bound, |others| others.max(self.bound))",
            "others.map_or(self.bound, |others| others.min(self.bound))",
        )],
        suites: &[Suite::Receipts],
    },
    Mutant {
        name: "receipt: the bound counts from before the commit",
        file: "crates/server/src/routes/admin/revocations.rs",
        changes: &[
            (
                "    let revoked = app.auth.revoke(",
                "    let (committed, committed_at) = (app.clock.boot(), rfc3339(app.clock.wall()));\n    \
                 let revoked = app.auth.revoke(",
            ),
            (
                "    // Both after the commit: what it took is no part of the bound.\n    \
                 let (committed, committed_at) = (app.clock.boot(), rfc3339(app.clock.wall()));\n",
                "",
            ),
        ],
        suites: &[Suite::Receipts],
    },
    Mutant {
        name: "receipt: a verifier is registered by a reading of the clock from before",
        file: "crates/auth/src/verifiers.rs",
        changes: &[(
            "        let mut all = self.lock();\n        let now = clock.boot();\n        let of_key",
            "        let now = clock.boot();\n        let mut all = self.lock();\n        let of_key",
        )],
        suites: &[Suite::AuthUnits],
    },
    Mutant {
        name: "retention: a clock that is ahead shortens it",
        file: "crates/auth/src/feed.rs",
        changes: &[("|| earliest >= self.until {", "|| latest >= self.until {")],
        suites: &[Suite::AuthUnits],
    },
];
