//! The mutants: rules of docs/refresh.md, each broken on purpose, and a few more.

/// A rule broken on purpose.
pub(super) struct Mutant {
    /// What is wrong.
    pub(super) name: &'static str,
    /// The file that is changed.
    pub(super) file: &'static str,
    /// What is replaced by what. Each text is there exactly once.
    pub(super) changes: &'static [(&'static str, &'static str)],
    /// The smallest tests that must see it, each.
    pub(super) suites: &'static [Suite],
}

impl Mutant {
    /// The file with the change, or why it does not fit.
    pub(super) fn apply(&self, source: &str) -> Result<String, String> {
        self.changes.iter().try_fold(source.to_owned(), |source, (find, replace)| {
            match source.matches(find).count() {
                1 => Ok(source.replace(find, replace)),
                count => Err(format!("{count} places in {} for: {find}", self.file)),
            }
        })
    }
}

/// What is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    /// The decision, as a pure function.
    Rule,
    /// The same under every order of events: shows that the model checks the code and not a copy of it.
    Model,
    /// What every store promises, on memory and SQLite.
    Contract,
    /// SQLite alone.
    Sqlite,
    /// The route.
    Api,
    /// The routes while the store is down.
    Outage,
    /// A verifier over a simulated network.
    Feed,
    /// Its parts alone.
    FeedUnits,
    /// A verifier and its authority.
    Verifier,
    /// Who else is told, and when everybody knows.
    Receipts,
    /// The parts of the rules alone.
    AuthUnits,
}

impl Suite {
    /// The arguments of cargo.
    pub(super) const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Rule => &["test", "-p", "cloakroom-auth", "--all-features", "--test", "refresh_rule"],
            Self::Model => &["test", "-p", "cloakroom-models", "--test", "refresh"],
            Self::Contract => &["test", "-p", "cloakroom-store", "--all-features", "--test", "contract"],
            Self::Sqlite => &["test", "-p", "cloakroom-store", "--all-features", "--test", "sqlite"],
            Self::Api => &["test", "-p", "cloakroom", "--all-features", "--test", "api", "refresh"],
            Self::Outage => &["test", "-p", "cloakroom", "--all-features", "--test", "api", "outage"],
            Self::Feed => &["test", "-p", "cloakroom-verify", "--all-features", "--test", "feed"],
            Self::FeedUnits => &["test", "-p", "cloakroom-verify", "--all-features", "--lib"],
            Self::Verifier => &["test", "-p", "cloakroom-verify", "--all-features", "--test", "verifier"],
            Self::Receipts => &["test", "-p", "cloakroom", "--all-features", "--test", "api", "admin"],
            Self::AuthUnits => &["test", "-p", "cloakroom-auth", "--all-features", "--lib"],
        }
    }
}

const RULE: &str = "crates/auth/src/refresh.rs";
const ROW: &str = "crates/auth/src/session/life.rs";
const USER: &str = "crates/auth/src/user.rs";
const VERB: &str = "crates/auth/src/verbs/refresh.rs";
const SQLITE: &str = "crates/store/src/sqlite/sessions.rs";
const SQLITE_ROW: &str = "crates/store/src/sqlite/session_row.rs";

/// All of them.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "any generation rotates (`generation = $g` dropped)",
        file: RULE,
        changes: &[("if ask.generation == row.generation {", "if ask.generation >= row.floor {")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "an ended row is good (`revoked_seq IS NULL` dropped)",
        file: ROW,
        changes: &[("if self.revoked {", "if self.revoked && self.rv > self.rv {")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "`<` for `<=` at the grace",
        file: RULE,
        changes: &[("ask.now.since(entry.at) <= ask.grace", "ask.now.since(entry.at) < ask.grace")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "revoking outside the transaction that decided it",
        file: SQLITE,
        changes: &[
            (
                "        let ask = ask.clone();\n        self.write(move |transaction| {\n            \
                 let Some(mut found) = found(transaction, ask.session)? else { return Ok(Rotation::Unknown) };",
                "        let ask = ask.clone();\n        let (id, now) = (ask.session, ask.now);\n        \
                 let done = self.write(move |transaction| {\n            \
                 let Some(mut found) = found(transaction, ask.session)? else { return Ok(Rotation::Unknown) };",
            ),
            (
                "                Decision::Revoke => end(transaction, ask.session, EndReason::RefreshTokenReused, ask.now)\n\
                 \u{20}                   .map(Rotation::Revoked),\n            }\n        })\n        .await\n",
                "                // Until it is written below, a word that is not said for anything else here.\n\
                 \u{20}               Decision::Revoke => Ok(Rotation::Refused(refresh::Refusal::FromTheFuture)),\n            }\n        \
                 })\n        .await?;\n        if !matches!(done, Rotation::Refused(refresh::Refusal::FromTheFuture)) {\n            \
                 return Ok(done);\n        }\n        \
                 Ok(match self.end(id, None, EndReason::RefreshTokenReused, now).await? {\n            \
                 Ended::Now(event) => Rotation::Revoked(event),\n            \
                 Ended::Already | Ended::Unknown => done,\n        })\n",
            ),
        ],
        suites: &[Suite::Sqlite],
    },
    Mutant {
        name: "the mac is checked after the write",
        file: VERB,
        changes: &[
            (
                "let Some((token, before)) = self.proved(token, now).await? else {",
                "let found = match token {\n            \
                 Some(token) => self.store.find(token.session).await?.map(|found| (token, found)),\n            \
                 None => None,\n        };\n        let Some((token, before)) = found else {",
            ),
            (
                "let rotation = self.store.rotate(&ask).await?;\n",
                "let rotation = self.store.rotate(&ask).await?;\n        \
                 if self.proved(Some(token.clone()), now).await?.is_none() {\n            \
                 return Ok(Refresh::InvalidGrant { over: None });\n        }\n",
            ),
        ],
        suites: &[Suite::Api],
    },
    Mutant {
        name: "an attempt is answered wherever in the ring it is found",
        file: RULE,
        changes: &[("if same_attempt && back == 0 {", "if same_attempt {")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "every generation is compared with the parent's entry",
        file: RULE,
        changes: &[("row.spent.at(back);", "row.spent.at(0);")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "a rotation gives the lives back",
        file: RULE,
        changes: &[(
            "        self.spend(as_of, ask.attempt, ask.now);\n",
            "        self.strikes = 0;\n        self.spend(as_of, ask.attempt, ask.now);\n",
        )],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "SQLite forgets strikes",
        file: SQLITE_ROW,
        changes: &[("strikes = :strikes", "strikes = 0 * :strikes")],
        suites: &[Suite::Contract],
    },
    Mutant {
        name: "`keyed` is ignored",
        file: RULE,
        changes: &[(
            "ask.attempt.is_none() && !row.keyed && back == 0",
            "ask.attempt.is_none() && back == 0",
        )],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "`keyed` is what the last request was",
        file: RULE,
        changes: &[("self.keyed |= attempt.is_some();", "self.keyed = attempt.is_some();")],
        suites: &[Suite::Rule],
    },
    Mutant {
        name: "SQLite forgets `keyed`",
        file: SQLITE_ROW,
        changes: &[("keyed = :keyed", "keyed = :keyed AND 0")],
        suites: &[Suite::Contract],
    },
    Mutant {
        name: "the head is read after the UPDATE",
        file: SQLITE,
        changes: &[(
            "                    found.session.rotate(adopt, found.as_of, &ask);\n                    \
             update(transaction, &found.session)?;\n",
            "                    found.session.rotate(adopt, found.as_of, &ask);\n                    \
             update(transaction, &found.session)?;\n                    \
             if let Some(later) = self::found(transaction, ask.session)? {\n                        \
             found.as_of = later.as_of;\n                    }\n",
        )],
        suites: &[Suite::Sqlite],
    },
    Mutant {
        name: "the head is read after the rotation, by the verb",
        file: VERB,
        changes: &[(
            "            Rotation::Rotated(found) | Rotation::Same(found, _) => {\n",
            "            Rotation::Rotated(found) | Rotation::Same(found, _) => {\n                \
             let found = self.store.find(token.session).await?.unwrap_or(found);\n",
        )],
        suites: &[Suite::Api],
    },
    Mutant {
        name: "no floor on generations",
        file: RULE,
        changes: &[(
            "if ask.generation < row.floor {",
            "if ask.generation < row.floor && row.floor == u32::MAX {",
        )],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "no floor on `rv`",
        file: ROW,
        changes: &[("if self.rv < self.min_rv.max(as_of.floor()) {", "if self.rv < self.min_rv {")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "`min_rv` of the user is not asked for",
        file: ROW,
        changes: &[("if self.rv < self.min_rv.max(as_of.floor()) {", "if self.rv < as_of.floor() {")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "a login is taken whatever killed everything before it",
        file: USER,
        changes: &[("self.min_rv.max(as_of.floor())", "self.min_rv")],
        suites: &[Suite::Contract],
    },
    Mutant {
        name: "the key binding is not asked for",
        file: RULE,
        changes: &[(
            "if bound && row.jkt != ask.proof {",
            "if bound && row.jkt != ask.proof && row.floor == u32::MAX {",
        )],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "a bound row is ended for the lack of its key",
        file: RULE,
        changes: &[("return Decision::Refuse(Refusal::MissingProof);", "return Decision::Revoke;")],
        suites: &[Suite::Rule, Suite::Model],
    },
    Mutant {
        name: "a failed read is told as invalid_grant",
        file: VERB,
        changes: &[(
            "let Some((token, before)) = self.proved(token, now).await? else {",
            "let Some((token, before)) = self.proved(token, now).await.ok().flatten() else {",
        )],
        suites: &[Suite::Outage],
    },
    Mutant {
        name: "a failed write is told as invalid_grant",
        file: VERB,
        changes: &[(
            "let rotation = self.store.rotate(&ask).await?;\n",
            "let rotation = self.store.rotate(&ask).await.unwrap_or(Rotation::Unknown);\n",
        )],
        suites: &[Suite::Api],
    },
    Mutant {
        name: "two at once: a read, a decision and a write are three steps",
        file: SQLITE,
        changes: &[(
            "        let ask = ask.clone();\n        self.write(move |transaction| {\n            \
             let Some(mut found) = found(transaction, ask.session)? else { return Ok(Rotation::Unknown) };",
            "        let ask = ask.clone();\n        let before = self.find(ask.session).await?;\n        \
             self.write(move |transaction| {\n            let Some(mut found) = before else { return Ok(Rotation::Unknown) };",
        )],
        suites: &[Suite::Contract],
    },
];
