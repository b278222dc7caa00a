//! The key directory: signing keys and token keys, a file each, mode 0600 in a directory of mode 0700.
//!
//! A missing or damaged file is never replaced silently: a new key would log everybody out and look like an attack.
//! Keys that `dev` made say so, and `serve` refuses them.

mod error;
mod file;
mod make;
pub mod rotate;

use std::collections::HashSet;

use cloakroom_auth::keyring::Keyring;
use cloakroom_auth::token::TokenKeys;
use cloakroom_verify::algorithm::{SigningKey, VerifyingKey};
use cloakroom_verify::{KeyId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::config::{Config, Mode};

pub use error::KeyError;
use file::{KeyFile, SigningFile, TokenFile, check_mode, read_directory};
pub use make::generate;

/// The keys of a directory, ready to use.
pub struct Keys {
    /// What makes credentials.
    pub keyring: Keyring,
    /// What proves access tokens.
    pub verifying: Vec<(KeyId, VerifyingKey)>,
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    use std::path::Path;

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
