//! Guessing is slow, and nobody can be locked out by somebody else's guesses
//! (docs/decisions/0002-throttling-without-lockout.md).
//!
//! Every attempt is charged to its address. Attempts from addresses that the account never logged in from share one
//! budget; an address that it did log in from has a budget of its own. So has each login, for whoever proves the password
//! again: the guesses of strangers are not charged to it. What is charged before the hash is given back
//! when the password was right, so parallel guesses cannot outrun the counter.

mod bucket;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_verify::Timestamp;

use bucket::Buckets;
pub use bucket::{InvalidQuota, Quota};
pub use cloakroom_verify::address::AddressGroup;

use crate::email::EmailKey;
use crate::gate::Login;

/// How many keys each kind of bucket may have.
const BUCKETS: usize = 65_536;
/// How many (account, address) pairs are remembered as known.
const KNOWN: usize = 65_536;

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// When to come again.
    pub retry_after: Duration,
}

/// Limits failed logins, in bounded memory.
#[derive(Debug)]
pub struct Throttle {
    random: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    addresses: Buckets<AddressGroup>,
    accounts: Buckets<Account>,
    /// Whence an account has logged in, by when.
    known: HashMap<(u64, AddressGroup), Timestamp>,
}

/// Whose budget an attempt is charged to. Accounts are named by a keyed hash, so nobody can aim at a collision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Account {
    Shared(u64),
    From(u64, AddressGroup),
    Login(Login),
}

/// An attempt that has been charged. Dropped, it stays charged.
#[derive(Debug)]
pub struct Attempt<'t> {
    throttle: &'t Throttle,
    /// Whose address it is, if the password is right.
    account: Option<u64>,
    charged: Account,
    address: Option<AddressGroup>,
}

impl Throttle {
    /// Budgets for each account and for each address.
    pub fn new(per_account: Quota, per_address: Quota) -> Self {
        Self {
            random: RandomState::new(),
            state: Mutex::new(State {
                addresses: Buckets::new(per_address, BUCKETS),
                accounts: Buckets::new(per_account, BUCKETS),
                known: HashMap::new(),
            }),
        }
    }

    /// Charges an attempt. `known`: the store says that this account logged in from this address before.
    /// Existing and missing accounts are treated alike.
    pub fn begin(
        &self,
        account: &EmailKey,
        address: Option<IpAddr>,
        known: bool,
        now: Timestamp,
    ) -> Result<Attempt<'_>, TooMany> {
        let account = self.random.hash_one(account);
        let address = address.map(AddressGroup::of);
        let mut state = self.lock();
        if let Some(address) = address {
            state.addresses.charge(address, now)?;
        }
        let own = address.filter(|address| known || state.known.contains_key(&(account, *address)));
        let own = own.map(|address| Account::From(account, address));
        let shared = Account::Shared(account);
        let charged = match own {
            Some(own) if state.accounts.charge(own, now).is_ok() => Ok(own),
            Some(_) | None => state.accounts.charge(shared, now).map(|()| shared),
        };
        match charged {
            Ok(charged) => Ok(Attempt { throttle: self, account: Some(account), charged, address }),
            Err(too_many) => {
                // Nothing was tried: the address is not charged for it.
                if let Some(address) = address {
                    state.addresses.refund(address);
                }
                Err(too_many)
            }
        }
    }

    /// Charges an attempt of somebody who holds a credential of this login.
    pub(crate) fn begin_again(
        &self,
        login: Login,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Attempt<'_>, TooMany> {
        let (charged, address) = (Account::Login(login), address.map(AddressGroup::of));
        let mut state = self.lock();
        state.accounts.charge(charged, now)?;
        if let Some(from) = address
            && let Err(too_many) = state.addresses.charge(from, now)
        {
            state.accounts.refund(charged);
            return Err(too_many);
        }
        Ok(Attempt { throttle: self, account: None, charged, address })
    }

    /// Charges something else than a login to an address.
    pub fn charge_address(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), TooMany> {
        match address {
            Some(address) => self.lock().addresses.charge(AddressGroup::of(address), now),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the maps whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The password was right: nothing is charged, and the address is known from now on.
    pub fn succeeded(self, now: Timestamp) {
        let mut state = self.throttle.lock();
        self.refund(&mut state);
        if let Some((account, address)) = self.account.zip(self.address) {
            if state.known.len() >= KNOWN
                && let Some(oldest) = state.known.iter().min_by_key(|(_, at)| **at).map(|(pair, _)| *pair)
            {
                state.known.remove(&oldest);
            }
            state.known.insert((account, address), now);
        }
    }

    /// The password was wrong: it stays charged.
    pub fn failed(self) {}

    /// Nobody found out: nothing is charged.
    pub fn abandon(self) {
        self.refund(&mut self.throttle.lock());
    }

    fn refund(&self, state: &mut State) {
        state.accounts.refund(self.charged);
        if let Some(address) = self.address {
            state.addresses.refund(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::Email;

    const ATTACKER: &str = "198.51.100.7";
    const VICTIM: &str = "203.0.113.5";

    fn throttle() -> Throttle {
        Throttle::new("10/15m".parse().unwrap(), "100/15m".parse().unwrap())
    }

    fn account(email: &str) -> EmailKey {
        Email::parse(email).unwrap().key
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + 60 * minutes)
    }

    fn fail(throttle: &Throttle, email: &str, address: &str) -> bool {
        let attempt = throttle.begin(&account(email), address.parse().ok(), false, at(0));
        attempt.map(Attempt::failed).is_ok()
    }

    #[test]
    fn all_spellings_of_an_account_share_its_budget() {
        let throttle = throttle();
        let spellings = ["bob@example.com", "BOB@example.com", " bob@EXAMPLE.com"];
        let tried = (0..50).filter(|n| fail(&throttle, spellings[n % 3], ATTACKER)).count();
        assert_eq!(tried, 10);
        assert!(fail(&throttle, "alice@example.com", ATTACKER), "another account is another budget");
    }

    #[test]
    fn an_attacker_with_many_addresses_has_one_budget_for_an_account() {
        let throttle = throttle();
        let tried =
            (0..200).filter(|n| fail(&throttle, "bob@example.com", &format!("198.51.100.{n}"))).count();
        assert_eq!(tried, 10);
    }

    #[test]
    fn the_victim_logs_in_from_where_it_did_before() {
        let throttle = throttle();
        let (bob, home) = (account("bob@example.com"), VICTIM.parse().ok());
        throttle.begin(&bob, home, false, at(-60)).unwrap().succeeded(at(-60));
        while fail(&throttle, "bob@example.com", ATTACKER) {}
        throttle.begin(&bob, home, false, at(0)).unwrap().succeeded(at(0));
        let elsewhere = throttle.begin(&bob, "192.0.2.9".parse().ok(), false, at(0));
        assert!(elsewhere.is_err());
        let known_to_the_store = throttle.begin(&bob, "192.0.2.9".parse().ok(), true, at(0));
        assert!(known_to_the_store.is_ok());
    }

    #[test]
    fn success_costs_nothing_and_an_outage_costs_nothing() {
        let throttle = throttle();
        let (bob, home) = (account("bob@example.com"), VICTIM.parse().ok());
        for _ in 0..1000 {
            throttle.begin(&bob, home, false, at(0)).unwrap().succeeded(at(0));
            throttle.begin(&bob, home, false, at(0)).unwrap().abandon();
        }
    }

    #[test]
    fn an_address_runs_out_over_many_accounts_and_ipv6_counts_by_network() {
        let throttle = throttle();
        let tried = |n: usize| fail(&throttle, &format!("user{n}@example.com"), &format!("2001:db8::{n:x}"));
        assert_eq!((0..200).filter(|n| tried(*n)).count(), 100);
        assert!(throttle.charge_address("2001:db8::ffff".parse().ok(), at(0)).is_err());
        assert!(throttle.charge_address("2001:db8:0:1::1".parse().ok(), at(0)).is_ok());
    }

    #[test]
    fn a_budget_comes_back_with_time() {
        let throttle = throttle();
        let bob = account("bob@example.com");
        while fail(&throttle, "bob@example.com", ATTACKER) {}
        let TooMany { retry_after } = throttle.begin(&bob, ATTACKER.parse().ok(), false, at(0)).unwrap_err();
        assert_eq!(retry_after, Duration::from_secs(90));
        assert!(throttle.begin(&bob, ATTACKER.parse().ok(), false, at(0).after(retry_after)).is_ok());
    }

    #[test]
    fn parallel_guesses_do_not_outrun_the_counter() {
        let throttle = throttle();
        let guess = || (0..8).filter(|_| fail(&throttle, "bob@example.com", ATTACKER)).count();
        let admitted: usize = std::thread::scope(|scope| {
            let guessers: Vec<_> = (0..64).map(|_| scope.spawn(guess)).collect();
            guessers.into_iter().map(|guesser| guesser.join().unwrap()).sum()
        });
        assert_eq!(admitted, 10);
    }
}
