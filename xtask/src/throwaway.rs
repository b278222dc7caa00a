//! A PostgreSQL server of the tests' own: made from the installed programs on a free port, gone with its folder
//! however its owner ends. Suites that have to stop a server include this file.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::port;
use super::unprivileged::Owner;

/// Keeps the server and, when its own input ends, which no way of dying prevents, stops it and removes the folder.
/// A word on a line stops it the named way and keeps the folder. It does not hear the terminal's signals.
const KEEPER: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" </dev/null & server=$!
if read -r word; then kill -"$word" $server; wait $server
else kill -INT $server 2>/dev/null; wait $server; cd / && rm -rf "$folder"; fi
"#;

/// A server, running or stopped for a while.
pub(crate) struct Throwaway {
    programs: PathBuf,
    folder: PathBuf,
    owner: Owner,
    port: u16,
    password: String,
    keeper: Option<Child>,
}

impl Throwaway {
    /// Makes and starts one. `programs` is the folder with `initdb` and `postgres`.
    pub(crate) fn start(programs: &Path) -> Result<Self> {
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let word = random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let folder = std::env::temp_dir().join(format!("cloakroom-postgres-{}", &word[..8]));
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        let owner = Owner::of(&folder, "postgres")?;
        let port = port::free()?;
        let programs = programs.to_owned();
        let mut made = Self { programs, folder, owner, port, password: word, keeper: None };
        made.initialise()?;
        made.resume()?;
        Ok(made)
    }

    /// Its first database, for its first user.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// Stops it by a signal: `INT` as an operator would, `QUIT` as a crash would. What it wrote stays.
    pub(crate) fn stop(&mut self, signal: &str) -> Result<()> {
        let Some(mut keeper) = self.keeper.take() else { return Ok(()) };
        if let Some(input) = &mut keeper.stdin {
            writeln!(input, "{signal}")?;
        }
        keeper.wait().map(drop)
    }

    /// Starts it again, on the same port, and waits until it answers.
    pub(crate) fn resume(&mut self) -> Result<()> {
        let mut server = self.command("sh");
        server.arg("-c").arg(KEEPER).arg("sh").arg(&self.folder).arg(self.programs.join("postgres"));
        server.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        server.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        // Room for suites that run side by side; nothing that makes it lose what it acknowledged.
        for setting in ["max_connections=400", "shared_buffers=64MB", "max_wal_size=256MB"] {
            server.args(["-c", setting]);
        }
        // Only the server's end of the pipe tells that it ended: nothing else may hold it.
        let mut keeper = server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let log = keeper.stderr.take().ok_or_else(|| Error::other("no log"))?;
        self.keeper = Some(keeper);
        let mut log = BufReader::new(log);
        let mut told = String::new();
        // "... read-only connections", of a standby.
        while !(told.contains("ready to accept") && told.ends_with("connections\n")) {
            if log.read_line(&mut told)? == 0 {
                return Err(Error::other(format!("postgres did not start: {told}")));
            }
        }
        // Read on, or it would wait for a reader; its errors are those that the tests provoke.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(())
    }

    /// Writes a file that only the server can read.
    pub(crate) fn place(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let file = self.folder.join(name);
        fs::write(&file, bytes)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        self.owner.give(&file)
    }

    fn initialise(&self) -> Result<()> {
        self.place("password", self.password.as_bytes())?;
        let mut initdb = self.command(&self.programs.join("initdb").to_string_lossy());
        initdb.arg("-D").arg(self.data()).args(["-U", "postgres", "-A", "scram-sha-256"]);
        initdb.args(["-E", "UTF8", "--locale=C", "--no-sync", "--pwfile"]).arg(self.folder.join("password"));
        let output = initdb.stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::other(format!("initdb: {}", String::from_utf8_lossy(&output.stderr))))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_remove("PGOPTIONS").env_remove("PGDATA");
        self.owner.run(&mut command);
        command
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        match self.keeper.take() {
            Some(mut keeper) => {
                drop(keeper.stdin.take());
                let _ = keeper.wait();
            }
            None => {
                let _ = fs::remove_dir_all(&self.folder);
            }
        }
    }
}
