//! What goes wrong between this store and its database.

use std::fmt;

use tokio_postgres::error::SqlState;

/// The answer of a step.
pub(super) type Result<T> = std::result::Result<T, Fault>;

/// Why a step was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database says no, or the connection broke. Never with the server's DETAIL: it quotes rows.
    Driver { code: Option<SqlState>, text: String },
    /// The head was last moved in another life of the database: a new epoch has to begin first.
    AnotherLineage,
    /// A column holds what this version does not write.
    Unreadable(&'static str),
    /// The pool had no connection to lend in time.
    Exhausted,
    /// No answer in time.
    Late,
    /// Somebody uses it who does not share it.
    Held,
    /// The connection that kept others away is gone.
    NotAlone,
}

impl Fault {
    /// Whether the same step may succeed when it is run again as a whole: it was rolled back for another's sake.
    pub(super) fn is_collision(&self) -> bool {
        self.is(&[SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED])
    }

    /// Whether it lies in the data of this step alone, so that other steps need not fail with it.
    pub(super) fn is_about_data(&self) -> bool {
        match self {
            // Class 22: data exceptions; class 23: constraints.
            Self::Driver { code: Some(code), .. } => {
                ["22", "23"].iter().any(|class| code.code().starts_with(class))
            }
            Self::Unreadable(_) => true,
            Self::Driver { code: None, .. }
            | Self::AnotherLineage
            | Self::Exhausted
            | Self::Late
            | Self::Held
            | Self::NotAlone => false,
        }
    }

    /// Whether the database answers and takes nothing that is written: it is a standby, was made read-only, or its disk is
    /// full or broken.
    pub(super) fn takes_no_writes(&self) -> bool {
        const REASONS: [SqlState; 3] =
            [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::DISK_FULL, SqlState::IO_ERROR];
        match self {
            // In the words of the driver, which looks at each new connection.
            Self::Driver { code: None, text } => text.ends_with("database does not allow writes"),
            Self::Driver { code: Some(_), .. }
            | Self::AnotherLineage
            | Self::Unreadable(_)
            | Self::Exhausted
            | Self::Late
            | Self::Held
            | Self::NotAlone => self.is(&REASONS),
        }
    }

    /// Whether the server gave one of these reasons.
    pub(super) fn is(&self, codes: &[SqlState]) -> bool {
        match self {
            Self::Driver { code: Some(code), .. } => codes.contains(code),
            Self::Driver { code: None, .. }
            | Self::AnotherLineage
            | Self::Unreadable(_)
            | Self::Exhausted
            | Self::Late
            | Self::Held
            | Self::NotAlone => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver { code: Some(code), text } => write!(f, "{text} ({})", code.code()),
            Self::Driver { code: None, text } => f.write_str(text),
            Self::AnotherLineage => f.write_str("the database lives another life; a new epoch did not begin"),
            Self::Unreadable(column) => write!(f, "{column} holds a value that this version does not write"),
            Self::Exhausted => f.write_str("every connection to the database is in use"),
            Self::Late => f.write_str("the database does not answer"),
            Self::Held => f.write_str("the database is being copied, or is to be copied and in use"),
            Self::NotAlone => {
                f.write_str("the connection that kept others away was lost: run the same again")
            }
        }
    }
}

impl std::error::Error for Fault {}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(told) = error.as_db_error() {
            return Self::Driver { code: Some(told.code().clone()), text: told.message().to_owned() };
        }
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        Self::Driver { code: None, text }
    }
}
