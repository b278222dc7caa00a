//! A Redis server of the tests' own: on a free port of loopback, gone with its folder however its owner ends. Suites
//! that have to stop a server include this file.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use super::port;
use super::unprivileged::Owner;

/// Keeps the server and, when its own input ends, which no way of dying prevents, kills it and removes the folder.
/// A line with `KILL` kills it and keeps the folder; one with another signal only sends that. Each is answered by a
/// line when it has happened: who is asked to stop may do a little more before he does.
const KEEPER: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
exec 3>&2 2>/dev/null
"$@" </dev/null 3>&- & server=$!
while read -r word; do
  kill -"$word" $server
  if [ "$word" = KILL ]; then wait $server; exit; fi
  if [ "$word" = STOP ] && [ -r /proc/$server/stat ]; then
    until grep -q ') [TZ] ' /proc/$server/stat || ! kill -0 $server; do :; done
  fi
  echo "$word" >&3
done
kill -KILL $server; wait $server; cd / && rm -rf "$folder"
"#;

/// A server, running or stopped for a while.
pub(crate) struct ThrowawayRedis {
    program: PathBuf,
    folder: PathBuf,
    owner: Owner,
    port: u16,
    password: String,
    settings: Vec<String>,
    /// The first lines of its file, if it is a sentinel.
    watches: Option<String>,
    keeper: Option<Child>,
    /// What the keeper has done.
    done: Option<BufReader<ChildStderr>>,
}

impl ThrowawayRedis {
    /// Makes and starts one, with these settings more. It saves nothing by itself.
    pub(crate) fn start(program: &Path, settings: &[&str]) -> Result<Self> {
        Self::make(program, settings, None)
    }

    /// The same of a sentinel without a password, with these lines in its file.
    pub(crate) fn watch(program: &Path, lines: &str) -> Result<Self> {
        Self::make(program, &[], Some(lines.to_owned()))
    }

    fn make(program: &Path, settings: &[&str], watches: Option<String>) -> Result<Self> {
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let word = random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let folder = std::env::temp_dir().join(format!("cloakroom-redis-{}", &word[..8]));
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        let owner = Owner::of(&folder, "redis")?;
        let port = port::free()?;
        let settings = settings.iter().copied().map(String::from).collect();
        let program = program.to_owned();
        let password = word;
        let mut made =
            Self { program, folder, owner, port, password, settings, watches, keeper: None, done: None };
        made.resume()?;
        Ok(made)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        match self.watches {
            None => format!("redis://:{}@127.0.0.1:{}", self.password, self.port),
            Some(_) => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// Kills it. What it saved stays.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.signal("KILL")?;
        match self.keeper.take() {
            Some(mut keeper) => keeper.wait().map(drop),
            None => Ok(()),
        }
    }

    /// Sends it a signal, and waits until it has it: `STOP` and `CONT` as a machine that hangs for a while would.
    pub(crate) fn signal(&mut self, signal: &str) -> Result<()> {
        if let Some(input) = self.keeper.as_mut().and_then(|keeper| keeper.stdin.as_mut()) {
            writeln!(input, "{signal}")?;
        }
        if let Some(done) = &mut self.done {
            done.read_line(&mut String::new())?;
        }
        Ok(())
    }

    /// The file that it saves to, and reads when it starts.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("dump.rdb")
    }

    /// Starts it again, on the same port, and waits until it answers.
    pub(crate) fn resume(&mut self) -> Result<()> {
        let mut server = Command::new("sh");
        server.current_dir(&self.folder).arg("-c").arg(KEEPER).arg("sh").arg(&self.folder).arg(&self.program);
        if let Some(lines) = &self.watches {
            // It writes down there what it finds out.
            let file = self.folder.join("sentinel.conf");
            fs::write(&file, lines)?;
            self.owner.give(&file)?;
            server.args(["sentinel.conf", "--sentinel"]);
        }
        server.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        server.args(["--dir", &self.folder.to_string_lossy()]);
        if self.watches.is_none() {
            server.args(["--save", "", "--requirepass", &self.password]);
            server.args(["--maxmemory-policy", "noeviction"]);
        }
        server.args(&self.settings);
        self.owner.run(&mut server);
        let mut keeper =
            server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = keeper.stdout.take().ok_or_else(|| Error::other("no log"))?;
        self.done = keeper.stderr.take().map(BufReader::new);
        self.keeper = Some(keeper);
        let mut log = BufReader::new(log);
        let mut told = String::new();
        while !told.contains("Ready to accept connections") && !told.contains("Sentinel ID is") {
            if log.read_line(&mut told)? == 0 {
                return Err(Error::other(format!("redis-server did not start: {told}")));
            }
        }
        // Read on, or it would wait for a reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(())
    }
}

impl Drop for ThrowawayRedis {
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
