//! The programs and packages that tests use where they find them. Nothing is downloaded from here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A part and who wants it. A later suite that uses one names itself here, in one line.
pub(crate) struct Part {
    name: &'static str,
    look: Look,
    /// The suites that use it; none yet: it is never missed.
    used_by: &'static [&'static str],
    how_to_get: &'static str,
}

/// Where a part is looked for.
enum Look {
    /// On the `PATH`, in `/usr/sbin`, which is not on everybody's, and where Debian hides PostgreSQL's server.
    Program,
    /// A folder of this repository.
    Folder(&'static str),
    /// What some Python can import: that of a folder of this repository, else the system's.
    Modules { own: &'static str, import: &'static str },
}

const PARTS: &[Part] = &[
    program("curl", &["readme"], "apt-get install curl"),
    program("postgres", &["store", "binary", "replicas", "soak"], "apt-get install postgresql"),
    program("redis-server", &["store", "binary", "in_redis"], "apt-get install redis-server"),
    program("nginx", &["binary", "replicas"], "apt-get install nginx-light"),
    program("caddy", &["binary"], "apt-get install caddy"),
    program("openssl", &["store"], "apt-get install openssl"),
    program("node", &["interop"], "apt-get install nodejs npm (20 or newer)"),
    Part {
        name: "node packages",
        look: Look::Folder("crates/server/tests/interop/node/node_modules"),
        used_by: &["interop"],
        how_to_get: "npm ci --prefix crates/server/tests/interop/node",
    },
    program("python3", &["interop"], "apt-get install python3 python3-venv (3.11 or newer)"),
    Part {
        name: "python modules",
        look: Look::Modules {
            own: "target/interop-python/bin/python3",
            import: "import cryptography, joserfc, jwt",
        },
        used_by: &["interop"],
        how_to_get: "python3 -m venv target/interop-python && \
                     target/interop-python/bin/pip install -r crates/server/tests/interop/python/requirements.txt",
    },
    program("chromium", &["report"], "apt-get install chromium"),
];

const fn program(name: &'static str, used_by: &'static [&'static str], how_to_get: &'static str) -> Part {
    Part { name, look: Look::Program, used_by, how_to_get }
}

/// Looks for every part.
pub(crate) fn find() -> Vec<(&'static Part, Option<PathBuf>)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push(PathBuf::from("/usr/sbin"));
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    PARTS.iter().map(|part| (part, part.find_in(&folders))).collect()
}

impl Part {
    fn find_in(&self, folders: &[PathBuf]) -> Option<PathBuf> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in the repository");
        match self.look {
            Look::Program => {
                folders.iter().map(|folder| folder.join(self.name)).find(|file| Path::is_file(file))
            }
            Look::Folder(folder) => Some(repository.join(folder)).filter(|path| path.is_dir()),
            Look::Modules { own, import } => {
                [repository.join(own), PathBuf::from("python3")].into_iter().find(|python| {
                    let mut command = Command::new(python);
                    command.args(["-c", import]).stdin(Stdio::null());
                    command.output().is_ok_and(|output| output.status.success())
                })
            }
        }
    }
}

/// The folder of a program, behind the links that lead to it: its siblings are there.
pub(crate) fn folder_of(parts: &[(&'static Part, Option<PathBuf>)], name: &str) -> Option<PathBuf> {
    let (_, found) = parts.iter().find(|(part, _)| part.name == name)?;
    Some(found.as_ref()?.canonicalize().ok()?.parent()?.to_owned())
}

/// Where a program is.
pub(crate) fn program_of<'p>(parts: &'p [(&'static Part, Option<PathBuf>)], name: &str) -> Option<&'p Path> {
    parts.iter().find(|(part, _)| part.name == name).and_then(|(_, found)| found.as_deref())
}

/// What some suite uses and is not there.
pub(crate) fn missing(parts: &[(&'static Part, Option<PathBuf>)]) -> Vec<&'static str> {
    parts
        .iter()
        .filter(|(part, found)| found.is_none() && !part.used_by.is_empty())
        .map(|(part, _)| part.name)
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
        let _ = writeln!(table, "  {:<15}{state}", part.name);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_suite_uses_can_be_missing() {
        let nothing: Vec<_> = PARTS.iter().map(|part| (part, None)).collect();
        assert_eq!(
            missing(&nothing),
            [
                "curl",
                "postgres",
                "redis-server",
                "nginx",
                "caddy",
                "openssl",
                "node",
                "node packages",
                "python3",
                "python modules",
                "chromium"
            ]
        );
        assert!(table(&nothing).contains("MISSING, SKIPPING readme: apt-get install curl"));
    }

    #[test]
    fn a_folder_is_looked_for_in_the_repository_and_a_program_in_the_folders_of_the_path() {
        let part = |name, look| Part { name, look, used_by: &[], how_to_get: "" };
        let folders = [PathBuf::from("/nowhere"), PathBuf::from("/bin")];
        assert!(part("xtask", Look::Folder("xtask/src")).find_in(&folders).is_some());
        assert!(part("xtask", Look::Folder("xtask/nothing")).find_in(&folders).is_none());
        assert_eq!(part("sh", Look::Program).find_in(&folders), Some(PathBuf::from("/bin/sh")));
        assert_eq!(part("src", Look::Program).find_in(&[PathBuf::from(env!("CARGO_MANIFEST_DIR"))]), None);
        let modules = Look::Modules { own: "nowhere/python3", import: "import no_such_module" };
        assert_eq!(part("python modules", modules).find_in(&folders), None);
    }
}
