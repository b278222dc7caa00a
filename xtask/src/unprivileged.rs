//! Whom a throwaway server runs as: where root runs the tests, somebody without rights.

use std::fs;
use std::io::{Error, Result};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// User and group, if it is not who runs this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner(Option<(u32, u32)>);

impl Owner {
    /// The user of this name, else nobody; the folder, which who runs this has made, is his from now on.
    pub(crate) fn of(folder: &Path, name: &str) -> Result<Self> {
        if fs::metadata(folder)?.uid() != 0 {
            return Ok(Self(None));
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let find = |name: &str| {
            let mut fields =
                users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':');
            Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        let found = find(name).or_else(|| find("nobody"));
        let owner = Self(Some(found.ok_or_else(|| Error::other("nobody to run it as"))?));
        owner.give(folder)?;
        Ok(owner)
    }

    /// Makes a file his.
    pub(crate) fn give(self, file: &Path) -> Result<()> {
        match self.0 {
            Some((user, group)) => chown(file, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Has a program run as him.
    pub(crate) fn run(self, command: &mut Command) {
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
    }
}
