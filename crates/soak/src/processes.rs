//! The parts of a run as processes: this program, told what to be.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use crate::ROLE;
use crate::verifier::Setup;

/// A process, stopped or running or dead.
pub(crate) struct Process {
    child: Child,
    /// Held open, or what it says would end it.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// Stops or continues it.
    pub(crate) fn signal(&self, name: &str) {
        // One that is dead is a fault as well.
        let _ = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
    }

    /// As the kernel would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the servers of a run live: one folder, and so the same keys.
pub(crate) struct Servers {
    pub(crate) folder: PathBuf,
    /// What all are told.
    pub(crate) settings: Vec<String>,
    /// The database, where it is another than a file in that folder. A password is never an argument.
    pub(crate) store_url: Option<PathBuf>,
}

impl Servers {
    /// This program as a server or as one of its commands.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = part("server")?;
        command.current_dir(&self.folder).args(arguments).arg("--dev");
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.envs(self.store_url.iter().map(|file| ("CLOAKROOM__STORE__URL_FILE", file)));
        Ok(command)
    }

    /// Starts one at this address, and waits until it serves.
    pub(crate) fn start(&self, listen: SocketAddr) -> Result<Process> {
        let mut command =
            self.command(&["dev", "--listen", &listen.to_string(), "--management", "127.0.0.1:0"])?;
        // What it cannot start on, it says whatever is logged.
        command.env("CLOAKROOM_LOG", "off");
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or_else(|| Error::other("no pipe"))?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let mut process = Process { child, _stdout: Some(stdout) };
        if line.starts_with("listening") {
            return Ok(process);
        }
        process.kill();
        Err(Error::other("a server did not start"))
    }

    /// What a command prints.
    pub(crate) fn printed(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments)?.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// A verifier process in the lives that it has had, and what it was told to check.
pub(crate) struct Verifier {
    number: usize,
    setup: Setup,
    folder: PathBuf,
    state: Mutex<Life>,
}

struct Life {
    count: usize,
    process: Option<Process>,
    tell: Option<std::sync::mpsc::Sender<String>>,
    /// What it checks, for the next life.
    known: std::collections::BTreeMap<u32, String>,
}

impl Verifier {
    pub(crate) fn new(number: usize, setup: Setup, folder: &Path) -> Self {
        let life = Life { count: 0, process: None, tell: None, known: std::collections::BTreeMap::new() };
        Self { number, setup, folder: folder.to_owned(), state: Mutex::new(life) }
    }

    /// Begins a life.
    pub(crate) fn start(&self) -> Result<()> {
        let mut life = self.life();
        let log = self.folder.join(format!("verifier-{}-{}.log", self.number, life.count));
        life.count += 1;
        let mut child =
            part("verifier")?.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
        let mut stdin = child.stdin.take().ok_or_else(|| Error::other("no pipe"))?;
        let setup = Setup { log, ..self.setup.clone() };
        let mut first = serde_json::to_string(&setup)?;
        for (number, token) in &life.known {
            first += &format!("\n+ {number} {token}");
        }
        let (tell, told) = std::sync::mpsc::channel::<String>();
        let _ = tell.send(first);
        // A process that is stopped reads nothing, and nobody waits for it.
        std::thread::spawn(move || {
            for line in told {
                if writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_err() {
                    return;
                }
            }
        });
        life.tell = Some(tell);
        life.process = Some(Process { child, _stdout: None });
        Ok(())
    }

    /// Lets it check this from now on.
    pub(crate) fn learn(&self, number: u32, token: &str) {
        let mut life = self.life();
        life.known.insert(number, token.to_owned());
        life.say(format!("+ {number} {token}"));
    }

    /// It has seen enough of this.
    pub(crate) fn forget(&self, number: u32) {
        let mut life = self.life();
        life.known.remove(&number);
        life.say(format!("- {number}"));
    }

    pub(crate) fn signal(&self, name: &str) {
        self.life().process.iter().for_each(|process| process.signal(name));
    }

    pub(crate) fn kill(&self) {
        let mut life = self.life();
        life.tell = None;
        life.process = None;
    }

    fn life(&self) -> std::sync::MutexGuard<'_, Life> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Life {
    fn say(&self, line: String) {
        self.tell.iter().for_each(|tell| drop(tell.send(line.clone())));
    }
}

fn part(role: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear().env(ROLE, role);
    Ok(command)
}
