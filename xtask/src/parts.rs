//! The programs that tests use where they find them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A program and who wants it. A later suite that uses one names itself here, in one line.
pub(crate) struct Part {
    program: &'static str,
    /// The suites that use it; none yet: it is never missed.
    used_by: &'static [&'static str],
    how_to_get: &'static str,
}

const PARTS: &[Part] = &[
    Part { program: "curl", used_by: &["readme"], how_to_get: "apt-get install curl" },
    Part { program: "postgres", used_by: &[], how_to_get: "apt-get install postgresql" },
    Part { program: "redis-server", used_by: &[], how_to_get: "apt-get install redis-server" },
    Part { program: "nginx", used_by: &[], how_to_get: "apt-get install nginx-light" },
    Part { program: "caddy", used_by: &[], how_to_get: "apt-get install caddy" },
    Part { program: "node", used_by: &[], how_to_get: "apt-get install nodejs npm" },
    Part { program: "chromium", used_by: &[], how_to_get: "apt-get install chromium" },
];

/// Looks for every part: on the `PATH`, and where Debian hides PostgreSQL's server.
pub(crate) fn find() -> Vec<(&'static Part, Option<PathBuf>)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    PARTS.iter().map(|part| (part, find_in(&folders, part.program))).collect()
}

fn find_in(folders: &[PathBuf], program: &str) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(program)).find(|file| Path::is_file(file))
}

/// What some suite uses and is not there.
pub(crate) fn missing(parts: &[(&'static Part, Option<PathBuf>)]) -> Vec<&'static str> {
    parts
        .iter()
        .filter(|(part, found)| found.is_none() && !part.used_by.is_empty())
        .map(|(part, _)| part.program)
        .collect()
}

/// One line a part: what is there, and what to do about what is not.
pub(crate) fn table(parts: &[(&'static Part, Option<PathBuf>)]) -> String {
    let mut table = String::from("What the tests can use:\n");
    for (part, found) in parts {
        let state = match (found, part.used_by) {
            (Some(path), _) => format!("found   {}", path.display()),
            (None, []) => String::from("absent  no suite uses it yet"),
            (None, suites) => format!("MISSING, SKIPPING {}: {}", suites.join(", "), part.how_to_get),
        };
        let _ = writeln!(table, "  {:<14}{state}", part.program);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_suite_uses_can_be_missing() {
        let nothing: Vec<_> = PARTS.iter().map(|part| (part, None)).collect();
        assert_eq!(missing(&nothing), ["curl"]);
        assert!(table(&nothing).contains("MISSING, SKIPPING readme: apt-get install curl"));
    }
}
