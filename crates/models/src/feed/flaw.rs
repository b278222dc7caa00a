//! What must not be got wrong: each shortcut that the design warns of, in the protocol or in what it assumes.

/// A mistake that some invariant must refute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// An answer counts from its receipt.
    ReceiptTime,
    /// A message that nobody asked for counts.
    Heartbeat,
    /// An answer counts for the newest question, whichever it answers.
    NonceUnchecked,
    /// An answer counts that told of more than it brought.
    CreditedUnfilled,
    /// The lease is credited before the events are applied.
    CreditedFirst,
    /// The check reads its table before its freshness.
    TableFirst,
    /// The check reads its clock before its table.
    ClockFirst,
    /// A server answers from a copy that lags.
    LaggingReplica,
    /// A grouped head read is used without its age.
    GroupedWithoutAge,
    /// A relay passes on what it knows without its age.
    RelayWithoutAge,
    /// A head behind what was asked from counts.
    HeadBehindCredited,
    /// A head of an older epoch counts.
    OlderEpochCredited,
    /// A primary that was demoted still answers.
    Unfenced,
    /// A new life counts on in the old epoch.
    EpochNotRaised,
    /// A new epoch is the stored one and one more, whatever the time.
    EpochWithoutTime,
    /// The clock of the database is set back between two restores.
    ClockSetBack,
    /// A snapshot takes the place of the table.
    SnapshotReplaces,
    /// A receipt looks at the process that gives it alone.
    OwnProcessOnly,
    /// A verifier is registered after the head read.
    RegisteredLate,
    /// A verifier is answered from a head read that began before it was registered.
    GroupedBeforeRegistered,
    /// A process without verifiers has acknowledged everything.
    NobodyIsEverything,
    /// A process looks at its verifiers before it reads the head for its row.
    VerifiersBeforeHead,
    /// A process that has just started is trusted to know every lease.
    YoungTrusted,
    /// A verifier is dropped from the register before its lease has lapsed.
    DroppedEarly,
    /// A receipt waits by the bound of the process that gives it, whatever others have.
    OwnBoundOnly,
    /// A receipt counts from before the commit.
    CountedFromBefore,
    /// A relay acknowledges for itself, not for its verifiers.
    RelayForItself,
    /// Two verifiers send the same id.
    SharedId,
    /// The head of a login is read after the hash.
    HeadAfterHash,
    /// The head of an exchange is read after the credential was judged.
    HeadAfterJudging,
    /// A credential is made from one that only the lease vouches for.
    MintedFromLease,
    /// A credential without a row is exchanged without a look at the events of its id.
    EventsUnread,
    /// A row is judged without the floor.
    FloorUnread,
    /// The stamp is the head alone, whatever the row's own number.
    RowNumberIgnored,
    /// The stamp is a head that the process remembers.
    HeadOfProcess,
    /// A password change without a row does not look at what ended its login meanwhile.
    CallerUnjudged,
}

/// All of them.
pub const FLAWS: &[Flaw] = &[
    Flaw::ReceiptTime,
    Flaw::Heartbeat,
    Flaw::NonceUnchecked,
    Flaw::CreditedUnfilled,
    Flaw::CreditedFirst,
    Flaw::TableFirst,
    Flaw::ClockFirst,
    Flaw::LaggingReplica,
    Flaw::GroupedWithoutAge,
    Flaw::RelayWithoutAge,
    Flaw::HeadBehindCredited,
    Flaw::OlderEpochCredited,
    Flaw::Unfenced,
    Flaw::EpochNotRaised,
    Flaw::EpochWithoutTime,
    Flaw::ClockSetBack,
    Flaw::SnapshotReplaces,
    Flaw::OwnProcessOnly,
    Flaw::RegisteredLate,
    Flaw::GroupedBeforeRegistered,
    Flaw::NobodyIsEverything,
    Flaw::VerifiersBeforeHead,
    Flaw::YoungTrusted,
    Flaw::DroppedEarly,
    Flaw::OwnBoundOnly,
    Flaw::CountedFromBefore,
    Flaw::RelayForItself,
    Flaw::SharedId,
    Flaw::HeadAfterHash,
    Flaw::HeadAfterJudging,
    Flaw::MintedFromLease,
    Flaw::EventsUnread,
    Flaw::FloorUnread,
    Flaw::RowNumberIgnored,
    Flaw::HeadOfProcess,
    Flaw::CallerUnjudged,
];

impl Flaw {
    /// What is wrong.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ReceiptTime => "an answer counts from its receipt",
            Self::Heartbeat => "a one-way heartbeat counts",
            Self::NonceUnchecked => "an answer counts for another question",
            Self::CreditedUnfilled => "credited while the head is past the watermark",
            Self::CreditedFirst => "credited before the events are applied",
            Self::TableFirst => "the table is read before the freshness",
            Self::ClockFirst => "the clock is read before the table",
            Self::LaggingReplica => "a head from a replica that lags",
            Self::GroupedWithoutAge => "a grouped head read without its age",
            Self::RelayWithoutAge => "a relay that does not add its age",
            Self::HeadBehindCredited => "a head behind the question is credited",
            Self::OlderEpochCredited => "an older epoch is credited",
            Self::Unfenced => "a demoted primary still answers",
            Self::EpochNotRaised => "no new epoch after a failover",
            Self::EpochWithoutTime => "a new epoch is the stored one + 1",
            Self::ClockSetBack => "the clock is set back between two restores",
            Self::SnapshotReplaces => "a snapshot replaces the table",
            Self::OwnProcessOnly => "receipt: a second process is forgotten",
            Self::RegisteredLate => "receipt: registered after the head read",
            Self::GroupedBeforeRegistered => "receipt: a grouped read from before the registration",
            Self::NobodyIsEverything => "receipt: no verifiers means all has arrived",
            Self::VerifiersBeforeHead => "receipt: the verifiers are looked at before the head is read",
            Self::YoungTrusted => "receipt: a restarted process is trusted",
            Self::DroppedEarly => "receipt: a verifier is dropped before its lease lapses",
            Self::OwnBoundOnly => "receipt: another process has a longer bound",
            Self::CountedFromBefore => "receipt: the commit is counted from its beginning",
            Self::RelayForItself => "receipt: a relay acknowledges for itself",
            Self::SharedId => "receipt: two verifiers share an id",
            Self::HeadAfterHash => "login: the head is read after the hash",
            Self::HeadAfterJudging => "exchange: the head is read after the credential is judged",
            Self::MintedFromLease => "exchange: the lease vouches for the credential",
            Self::EventsUnread => "exchange: the events of a token without a row are not read",
            Self::FloorUnread => "refresh: the floor is not read",
            Self::RowNumberIgnored => "refresh: the stamp is the head, whatever the row's number",
            Self::HeadOfProcess => "login: the stamp is a head that the process remembers",
            Self::CallerUnjudged => "password change: the login's own end is not looked for",
        }
    }

    /// The scenario that refutes it soonest.
    pub const fn scenario(self) -> &'static str {
        match self {
            Self::ReceiptTime
            | Self::Heartbeat
            | Self::NonceUnchecked
            | Self::CreditedFirst
            | Self::TableFirst
            | Self::ClockFirst => "two servers, one verifier",
            Self::CreditedUnfilled => "more than an answer brings",
            Self::LaggingReplica | Self::GroupedWithoutAge => "grouped head reads",
            Self::RelayWithoutAge => "a relay",
            Self::HeadBehindCredited => "a backup put back in secret",
            Self::OlderEpochCredited => "a demoted primary in secret",
            Self::Unfenced | Self::EpochNotRaised => "a failover that loses its tail",
            Self::EpochWithoutTime | Self::ClockSetBack | Self::SnapshotReplaces => {
                "one backup restored twice"
            }
            Self::OwnProcessOnly => "receipts, two processes",
            Self::YoungTrusted => "receipts, a restart",
            Self::OwnBoundOnly => "receipts, two bounds",
            Self::RegisteredLate
            | Self::GroupedBeforeRegistered
            | Self::NobodyIsEverything
            | Self::VerifiersBeforeHead
            | Self::DroppedEarly
            | Self::CountedFromBefore => "receipts, grouped head reads",
            Self::SharedId => "receipts, two verifiers",
            Self::RelayForItself => "receipts, a relay",
            Self::HeadAfterHash | Self::HeadOfProcess => "logins that hash",
            Self::HeadAfterJudging | Self::MintedFromLease | Self::FloorUnread | Self::RowNumberIgnored => {
                "refreshes and a kept row"
            }
            Self::EventsUnread | Self::CallerUnjudged => "tokens without a row",
        }
    }
}
