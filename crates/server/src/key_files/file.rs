//! Key files as they stand in their directory. Who else could read one, or change it, is asked of what was opened.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_verify::Timestamp;
use cloakroom_verify::algorithm::{Algorithm, SigningKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyError;

/// The longest key file that is looked at: the longest there is, of RSA, takes a tenth of it.
const READ_AT_MOST: usize = 64 * 1024;

/// What the token key is derived for, so that it is used for nothing else.
const TOKEN_MAC: &[u8] = b"cloakroom token mac v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SigningFile {
    pub(super) algorithm: String,
    pub(super) kid: String,
    pub(super) created_at: String,
    /// It signs from then on; until then it is only known.
    pub(super) active_from: String,
    pub(super) development: bool,
    pub(super) pkcs8: SecretText,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenFile {
    pub(super) version: u8,
    pub(super) created_at: String,
    /// It makes tokens from then on; until then it is only known.
    pub(super) active_from: String,
    pub(super) development: bool,
    pub(super) secret: SecretText,
}

/// base64url, wiped when dropped.
#[derive(Serialize, Deserialize)]
pub(super) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(super) fn bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        URL_SAFE_NO_PAD.decode(&*self.0).ok().map(Zeroizing::new)
    }
}

pub(super) enum KeyFile {
    Signing(PathBuf, SigningFile),
    Token(PathBuf, TokenFile),
}

impl KeyFile {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Signing(path, _) | Self::Token(path, _) => path,
        }
    }

    pub(super) fn name(&self) -> String {
        self.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What tokens call it.
    pub(super) fn key_name(&self) -> String {
        match self {
            Self::Signing(_, file) => file.kid.clone(),
            Self::Token(_, file) => file.version.to_string(),
        }
    }

    pub(super) fn active_from(&self) -> Result<Timestamp, KeyError> {
        let text = match self {
            Self::Signing(_, file) => &file.active_from,
            Self::Token(_, file) => &file.active_from,
        };
        let damaged = |_| KeyError::Damaged { path: self.path().to_owned(), why: "active_from is no time" };
        let time: jiff::Timestamp = text.parse().map_err(damaged)?;
        Ok(Timestamp::from_millis(time.as_millisecond()))
    }

    pub(super) fn signs_with(&self, algorithm: Algorithm) -> bool {
        matches!(self, Self::Signing(_, file) if file.algorithm == algorithm.as_str())
    }

    pub(super) fn is_for_development(&self) -> bool {
        match self {
            Self::Signing(_, file) => file.development,
            Self::Token(_, file) => file.development,
        }
    }
}

impl SigningFile {
    pub(super) fn open(&self, path: &Path) -> Result<SigningKey, KeyError> {
        let damaged = |why| KeyError::Damaged { path: path.to_owned(), why };
        let algorithm = self.algorithm.parse().map_err(|_| damaged("unknown algorithm"))?;
        let pkcs8 = self.pkcs8.bytes().ok_or_else(|| damaged("the key is not base64url"))?;
        let key =
            SigningKey::from_pkcs8(algorithm, &pkcs8).map_err(|_| damaged("the key is no PKCS#8 key"))?;
        if key.key_id().as_str() != self.kid {
            return Err(damaged("kid is not the thumbprint of the key"));
        }
        Ok(key)
    }
}

impl TokenFile {
    pub(super) fn open(&self, path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let damaged = |why| KeyError::Damaged { path: path.to_owned(), why };
        let secret = self.secret.bytes().filter(|secret| secret.len() == 32);
        let secret = secret.ok_or_else(|| damaged("the secret is not 32 bytes in base64url"))?;
        let mut key = Zeroizing::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
            .extract(&secret)
            .expand(&[TOKEN_MAC], hkdf::HKDF_SHA256)
            .and_then(|derived| derived.fill(&mut *key))
            .map_err(|_| damaged("no key can be derived"))?;
        Ok(key)
    }
}

/// All key files, in the order of their names. Other files are left alone.
pub(super) fn read_directory(directory: &Path) -> Result<Vec<KeyFile>, KeyError> {
    let io = |error| KeyError::Io { path: directory.to_owned(), error };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        paths.push(entry.map_err(io)?.path());
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = name.strip_suffix(".json") else { continue };
        if name.starts_with("signing-") {
            files.push(KeyFile::Signing(path.clone(), read(&path)?));
        } else if name.starts_with("token-") {
            files.push(KeyFile::Token(path.clone(), read(&path)?));
        }
    }
    Ok(files)
}

/// The mode is asked of what was opened, not of what has its name a moment later.
pub(super) fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, KeyError> {
    let io = |error| KeyError::Io { path: path.to_owned(), error };
    let damaged = || KeyError::Damaged { path: path.to_owned(), why: "not a key file" };
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(damaged());
    }
    let file = fs::File::open(path).map_err(io)?;
    check(path, &file.metadata().map_err(io)?, 0o600)?;
    // Made to size: a buffer that grows leaves copies of what is in it behind.
    let mut text = Zeroizing::new(Vec::with_capacity(READ_AT_MOST + 1));
    file.take(READ_AT_MOST as u64 + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() > READ_AT_MOST {
        return Err(damaged());
    }
    serde_json::from_slice(&text).map_err(|_| damaged())
}

/// Nobody but the owner may reach it.
pub(super) fn check_mode(path: &Path, wanted: u32) -> Result<(), KeyError> {
    let metadata = fs::metadata(path).map_err(|error| KeyError::Io { path: path.to_owned(), error })?;
    check(path, &metadata, wanted)
}

pub(super) fn check(path: &Path, metadata: &fs::Metadata, wanted: u32) -> Result<(), KeyError> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Open { path: path.to_owned(), mode, wanted }) }
}
