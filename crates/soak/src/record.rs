//! What is logged: one JSON object a line, all moments by the boot clock of the machine, in nanoseconds.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Error, Result, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A moment of the boot clock.
pub(crate) type Moment = u64;
/// A credential of a run: the first that was made is 0.
pub(crate) type Number = u32;

/// What the driver knows, in `driver.log`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", tag = "what")]
pub(crate) enum Deed {
    /// The first line.
    Run { seed: u64, bound_ms: u64 },
    /// A credential was asked for, and came.
    Login { credential: Number, user: u32, strategy: String, asked: Moment, came: Moment },
    /// A revocation was asked for.
    Revoke { revocation: u32, kills: Kills, asked: Moment },
    /// It was acknowledged: it had been committed *before* this moment.
    Acknowledged { revocation: u32, at: Moment },
    /// Something was broken, or is whole again.
    Fault { name: String, at: Moment },
}

/// What a revocation kills.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kills {
    Credential(Number),
    User(u32),
    Everything,
}

/// One check, in `verifier-<n>-<life>.log`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Of what.
    #[serde(rename = "c")]
    pub(crate) credential: Number,
    /// The clock before the check began.
    #[serde(rename = "b")]
    pub(crate) begun: Moment,
    /// The clock as the check itself read it when it judged.
    #[serde(rename = "j")]
    pub(crate) judged: Moment,
    /// The clock after the check.
    #[serde(rename = "e")]
    pub(crate) ended: Moment,
    #[serde(rename = "a")]
    pub(crate) answer: Answer,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Accepted,
    /// 401.
    Refused,
    /// 503.
    Unavailable,
}

/// All logs of a run.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) deeds: Vec<Deed>,
    pub(crate) checks: Vec<Checked>,
    /// How many lives all verifiers had together.
    pub(crate) verifiers: usize,
}

/// A log that is written.
pub(crate) struct Log(BufWriter<File>);

impl Log {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        File::create(path).map(|file| Self(BufWriter::new(file)))
    }

    pub(crate) fn write(&mut self, line: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        self.0.write_all(b"\n")
    }

    /// What was written before this survives the process.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

/// Reads all logs in a folder.
pub(crate) fn read(folder: &Path) -> Result<Logs> {
    let mut logs = Logs { deeds: lines(&folder.join("driver.log"))?, ..Logs::default() };
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("verifier-") && name.ends_with(".log") {
            logs.checks.extend(lines::<Checked>(&path)?);
            logs.verifiers += 1;
        }
    }
    Ok(logs)
}

/// The last line may be half of one: its writer may have been killed. Any other that cannot be read is an error.
fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>> {
    let mut read = Vec::new();
    let mut broken = None;
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        if let Some(error) = broken.take() {
            return Err(Error::other(format!("{}: {error}", path.display())));
        }
        match serde_json::from_slice(&line?) {
            Ok(line) => read.push(line),
            Err(error) => broken = Some(error),
        }
    }
    Ok(read)
}
