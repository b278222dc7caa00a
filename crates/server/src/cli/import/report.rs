//! What came of the lines: written as it comes, so that a file of any length needs no memory for it.

use cloakroom_auth::password::{HashPool, PhcString};
use cloakroom_auth::user::NewUser;
use serde::Serialize;

use crate::cli::output::{self, Output, Progress};
use crate::cli::{Done, Failure, talk};

/// A line that was not taken over.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Refused {
    pub(super) line: u64,
    /// Where it is one.
    pub(super) email: Option<String>,
    /// Never the hash.
    pub(super) reason: String,
}

#[derive(Serialize)]
struct Counts {
    dry_run: bool,
    imported: u64,
    refused: u64,
    without_password: u64,
    weaker_hashes: u64,
}

/// A report that has begun.
pub(super) struct Report {
    output: Output,
    counts: Counts,
    progress: Progress,
}

impl Report {
    pub(super) fn begin(output: Output, dry_run: bool) -> Result<Self, Failure> {
        if output == Output::Json {
            output::line("{\"lines_refused\": [")?;
        }
        let counts = Counts { dry_run, imported: 0, refused: 0, without_password: 0, weaker_hashes: 0 };
        Ok(Self { output, counts, progress: Progress::begin("lines") })
    }

    pub(super) fn imported(&mut self, account: &Result<NewUser, Refused>, passwords: &HashPool) {
        let Ok(NewUser { password_hash, .. }) = account else { return };
        let counts = &mut self.counts;
        counts.imported += 1;
        counts.without_password += u64::from(*password_hash == PhcString::no_password());
        counts.weaker_hashes += u64::from(password_hash.is_weaker_than(passwords.hasher().params()));
    }

    pub(super) fn refused(&mut self, refused: &Refused) -> Done {
        self.progress.show("");
        self.counts.refused += 1;
        let first = self.counts.refused == 1;
        match self.output {
            Output::Json => {
                let comma = if first { "" } else { "," };
                output::line(&format!("{comma}{}", serde_json::to_string(refused).map_err(Failure::failed)?))
            }
            Output::Table => {
                if first {
                    output::line("LINE    EMAIL                             REASON")?;
                }
                let Refused { line, email, reason } = refused;
                output::line(&format!("{line:<7} {:<33} {reason}", email.as_deref().unwrap_or("-")))
            }
        }
    }

    /// Says how far it is, to a person.
    pub(super) fn tell_progress(&self) {
        self.progress.show(&format!("{} imported, {} refused", self.counts.imported, self.counts.refused));
    }

    /// Ends the report, whatever ended the import; some refused is a failure, as scripts must notice.
    pub(super) fn end(self, done: Done) -> Done {
        self.progress.show("");
        let Counts { dry_run, imported, refused, without_password, weaker_hashes } = self.counts;
        if self.output == Output::Json {
            let counts = serde_json::to_string(&self.counts).map_err(Failure::failed)?;
            output::line(&format!("], {}", counts.strip_prefix('{').unwrap_or(&counts)))?;
        }
        let would = if dry_run { "would be " } else { "" };
        talk(&format!("{imported} {would}imported, {refused} {would}refused"));
        if without_password > 0 {
            talk(&format!("{without_password} without a password: nobody can log in to them yet"));
        }
        if weaker_hashes > 0 {
            talk(&format!(
                "{weaker_hashes} with a hash that is easier to guess than ours; each is replaced at its owner's first login"
            ));
        }
        done?;
        if refused > 0 {
            return Err(Failure::failed(format!("{refused} lines {would}refused; see stdout")));
        }
        Ok(())
    }
}
