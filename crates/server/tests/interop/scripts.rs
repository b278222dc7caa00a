//! Asking a script of another language.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::common::skip::skip;

/// What a script is run with.
pub struct Script {
    program: PathBuf,
    main: PathBuf,
}

impl Script {
    /// The one in Node, unless its packages are not there: that is said once, and `None`.
    pub fn node() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Script>> = OnceLock::new();
        FOUND.get_or_init(Self::find_node).as_ref()
    }

    /// The one in Python, likewise; a virtual environment of ours goes before the system's modules.
    pub fn python() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Script>> = OnceLock::new();
        FOUND.get_or_init(Self::find_python).as_ref()
    }

    fn find_node() -> Option<Self> {
        let folder = here().join("node");
        let packages = ["fast-jwt", "jose", "jsonwebtoken", "oauth4webapi", "openid-client"];
        let all_there = packages.iter().all(|package| folder.join("node_modules").join(package).is_dir());
        let script = Self { program: "node".into(), main: folder.join("main.js") };
        if all_there && script.runs(&["--version"]) {
            return Some(script);
        }
        skip("interop with Node", "npm ci --prefix crates/server/tests/interop/node (Node 20 or newer)");
        None
    }

    fn find_python() -> Option<Self> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop-python/bin/python3");
        let main = here().join("python/main.py");
        for program in [own, PathBuf::from("python3")] {
            let script = Self { program, main: main.clone() };
            if script.runs(&["-c", "import cryptography, joserfc, jwt"]) {
                return Some(script);
            }
        }
        skip(
            "interop with Python",
            "python3 -m venv target/interop-python && \
             target/interop-python/bin/pip install -r crates/server/tests/interop/python/requirements.txt",
        );
        None
    }

    fn runs(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    }

    /// One question, one answer.
    #[track_caller]
    pub fn ask(&self, request: &Value) -> Value {
        let mut command = Command::new(&self.program);
        command.arg(&self.main).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // It talks to servers of this machine only, and leaves nothing beside its source.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.spawn().expect("it ran before");
        child.stdin.take().expect("a pipe").write_all(request.to_string().as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {talk}", self.main.display());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop")
}
