//! Changing keys while they are in use: published before they are used, kept until what they made is dead.

use std::fs;
use std::time::Duration;

use cloakroom_verify::Timestamp;
use cloakroom_verify::jwt::MAX_LEEWAY;

use super::KeyError;
use super::file::{KeyFile, read_directory};
use super::make::{make_directory, new_signing, new_token};
use crate::config::{Config, Mode};

/// A new key is on disk this long before it signs, unless said otherwise: longer than others keep our JWKS.
pub const LEAD: Duration = Duration::from_secs(600);

/// Which key is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What access tokens are signed with.
    Signing,
    /// What session and refresh tokens are made with.
    Token,
}

/// Writes the next key, which is accepted from now on and used after `lead`. Tells the name of its file.
pub fn rotate(
    config: &Config,
    mode: Mode,
    purpose: Purpose,
    lead: Duration,
    now: Timestamp,
) -> Result<String, KeyError> {
    make_directory(&config.keys.path)?;
    let active_from = now.after(lead);
    match purpose {
        Purpose::Signing => new_signing(config, mode, now, active_from),
        Purpose::Token => {
            let versions = read_directory(&config.keys.path)?.into_iter().filter_map(|file| match file {
                KeyFile::Token(_, file) => Some(file.version),
                KeyFile::Signing(..) => None,
            });
            let next = versions.max().map_or(Some(1), |newest| newest.checked_add(1));
            let next = next.ok_or(KeyError::TooMany { path: config.keys.path.clone() })?;
            new_token(config, mode, next, now, active_from)
        }
    }
}

/// Removes the keys whose successor has been in use for so long that nothing they made is accepted any more. With a
/// name, only that one; it is an error if it is still needed.
pub fn retire(config: &Config, name: Option<&str>, now: Timestamp) -> Result<Vec<String>, KeyError> {
    let files = read_directory(&config.keys.path)?;
    let mut removed = Vec::new();
    for file in &files {
        let (shown, path) = (file.name(), file.path());
        if name.is_some_and(|name| name != shown && Some(name) != shown.strip_suffix(".json")) {
            continue;
        }
        let needed_until = needed_until(config, file, &files, now)?;
        if needed_until.is_some_and(|until| until <= now) {
            fs::remove_file(path).map_err(|error| KeyError::Io { path: path.to_owned(), error })?;
            removed.push(shown);
        } else if name.is_some() {
            return Err(KeyError::Needed { path: path.to_owned(), until: needed_until });
        }
    }
    match name {
        Some(name) if removed.is_empty() => {
            Err(KeyError::Unknown { name: name.to_owned(), path: config.keys.path.clone() })
        }
        _ => Ok(removed),
    }
}

/// When nothing that this key made is accepted any more; `None` while it has no successor in use.
fn needed_until(
    config: &Config,
    file: &KeyFile,
    files: &[KeyFile],
    now: Timestamp,
) -> Result<Option<Timestamp>, KeyError> {
    let began = file.active_from()?;
    let mut successor: Option<Timestamp> = None;
    for other in files {
        let follows = match (file, other) {
            (KeyFile::Signing(..), KeyFile::Signing(..)) => other.signs_with(config.token.algorithm),
            (KeyFile::Token(_, file), KeyFile::Token(_, other)) => file.version < other.version,
            (KeyFile::Signing(..), KeyFile::Token(..)) | (KeyFile::Token(..), KeyFile::Signing(..)) => false,
        };
        let from = other.active_from()?;
        if follows && other.path() != file.path() && (began < from || !is_of(config, file)) && from <= now {
            successor = Some(successor.map_or(from, |first| first.min(from)));
        }
    }
    let longest = match file {
        KeyFile::Signing(..) => config.token.lifetime + MAX_LEEWAY,
        KeyFile::Token(..) => {
            [config.session.absolute_timeout, config.session.remember, config.refresh.absolute_timeout]
                .into_iter()
                .max()
                .unwrap_or_default()
        }
    };
    // A replica may have gone on with the old key until it looked again.
    Ok(successor.map(|from| from.after(longest + crate::key_watch::EVERY)))
}

/// Whether a key is of the kind that is in use; one of an algorithm that was left behind is followed by any other.
fn is_of(config: &Config, file: &KeyFile) -> bool {
    match file {
        KeyFile::Signing(..) => file.signs_with(config.token.algorithm),
        KeyFile::Token(..) => true,
    }
}
