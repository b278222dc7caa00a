//! The key directory: signing keys and token keys, a file each, mode 0600 in a directory of mode 0700.
//!
//! A missing or damaged file is never replaced silently: a new key would log everybody out and look like an attack.
//! Keys that `dev` made say so, and `serve` refuses them.

pub mod rotate;

use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_auth::keyring::Keyring;
use cloakroom_auth::token::{self, TokenKeys};
use cloakroom_verify::algorithm::{Algorithm, SigningKey, VerifyingKey};
use cloakroom_verify::{KeyId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::{Config, Mode};
use crate::view::rfc3339;

/// The longest key file that is looked at: the longest there is, of RSA, takes a tenth of it.
const READ_AT_MOST: usize = 64 * 1024;

/// What the token key is derived for, so that it is used for nothing else.
const TOKEN_MAC: &[u8] = b"cloakroom token mac v1";

/// The keys of a directory, ready to use.
pub struct Keys {
    /// What makes credentials.
    pub keyring: Keyring,
    /// What proves access tokens.
    pub verifying: Vec<(KeyId, VerifyingKey)>,
}

/// Why keys cannot be read or made. What a file holds is never told.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or directory cannot be reached.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Somebody else could read it.
    #[error("{} can be reached by other users (mode {mode:o}): run `chmod {wanted:o} {}`", path.display(), path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// As it is.
        mode: u32,
        /// As it must be.
        wanted: u32,
    },
    /// It is not what was once written.
    #[error("{} is damaged ({why}): restore it from a backup; a new key would log everybody out", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// What it made may still be accepted.
    #[error("{} is still needed{}", path.display(), until.map(|until| format!(" until {}", rfc3339(until))).unwrap_or_default())]
    Needed {
        /// Which.
        path: PathBuf,
        /// Until when; `None` while nothing has followed it.
        until: Option<Timestamp>,
    },
    /// All 255 versions are taken.
    #[error("there are too many token keys in {}: retire some", path.display())]
    TooMany {
        /// Where.
        path: PathBuf,
    },
    /// Which of the two would be used?
    #[error("{} has the version or the kid of another file: keep one of them in this directory", path.display())]
    Doubled {
        /// The second.
        path: PathBuf,
    },
    /// `dev` made it.
    #[error("{} was made for development: run `cloakroom key generate` with a keys.path of its own", path.display())]
    Development {
        /// Which.
        path: PathBuf,
    },
    /// There is none.
    #[error("there is no {what} in {}: run `cloakroom key generate`", path.display())]
    Missing {
        /// A signing key or a token key.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SigningFile {
    algorithm: String,
    kid: String,
    created_at: String,
    /// It signs from then on; until then it is only known.
    active_from: String,
    development: bool,
    pkcs8: SecretText,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    version: u8,
    created_at: String,
    /// It makes tokens from then on; until then it is only known.
    active_from: String,
    development: bool,
    secret: SecretText,
}

/// base64url, wiped when dropped.
#[derive(Serialize, Deserialize)]
struct SecretText(Zeroizing<String>);

impl SecretText {
    fn of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        URL_SAFE_NO_PAD.decode(&*self.0).ok().map(Zeroizing::new)
    }
}

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

fn new_signing(
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

fn new_token(
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

/// Reads the keys of a deployment. With [`Mode::Production`] development keys are refused.
pub fn load(config: &Config, mode: Mode, now: Timestamp) -> Result<Keys, KeyError> {
    load_but(config, mode, now, &|_| false)
}

/// Reads them. What a revoked key signed is proved by none of them.
pub fn load_but(
    config: &Config,
    mode: Mode,
    now: Timestamp,
    is_revoked: &dyn Fn(&KeyId) -> bool,
) -> Result<Keys, KeyError> {
    let directory = &config.keys.path;
    let missing = |what| KeyError::Missing { what, path: directory.clone() };
    if !directory.exists() {
        return Err(missing("key"));
    }
    check_mode(directory, 0o700)?;
    let mut signing = Vec::new();
    let mut tokens = Vec::new();
    let mut names = HashSet::new();
    for file in read_directory(directory)? {
        if !names.insert(file.key_name()) {
            return Err(KeyError::Doubled { path: file.path().to_owned() });
        }
        if file.is_for_development() && mode == Mode::Production {
            return Err(KeyError::Development { path: file.path().to_owned() });
        }
        let active_from = file.active_from()?;
        match file {
            KeyFile::Signing(path, file) => signing.push((active_from, file.open(&path)?)),
            KeyFile::Token(path, file) => tokens.push((active_from, file.version, file.open(&path)?)),
        }
    }
    let writes = tokens.iter().filter(|(from, ..)| *from <= now).map(|(_, version, _)| *version).max();
    let writes = writes.ok_or_else(|| missing("token key in use"))?;
    let tokens = tokens.into_iter().map(|(_, version, key)| (version, key));
    let tokens = TokenKeys::new(tokens, writes).map_err(|_| missing("token key"))?;
    if let Some(secret) = shared_secret(config) {
        let key = SigningKey::secret(config.token.algorithm, secret.expose_secret().as_bytes())
            .map_err(|_| missing("usable token.secret"))?;
        signing.push((now, key));
    }
    let verifying = signing.iter().map(|(_, key)| (key.key_id(), key.verifying_key()));
    let verifying = verifying.filter(|(kid, _)| !is_revoked(kid)).collect();
    // A revoked key is the last choice, and signs nothing even then: `Auth` answers 503 until another one is in use.
    let current = signing
        .into_iter()
        .filter(|(active_from, key)| *active_from <= now && key.algorithm() == config.token.algorithm)
        .max_by_key(|(active_from, key)| {
            let kid = key.key_id();
            (!is_revoked(&kid), *active_from, kid.to_string())
        });
    let (_, signing) = current.ok_or_else(|| missing("signing key of token.algorithm in use"))?;
    Ok(Keys { keyring: Keyring { kid: signing.key_id(), signing, tokens }, verifying })
}

/// When the newest signing key of this configuration begins or began to sign.
pub fn newest_signing(config: &Config) -> Result<Option<Timestamp>, KeyError> {
    let files = read_directory(&config.keys.path)?;
    let of_ours = files.iter().filter(|file| file.signs_with(config.token.algorithm));
    of_ours.map(KeyFile::active_from).try_fold(None, |newest, from| Ok(newest.max(Some(from?))))
}

/// A key file, less what is in it.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub file: String,
    /// `signing` or `token`.
    pub purpose: &'static str,
    /// What it is for.
    pub algorithm: String,
    /// Since when it is used.
    pub active_from: String,
    /// Whether `dev` made it.
    pub development: bool,
}

/// Lists the keys of a deployment, whatever they were made for.
pub fn list(config: &Config) -> Result<Vec<Listed>, KeyError> {
    if !config.keys.path.exists() {
        return Ok(Vec::new());
    }
    let listed = |file: KeyFile| {
        let name = file.name();
        let development = file.is_for_development();
        match file {
            KeyFile::Signing(_, SigningFile { algorithm, active_from, .. }) => {
                Listed { file: name, purpose: "signing", algorithm, active_from, development }
            }
            KeyFile::Token(_, TokenFile { active_from, .. }) => {
                let algorithm = String::from("HMAC-SHA256");
                Listed { file: name, purpose: "token", algorithm, active_from, development }
            }
        }
    };
    Ok(read_directory(&config.keys.path)?.into_iter().map(listed).collect())
}

/// The shared secret, if that is how tokens are signed.
fn shared_secret(config: &Config) -> Option<&SecretString> {
    config.token.secret.as_ref().filter(|_| config.token.algorithm.is_symmetric())
}

enum KeyFile {
    Signing(PathBuf, SigningFile),
    Token(PathBuf, TokenFile),
}

impl KeyFile {
    fn path(&self) -> &Path {
        match self {
            Self::Signing(path, _) | Self::Token(path, _) => path,
        }
    }

    fn name(&self) -> String {
        self.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What tokens call it.
    fn key_name(&self) -> String {
        match self {
            Self::Signing(_, file) => file.kid.clone(),
            Self::Token(_, file) => file.version.to_string(),
        }
    }

    fn active_from(&self) -> Result<Timestamp, KeyError> {
        let text = match self {
            Self::Signing(_, file) => &file.active_from,
            Self::Token(_, file) => &file.active_from,
        };
        let damaged = |_| KeyError::Damaged { path: self.path().to_owned(), why: "active_from is no time" };
        let time: jiff::Timestamp = text.parse().map_err(damaged)?;
        Ok(Timestamp::from_millis(time.as_millisecond()))
    }

    fn signs_with(&self, algorithm: Algorithm) -> bool {
        matches!(self, Self::Signing(_, file) if file.algorithm == algorithm.as_str())
    }

    fn is_for_development(&self) -> bool {
        match self {
            Self::Signing(_, file) => file.development,
            Self::Token(_, file) => file.development,
        }
    }
}

impl SigningFile {
    fn open(&self, path: &Path) -> Result<SigningKey, KeyError> {
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
    fn open(&self, path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
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
fn read_directory(directory: &Path) -> Result<Vec<KeyFile>, KeyError> {
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
fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, KeyError> {
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
fn check_mode(path: &Path, wanted: u32) -> Result<(), KeyError> {
    let metadata = fs::metadata(path).map_err(|error| KeyError::Io { path: path.to_owned(), error })?;
    check(path, &metadata, wanted)
}

fn check(path: &Path, metadata: &fs::Metadata, wanted: u32) -> Result<(), KeyError> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Open { path: path.to_owned(), mode, wanted }) }
}

fn make_directory(directory: &Path) -> Result<(), KeyError> {
    match fs::DirBuilder::new().recursive(false).mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(KeyError::Io { path: directory.to_owned(), error })
        }
        Ok(()) | Err(_) => check_mode(directory, 0o700),
    }
}

/// Whole or not at all: written beside, then linked to its name, which must be free.
fn write(directory: &Path, name: &str, file: &impl Serialize) -> Result<String, KeyError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, Layers};

    fn config(directory: &Path) -> Config {
        let flag = |key: &str, value: &str| (String::from("test"), key.to_owned(), value.to_owned());
        let flags = vec![flag("keys.path", directory.to_str().expect("a plain path"))];
        let inputs = Inputs { mode: Mode::Development, file: None, environment: Vec::new(), flags };
        Config::of(&Layers::read(&inputs).expect("known keys"), inputs.mode).expect("defaults go together")
    }

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }

    #[test]
    fn what_is_missing_is_made_once_and_read_again() {
        let place = tempfile::tempdir().unwrap();
        let config = config(&place.path().join("keys"));
        assert!(matches!(load(&config, Mode::Development, now()), Err(KeyError::Missing { .. })));
        assert_eq!(generate(&config, Mode::Production, now()).unwrap().len(), 2);
        assert!(generate(&config, Mode::Production, now()).unwrap().is_empty());
        let (one, other) = (load(&config, Mode::Production, now()), load(&config, Mode::Production, now()));
        assert_eq!(one.unwrap().keyring.kid, other.unwrap().keyring.kid);
        assert_eq!(fs::metadata(&config.keys.path).unwrap().permissions().mode() & 0o777, 0o700);
        for file in fs::read_dir(&config.keys.path).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn keys_for_development_are_refused_in_production() {
        let place = tempfile::tempdir().unwrap();
        let config = config(&place.path().join("keys"));
        generate(&config, Mode::Development, now()).unwrap();
        assert!(load(&config, Mode::Development, now()).is_ok());
        assert!(matches!(load(&config, Mode::Production, now()), Err(KeyError::Development { .. })));
    }

    #[test]
    fn a_damaged_file_is_an_error_and_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let config = config(&place.path().join("keys"));
        generate(&config, Mode::Production, now()).unwrap();
        let path = config.keys.path.join("token-1.json");
        let whole = fs::read_to_string(&path).unwrap();
        for damaged in [
            String::new(),
            whole.replace("\"version\": 1", "\"version\": 1,\"more\":1"),
            whole[..40].to_owned(),
        ] {
            fs::write(&path, &damaged).unwrap();
            assert!(matches!(load(&config, Mode::Production, now()), Err(KeyError::Damaged { .. })));
            assert!(matches!(generate(&config, Mode::Production, now()), Err(KeyError::Damaged { .. })));
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let config = config(&place.path().join("keys"));
        generate(&config, Mode::Production, now()).unwrap();
        let path = config.keys.path.join("token-1.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load(&config, Mode::Production, now()), Err(KeyError::Open { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&config.keys.path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(load(&config, Mode::Production, now()), Err(KeyError::Open { mode: 0o755, .. })));
    }

    #[test]
    fn two_files_that_claim_one_name_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let config = config(&place.path().join("keys"));
        generate(&config, Mode::Production, now()).unwrap();
        for file in fs::read_dir(&config.keys.path).unwrap() {
            let path = file.unwrap().path();
            let copy = path.with_extension("copy.json");
            fs::copy(&path, &copy).unwrap();
            // Another secret under the same version: of every token, only one of the two could prove the mac.
            assert!(matches!(load(&config, Mode::Production, now()), Err(KeyError::Doubled { .. })));
            fs::remove_file(&copy).unwrap();
            assert!(load(&config, Mode::Production, now()).is_ok());
        }
    }

    #[test]
    fn what_is_no_file_or_a_huge_one_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let config = config(&place.path().join("keys"));
        generate(&config, Mode::Production, now()).unwrap();
        let path = config.keys.path.join("token-2.json");
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        assert!(matches!(load(&config, Mode::Production, now()), Err(KeyError::Damaged { .. })));
        fs::remove_dir(&path).unwrap();
        // A key file, and much white space behind it.
        let mut whole = fs::read(config.keys.path.join("token-1.json")).unwrap();
        whole.resize(1024 * 1024, b' ');
        fs::write(config.keys.path.join("token-1.json"), &whole).unwrap();
        assert!(matches!(load(&config, Mode::Production, now()), Err(KeyError::Damaged { .. })));
    }
}
