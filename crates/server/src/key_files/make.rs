//! Making keys: files that are whole or not there, and that nobody else can read.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use cloakroom_auth::token;
use cloakroom_verify::Timestamp;
use cloakroom_verify::algorithm::SigningKey;
use serde::Serialize;
use zeroize::Zeroizing;

use super::KeyError;
use super::file::{KeyFile, SecretText, SigningFile, TokenFile, check_mode, read_directory};
use crate::config::{Config, Mode};
use crate::view::rfc3339;

/// Makes what is missing and tells the names of the new files.
pub fn generate(config: &Config, mode: Mode, now: Timestamp) -> Result<Vec<String>, KeyError> {
    let directory = &config.keys.path;
    make_directory(directory)?;
    let files = read_directory(directory)?;
    let mut made = Vec::new();
    let algorithm = config.token.algorithm;
    if !algorithm.is_symmetric() && !files.iter().any(|file| file.signs_with(algorithm)) {
        made.push(new_signing(config, mode, now, now)?);
    }
    if !files.iter().any(|file| matches!(file, KeyFile::Token(..))) {
        made.push(new_token(config, mode, 1, now, now)?);
    }
    Ok(made)
}

pub(super) fn new_signing(
    config: &Config,
    mode: Mode,
    now: Timestamp,
    active_from: Timestamp,
) -> Result<String, KeyError> {
    let (directory, algorithm) = (&config.keys.path, config.token.algorithm);
    let none =
        |_| KeyError::Missing { what: "key pair to make for token.algorithm", path: directory.clone() };
    let pkcs8 = SigningKey::generate(algorithm).map_err(none)?;
    let kid = SigningKey::from_pkcs8(algorithm, &pkcs8).map_err(none)?.key_id();
    let file = SigningFile {
        algorithm: algorithm.as_str().to_owned(),
        kid: kid.to_string(),
        created_at: rfc3339(now),
        active_from: rfc3339(active_from),
        development: mode == Mode::Development,
        pkcs8: SecretText::of(&pkcs8),
    };
    write(directory, &format!("signing-{kid}.json"), &file)
}

pub(super) fn new_token(
    config: &Config,
    mode: Mode,
    version: u8,
    now: Timestamp,
    active_from: Timestamp,
) -> Result<String, KeyError> {
    let secret = Zeroizing::new(token::random::<32>());
    let file = TokenFile {
        version,
        created_at: rfc3339(now),
        active_from: rfc3339(active_from),
        development: mode == Mode::Development,
        secret: SecretText::of(&*secret),
    };
    write(&config.keys.path, &format!("token-{version}.json"), &file)
}

pub(super) fn make_directory(directory: &Path) -> Result<(), KeyError> {
    match fs::DirBuilder::new().recursive(false).mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(KeyError::Io { path: directory.to_owned(), error })
        }
        Ok(()) | Err(_) => check_mode(directory, 0o700),
    }
}

/// Whole or not at all: written beside, then linked to its name, which must be free.
pub(super) fn write(directory: &Path, name: &str, file: &impl Serialize) -> Result<String, KeyError> {
    let (path, beside) = (directory.join(name), directory.join(format!(".{name}.{}", std::process::id())));
    let text = Zeroizing::new(serde_json::to_vec_pretty(file).unwrap_or_default());
    let written = || {
        let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        new.write_all(&text)?;
        new.sync_all()?;
        fs::hard_link(&beside, &path)?;
        fs::File::open(directory)?.sync_all()
    };
    let result = written();
    // Whatever came of it, the draft holds a key and must go.
    let _ = fs::remove_file(&beside);
    result.map(|()| name.to_owned()).map_err(|error| KeyError::Io { path, error })
}
