//! Where each value comes from. A later layer wins; an unknown key is an error with a suggestion.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Value;

use super::ConfigError;

const DEFAULTS: &str = include_str!("defaults.toml");
const DEVELOPMENT: &str = include_str!("development.toml");
/// Known keys without a default.
const OPTIONAL: [&str; 2] = ["public_url", "token.secret"];
/// Keys whose values are not shown, and that can be read from a file named by `KEY_FILE`.
const SECRETS: [&str; 3] = ["token.secret", "store.url", "store.sessions"];
/// What the environment's keys begin with.
const PREFIX: &str = "CLOAKROOM__";
/// The file that is read when none is named.
const FILE: &str = "cloakroom.toml";

/// Which defaults hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For the world: nothing unsafe is accepted.
    Production,
    /// For this machine: http, and keys that are made by themselves.
    Development,
}

/// What a process was given.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// Which defaults hold.
    pub mode: Mode,
    /// `--config`.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags: their name, the key they set, and the value.
    pub flags: Vec<(String, String, String)>,
}

/// The value of each key and where it comes from.
#[derive(Debug, Clone)]
pub struct Layers {
    values: BTreeMap<String, (Value, Source)>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `defaults.toml`
    Default,
    /// `development.toml`
    Development,
    /// A configuration file.
    File(PathBuf),
    /// A variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Development => f.write_str("development default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

impl Layers {
    /// Reads all layers.
    pub fn read(inputs: &Inputs) -> Result<Self, ConfigError> {
        let mut layers = Self { values: BTreeMap::new() };
        let mut problems = Vec::new();
        layers.table(DEFAULTS, &Source::Default, &mut problems);
        let known: Vec<String> = layers.values.keys().cloned().chain(OPTIONAL.map(String::from)).collect();
        if inputs.mode == Mode::Development {
            layers.table(DEVELOPMENT, &Source::Development, &mut problems);
        }
        if let Some(path) = file(inputs) {
            match std::fs::read_to_string(&path) {
                Ok(text) => layers.table(&text, &Source::File(path), &mut problems),
                Err(error) => problems.push(format!("{}: {error}", path.display())),
            }
        }
        for (name, text) in &inputs.environment {
            if let Some(rest) = name.strip_prefix(PREFIX) {
                let key = rest.replace("__", ".").to_lowercase();
                layers.text(&key, text, Source::Environment(name.clone()), &mut problems);
            }
        }
        for (flag, key, text) in &inputs.flags {
            layers.text(key, text, Source::Flag(flag.clone()), &mut problems);
        }
        layers.read_secret_files(&mut problems);
        for (key, (_, source)) in &layers.values {
            if !known.contains(key) {
                problems.push(unknown(key, source, &known));
            }
        }
        if problems.is_empty() { Ok(layers) } else { Err(ConfigError(problems)) }
    }

    /// Where the value of a key comes from.
    pub fn source(&self, key: &str) -> Option<&Source> {
        self.values.get(key).map(|(_, source)| source)
    }

    /// Replaces what came from a default only.
    pub fn set_default(&mut self, key: &str, value: &str) {
        let entry = self.values.get_mut(key);
        if let Some((stored, Source::Default | Source::Development)) = entry {
            *stored = Value::String(value.to_owned());
        }
    }

    /// Key, value and source of everything, secrets hidden.
    pub fn rows(&self) -> Vec<(String, String, String)> {
        let row = |(key, (value, source)): (&String, &(Value, Source))| {
            (key.clone(), shown(key, value), source.to_string())
        };
        self.values.iter().map(row).collect()
    }

    /// All values as one typed structure; an error names the key and where its value comes from.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let mut table = toml::Table::new();
        for (key, (value, _)) in &self.values {
            match key.split_once('.') {
                None => drop(table.insert(key.clone(), value.clone())),
                Some((section, name)) => {
                    let section = table.entry(section).or_insert_with(|| Value::Table(toml::Table::new()));
                    if let Value::Table(section) = section {
                        section.insert(name.to_owned(), value.clone());
                    }
                }
            }
        }
        serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
            let path = error.path().to_string();
            let key = path.split('[').next().unwrap_or_default().trim_end_matches('.');
            let sentence = error.inner().message().trim().to_owned();
            ConfigError(vec![match self.values.get(key) {
                Some((_, source)) if SECRETS.contains(&key) => format!("{key} (from {source}) is not usable"),
                Some((_, source)) => format!("{key} (from {source}): {sentence}"),
                None => sentence,
            }])
        })
    }

    /// A TOML text, flattened: `[server] listen` is `server.listen`.
    fn table(&mut self, text: &str, source: &Source, problems: &mut Vec<String>) {
        match text.parse::<toml::Table>() {
            Ok(table) => self.flatten(None, table, source),
            // The message quotes the line, which may hold a secret: only where and what is told.
            Err(error) => {
                let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
                problems.push(format!(
                    "{source}: line {}: {}",
                    before.lines().count().max(1),
                    error.message()
                ));
            }
        }
    }

    fn flatten(&mut self, section: Option<&str>, table: toml::Table, source: &Source) {
        for (name, value) in table {
            let key = section.map_or_else(|| name.clone(), |section| format!("{section}.{name}"));
            if let Value::Table(inner) = value {
                self.flatten(Some(&key), inner, source);
            } else {
                self.set(key, value, source.clone());
            }
        }
    }

    /// A value as text, from the environment or a flag: read by the type that its default has.
    fn text(&mut self, key: &str, text: &str, source: Source, problems: &mut Vec<String>) {
        let typed = match self.values.get(key).map(|(default, _)| default) {
            Some(Value::Boolean(_)) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
            Some(Value::Integer(_)) => text.parse().map(Value::Integer).map_err(|_| "a number"),
            Some(Value::Array(_)) => serde_json::from_str::<Vec<String>>(text)
                .map(|list| Value::Array(list.into_iter().map(Value::String).collect()))
                .map_err(|_| "a list of texts as JSON"),
            _ => Ok(Value::String(text.to_owned())),
        };
        match typed {
            Ok(value) => self.set(key.to_owned(), value, source),
            Err(expected) => problems.push(format!("{key} (from {source}): expected {expected}")),
        }
    }

    fn set(&mut self, key: String, value: Value, source: Source) {
        self.values.insert(key, (value, source));
    }

    /// `token.secret_file` becomes `token.secret`, with the text of the file less one trailing newline.
    fn read_secret_files(&mut self, problems: &mut Vec<String>) {
        for key in SECRETS {
            let Some((path, source)) = self.values.remove(&format!("{key}_file")) else { continue };
            if self.source(key).is_some_and(|other| !matches!(other, Source::Default | Source::Development)) {
                problems.push(format!("{key} is given as a value and as a file (from {source}): give one"));
                continue;
            }
            match path.as_str().map(std::fs::read_to_string) {
                Some(Ok(text)) => {
                    let text = text.strip_suffix('\n').unwrap_or(&text);
                    let text = text.strip_suffix('\r').unwrap_or(text);
                    self.set(key.to_owned(), Value::String(text.to_owned()), source);
                }
                Some(Err(error)) => problems.push(format!("{key}_file (from {source}): {error}")),
                None => problems.push(format!("{key}_file (from {source}): expected the path of a file")),
            }
        }
    }
}

/// The named file, or `cloakroom.toml` where it is; `dev` reads only a file that was named, because the one that
/// lies here may be meant for production.
fn file(inputs: &Inputs) -> Option<PathBuf> {
    match (&inputs.file, inputs.mode) {
        (Some(named), _) => Some(named.clone()),
        (None, Mode::Production) => Some(PathBuf::from(FILE)).filter(|path| Path::is_file(path)),
        (None, Mode::Development) => None,
    }
}

fn unknown(key: &str, source: &Source, known: &[String]) -> String {
    let closest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= key.len() / 3);
    let hint = closest.map(|(_, candidate)| format!("; did you mean {candidate}?")).unwrap_or_default();
    let printable: String = key.chars().filter(|character| !character.is_control()).collect();
    format!("{printable} (from {source}) is not a setting{hint}")
}

fn shown(key: &str, value: &Value) -> String {
    match value.as_str() {
        Some(url) if key.starts_with("store.") => without_password(url),
        Some(_) if SECRETS.contains(&key) => String::from("(hidden)"),
        Some(_) | None => value.to_string(),
    }
}

/// `postgres://user:(hidden)@host/db`
fn without_password(url: &str) -> String {
    let hidden = || {
        let (scheme, rest) = url.split_once("://")?;
        let (user_info, place) = rest.rsplit_once('@')?;
        let user = user_info.split(':').next()?;
        Some(format!("{scheme}://{user}:(hidden)@{place}"))
    };
    let url = hidden().unwrap_or_else(|| url.to_owned());
    let url = url.split_once('?').map_or(url.clone(), |(place, _)| format!("{place}?(hidden)"));
    format!("{url:?}")
}
