//! A server as a process of its own, from the line that says where it listens to its end.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

use crate::kernel;
use crate::target::Target;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(20);
/// How long the errors of one that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Lines of its errors that are remembered.
const LINES: usize = 5;

/// A running server. It ends, with all that it started, when this is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) target: Target,
}

impl Process {
    /// Starts it and waits until it prints `listening .. http://ADDRESS`. An error tells what it said last.
    pub(crate) async fn start(mut command: Command) -> Result<Self, String> {
        // A group of its own: Ctrl-C in the terminal is for us, and we end them when we have written what we know.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
        let (tell, told) = oneshot::channel();
        let complaints = Complaints::default();
        let (finish, said_all) = oneshot::channel();
        if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
            complaints.follow(stderr, finish);
            std::thread::spawn(move || listen(stdout, tell));
        }
        let mut ending = Ending(Some(child));
        let target = match tokio::time::timeout(START, told).await {
            Ok(Ok(url)) => Target::parse(&url).map_err(|error| error.to_string())?,
            Ok(Err(_)) => {
                // Its last words may still be on their way. What it started may hold its stderr for longer.
                let _ = tokio::time::timeout(LAST_WORDS, said_all).await;
                return Err(format!("it ended at once: {}", complaints.told()));
            }
            Err(_) => {
                return Err(format!("it did not listen within {START:?}: {}", complaints.told()));
            }
        };
        match ending.0.take() {
            Some(child) => Ok(Self { child, target }),
            None => Err(String::from("it ended at once")),
        }
    }

    /// It and what descends from it.
    pub(crate) fn pids(&self) -> Vec<u32> {
        kernel::family(self.child.id())
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// One that has not been heard of yet must end too, should nobody wait for it any more.
struct Ending(Option<Child>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

/// At once: nothing of what it holds is needed any more.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads on after the line, or the server would wait for a reader.
fn listen(stdout: impl Read, tell: oneshot::Sender<String>) {
    let mut tell = Some(tell);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(url) = listening(&line)
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(url.to_owned());
        }
    }
}

fn listening(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("listening")?;
    let url = rest.get(rest.find("http")?..)?;
    url.split_whitespace().next()
}

/// What a server said last on stderr.
#[derive(Clone, Default)]
struct Complaints(Arc<Mutex<VecDeque<String>>>);

impl Complaints {
    /// Reads to the end, and says so then.
    fn follow(&self, stderr: impl Read + Send + 'static, finish: oneshot::Sender<()>) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut kept = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == LINES {
                    kept.pop_front();
                }
                kept.push_back(line);
            }
            let _ = finish.send(());
        });
    }

    fn told(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            return String::from("it said nothing");
        }
        kept.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" | ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn it_is_found_where_it_says_and_ends_with_its_children() {
        let script = "sleep 600 & echo ready; echo 'listening on http://127.0.0.1:4242/'; wait";
        let mut process = Process::start(shell(script)).await.unwrap();
        assert_eq!(process.target.to_string(), "http://127.0.0.1:4242");
        assert!(!process.is_over());
        let pids = process.pids();
        drop(process);
        if cfg!(target_os = "linux") {
            assert_eq!(pids.len(), 2, "the shell and its child: {pids:?}");
            // The child is reaped by somebody else, who may take a moment.
            let gone = || pids.iter().all(|pid| kernel::name(*pid).is_none_or(|name| name != "sleep"));
            let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
            while !gone() {
                assert!(tokio::time::Instant::now() < deadline, "it lives on: {pids:?}");
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn what_does_not_start_says_why() {
        let failed = Process::start(shell("echo no such database >&2; exit 3")).await;
        assert!(failed.err().unwrap().contains("no such database"));
        let elsewhere = Process::start(shell("echo listening on http://192.0.2.1:80; sleep 600")).await;
        assert!(elsewhere.err().unwrap().contains("loopback only"));
        let nobody = Process::start(Command::new("/no/such/program")).await;
        assert!(nobody.err().unwrap().contains("cannot be started"));
    }
}
