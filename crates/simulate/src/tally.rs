//! How often each interesting thing happened: a run in which one never did has shown nothing about it.

use std::fmt;

/// Makes the enum, its list, and its words from one table.
macro_rules! seen {
    ($($name:ident $words:literal,)*) => {
        /// Something that a run must have met.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Seen {
            $(#[doc = $words] $name,)*
        }

        impl Seen {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What it is.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

seen! {
    Rotated "refresh: the next generation",
    SameLost "refresh: answered again, the same attempt",
    SameGrace "refresh: answered again, within the grace",
    AtTheGrace "refresh: exactly at the end of the grace",
    SameStrike "refresh: answered again, a life spent",
    LateDuplicate "refresh: a late duplicate refused",
    BelowFloor "refresh: from before a privilege change, refused",
    WrongKind "refresh: of the other kind, refused",
    DeadRefused "refresh: of a dead login, refused",
    IdleRefused "refresh: idle or expired, refused",
    Reuse "refresh: a reused token ended its session",
    ReuseAfterTheft "refresh: a theft noticed",
    ReuseCareless "refresh: a careless client ended its own session",
    LivesUsedUp "refresh: a client without attempts had no life left",
    Exchanged "exchange: done",
    ExchangeAgain "exchange: answered again",
    ExchangeRefused "exchange: refused",
    Logout "ended: logout",
    LogoutByAccess "ended: logout by an access token",
    EndOne "ended: by its owner from another login",
    EndAll "ended: every login of the user",
    EndOthers "ended: every other login of the user",
    Disabled "ended: the user was disabled",
    RolesChanged "the user's roles changed",
    EndRaced "an end while a refresh was under way",
    FailBefore "fault: a write failed before anything was done",
    FailAfter "fault: a write was committed and failed all the same",
    FailRead "fault: a read failed",
    Held "fault: an answer held back after its commit",
    LostBefore "fault: a request dropped before its commit",
    LostAfter "fault: an answer dropped after its commit",
    LostByServer "fault: requests died with their server",
    Unavailable "a client heard 503",
    RetryHelped "a retry after a 503 or a loss succeeded",
    Restarted "a server restarted",
    Skewed "the clocks of the servers differed",
    ClockBack "a server's clock was set back",
    Crashed "a client died between attempt and send",
    TabsRaced "two requests of one client at once",
    Duplicated "a request was delivered again later",
    Stolen "a store was copied",
    StolenPending "a store was copied with its pending attempt",
    ThiefOwn "a thief sent an attempt of its own",
    ThiefNone "a thief sent no attempt",
    ThiefCopied "a thief sent the copied attempt",
    ThiefExchanged "a thief exchanged the token",
    ThiefGranted "a thief got a grant",
    Forged "a forged token was refused before anything was decided",
    Duel "thief and owner took turns until somebody was out",
    ShutOut "a thief was refused without an end",
    StrandedLate "stranded: a thief took the child by the copied attempt or within the grace, and went on",
    StrandedByThief "stranded: a thief exchanged the token",
    StrandedByExchange "stranded: the owner's exchange of a spent token is no refresh",
    KilledChecked "access tokens that must be dead, and were",
    LiveChecked "access tokens that must be good, and were",
    FeedFollowed "a server followed the feed",
    Reopened "the database was closed and opened again",
    LostTail "after the database lost its tail, a client went on with its newer token",
    EverythingEnded "everything of everyone was ended",
    Bystander "another login of the same user lived on",
    BystanderEnded "another login of the same user ended with all",
}

/// The counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Schedules that were run.
    pub schedules: u64,
    /// Steps of all stores.
    pub steps: u64,
    /// Refreshes and exchanges that a store decided.
    pub decisions: u64,
    counts: [u64; Seen::ALL.len()],
}

impl Default for Tally {
    fn default() -> Self {
        Self { schedules: 0, steps: 0, decisions: 0, counts: [0; Seen::ALL.len()] }
    }
}

impl Tally {
    pub(crate) fn of_one() -> Self {
        Self { schedules: 1, ..Self::default() }
    }

    /// It happened once more.
    pub fn saw(&mut self, seen: Seen) {
        self.counts[seen as usize] += 1;
    }

    /// How often it happened.
    pub fn of(&self, seen: Seen) -> u64 {
        self.counts[seen as usize]
    }

    /// Adds what another run counted.
    pub fn add(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.steps += other.steps;
        self.decisions += other.decisions;
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
    }

    /// What never happened.
    pub fn never(&self) -> Vec<&'static str> {
        Seen::ALL.iter().filter(|seen| self.of(**seen) == 0).map(|seen| seen.words()).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12}  schedules", self.schedules)?;
        writeln!(f, "{:>12}  steps of the store", self.steps)?;
        writeln!(f, "{:>12}  refreshes and exchanges decided", self.decisions)?;
        for seen in Seen::ALL {
            writeln!(f, "{:>12}  {}", self.of(*seen), seen.words())?;
        }
        Ok(())
    }
}
