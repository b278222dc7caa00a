//! What must be true of the logs. It knows nothing of the code, and judges by two numbers that the code does not see.
//!
//! **The bound.** The promise speaks of the moment of the commit, which nobody outside the database sees. The driver reads
//! the clock *after* the acknowledgement arrived, so the commit lies before: `committed <= acknowledged`. An acceptance whose
//! check read its clock later than `acknowledged + bound` therefore read it later than `committed + bound`: a violation, and
//! never a false alarm. What is overlooked so is an acceptance that is late by less than the acknowledgement took. A
//! revocation that was never acknowledged (its server was killed) may or may not have been committed: nothing must follow.
//!
//! **Honesty.** A credential is refused (401) only if a revocation that kills it had been *asked for* before the refusal
//! ended, acknowledged or not. Whatever else keeps a verifier from accepting is 503.
//!
//! **What a revocation of many kills.** For certain a credential that had come before it was asked for; possibly one that
//! was asked for before it was acknowledged. The first must die, the second may.

use std::collections::HashMap;

use crate::record::{Answer, Checked, Deed, Kills, Logs, Moment, Number};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) violations: Vec<Violation>,
    /// How long after its acknowledgement the last acceptance of a killed credential read its clock, of all revocations.
    pub(crate) latest: u64,
    /// Acceptances of killed credentials after the acknowledgement, within the bound.
    pub(crate) within: u64,
    /// Checks of a killed credential that were begun later than the bound: what the promise is about.
    pub(crate) put_to_the_test: u64,
    /// From each acknowledgement until the last verifier's first refusal is not known; this is until each one's first.
    pub(crate) bitten: Vec<u64>,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Accepted later than the bound.
    TooLate { check: Checked, by: u64 },
    /// Refused without a reason.
    Dishonest { check: Checked },
    /// A check of a credential that nobody made, or whose clocks run backwards: the logs are wrong.
    Nonsense { check: Checked },
}

#[derive(Debug, Clone, Copy)]
struct Credential {
    user: u32,
    asked: Moment,
    came: Moment,
    /// The first acknowledgement of a revocation that kills it for certain.
    dead: Option<Moment>,
    /// The first moment from which it may be dead.
    doubtful: Option<Moment>,
}

/// Reads the logs.
pub(crate) fn check(logs: &Logs) -> Verdict {
    let (bound, credentials) = (bound(&logs.deeds), credentials(&logs.deeds));
    let mut verdict = Verdict::default();
    let mut first_refusal: HashMap<Number, Moment> = HashMap::new();
    for check in &logs.checks {
        let credential = credentials.get(&check.credential);
        let ordered = check.begun <= check.judged && check.judged <= check.ended;
        let Some(credential) = credential.filter(|_| ordered) else {
            verdict.violations.push(Violation::Nonsense { check: *check });
            continue;
        };
        let late = |moment: Moment| credential.dead.map(|dead| moment.saturating_sub(dead));
        if late(check.begun).is_some_and(|late| late > bound) {
            verdict.put_to_the_test += 1;
        }
        match check.answer {
            Answer::Accepted => match late(check.judged) {
                Some(by) if by > bound => verdict.violations.push(Violation::TooLate { check: *check, by }),
                Some(by) if by > 0 => {
                    verdict.within += 1;
                    verdict.latest = verdict.latest.max(by);
                }
                Some(_) | None => {}
            },
            Answer::Refused => {
                if credential.doubtful.is_none_or(|doubtful| check.ended < doubtful) {
                    verdict.violations.push(Violation::Dishonest { check: *check });
                }
                let first = first_refusal.entry(check.credential).or_insert(check.ended);
                *first = (*first).min(check.ended);
            }
            Answer::Unavailable => {}
        }
    }
    for (number, refused) in first_refusal {
        verdict.bitten.extend(credentials[&number].dead.map(|dead| refused.saturating_sub(dead)));
    }
    verdict.bitten.sort_unstable();
    verdict
}

fn bound(deeds: &[Deed]) -> u64 {
    let bound = deeds
        .iter()
        .find_map(|deed| if let Deed::Run { bound_ms, .. } = deed { Some(*bound_ms) } else { None });
    bound.unwrap_or_default() * 1_000_000
}

fn credentials(deeds: &[Deed]) -> HashMap<Number, Credential> {
    let mut credentials = HashMap::new();
    let mut acknowledged = HashMap::new();
    for deed in deeds {
        match deed {
            Deed::Login { credential, user, asked, came, strategy: _ } => {
                let (user, asked, came) = (*user, *asked, *came);
                credentials.insert(*credential, Credential { user, asked, came, dead: None, doubtful: None });
            }
            Deed::Acknowledged { revocation, at } => {
                acknowledged.insert(*revocation, *at);
            }
            Deed::Run { .. } | Deed::Revoke { .. } | Deed::Fault { .. } => {}
        }
    }
    for deed in deeds {
        let Deed::Revoke { revocation, kills, asked } = deed else { continue };
        let acknowledged = acknowledged.get(revocation).copied();
        match kills {
            Kills::Credential(number) => {
                credentials.get_mut(number).into_iter().for_each(|killed| killed.hit(*asked, acknowledged));
            }
            Kills::User(user) => {
                let killed = credentials.values_mut().filter(|credential| credential.user == *user);
                killed.for_each(|killed| killed.hit(*asked, acknowledged));
            }
            Kills::Everything => credentials.values_mut().for_each(|killed| killed.hit(*asked, acknowledged)),
        }
    }
    credentials
}

impl Credential {
    fn hit(&mut self, asked: Moment, acknowledged: Option<Moment>) {
        let earlier = |known: Option<Moment>, new| Some(known.map_or(new, |known| known.min(new)));
        if acknowledged.is_none_or(|acknowledged| self.asked <= acknowledged) {
            self.doubtful = earlier(self.doubtful, asked);
        }
        if let Some(acknowledged) = acknowledged.filter(|_| self.came <= asked) {
            self.dead = earlier(self.dead, acknowledged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;
    const BOUND: u64 = 2000;

    /// A login at 10 ms, a revocation asked for at 100 ms and acknowledged at 110 ms.
    fn logs(kills: Kills, checks: &[(u64, u64, Answer)]) -> Logs {
        let login = |credential, user, at: u64| Deed::Login {
            credential,
            user,
            strategy: String::from("session"),
            asked: at * MILLI,
            came: (at + 10) * MILLI,
        };
        let deeds = vec![
            Deed::Run { seed: 1, bound_ms: BOUND },
            login(0, 7, 10),
            login(1, 8, 10),
            login(2, 7, 105),
            login(3, 7, 120),
            Deed::Revoke { revocation: 0, kills, asked: 100 * MILLI },
            Deed::Acknowledged { revocation: 0, at: 110 * MILLI },
        ];
        let checks = checks.iter().map(|(credential, at, answer)| Checked {
            credential: u32::try_from(*credential).unwrap(),
            begun: (at - 1) * MILLI,
            judged: at * MILLI,
            ended: (at + 1) * MILLI,
            answer: *answer,
        });
        Logs { deeds, checks: checks.collect(), verifiers: 1 }
    }

    fn found(kills: Kills, checks: &[(u64, u64, Answer)]) -> usize {
        check(&logs(kills, checks)).violations.len()
    }

    use Answer::{Accepted, Refused, Unavailable};

    #[test]
    fn an_acceptance_within_the_bound_is_none_of_its_business_and_one_after_it_is() {
        let one = Kills::Credential(0);
        assert_eq!(
            found(
                one,
                &[(0, 105, Accepted), (0, 2110, Accepted), (0, 2111, Refused), (0, 9000, Unavailable)]
            ),
            0
        );
        assert_eq!(found(one, &[(0, 2111, Accepted)]), 1);
        assert_eq!(found(one, &[(1, 9000, Accepted), (3, 9000, Accepted)]), 0, "of others it says nothing");
    }

    #[test]
    fn one_line_that_was_edited_is_found() {
        let mut logs = logs(Kills::User(7), &[(0, 500, Accepted), (0, 3000, Refused), (1, 3000, Accepted)]);
        assert!(check(&logs).violations.is_empty());
        logs.checks[1].answer = Accepted;
        assert!(matches!(check(&logs).violations[..], [Violation::TooLate { by, .. }] if by == 2890 * MILLI));
        logs.checks[1].answer = Refused;
        logs.checks[2].answer = Refused;
        assert!(matches!(check(&logs).violations[..], [Violation::Dishonest { .. }]));
        logs.checks[2] = Checked { judged: 0, ..logs.checks[2] };
        assert!(matches!(check(&logs).violations[..], [Violation::Nonsense { .. }]));
    }

    #[test]
    fn a_refusal_needs_a_revocation_that_was_asked_for() {
        let one = Kills::Credential(0);
        assert_eq!(found(one, &[(0, 98, Refused)]), 1, "before anybody asked for it");
        assert_eq!(found(one, &[(0, 99, Refused)]), 0, "it was asked for while it was checked");
        assert_eq!(found(one, &[(1, 5000, Refused)]), 1);
        assert_eq!(found(one, &[(1, 5000, Unavailable)]), 0);
    }

    #[test]
    fn of_many_what_came_before_must_die_and_what_came_meanwhile_may() {
        for all in [Kills::User(7), Kills::Everything] {
            assert_eq!(found(all, &[(0, 3000, Accepted)]), 1);
            assert_eq!(found(all, &[(2, 3000, Accepted), (2, 3000, Refused)]), 0, "asked for in between");
            assert_eq!(found(all, &[(3, 3000, Accepted)]), 0);
            assert_eq!(found(all, &[(3, 3000, Refused)]), 1, "no new login is dead at birth");
        }
    }

    #[test]
    fn what_nobody_acknowledged_may_have_happened() {
        let mut logs = logs(Kills::User(7), &[(0, 9000, Accepted), (0, 9000, Refused), (3, 9000, Refused)]);
        logs.deeds.pop();
        assert!(check(&logs).violations.is_empty());
    }
}
