//! A process under way, and what it leaves. The tests in a browser (`browser/`) use this file too.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine: what is still running then hangs.
pub const PATIENCE: Duration = Duration::from_secs(150);
/// How often a condition is looked at.
pub const GLANCE: Duration = Duration::from_millis(20);

/// A process under way. It is ended with the test.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

/// What a process left.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// Lines of its output that nobody read while it ran.
    pub stdout: Vec<String>,
    pub stderr: String,
}

impl Process {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut stderr = child.stderr.take().unwrap();
        let stderr = spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self { child, lines, stderr: Some(stderr) }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line that has this in it; none if the process ends without one.
    pub fn line_or_end(&mut self, wanted: &str) -> Option<String> {
        let until = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if line.contains(wanted) {
                return Some(line);
            }
        }
        None
    }

    /// The first line that has this in it.
    pub fn line(&mut self, wanted: &str) -> String {
        self.line_or_end(wanted)
            .unwrap_or_else(|| panic!("the process never says {wanted:?}: {:?}", self.kill()))
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits at most so long; says whether it ended.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if !self.is_running() {
                return true;
            }
            sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
        }
        !self.is_running()
    }

    /// `SIGKILL`: no chance to tidy up.
    pub fn kill(&mut self) -> Ended {
        let _ = self.child.kill();
        self.ended()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        if !self.ends_within(PATIENCE) {
            panic!("the process does not end: {:?}", self.kill());
        }
        self.ended()
    }

    fn ended(&mut self) -> Ended {
        let status = self.child.wait().unwrap();
        let stdout = self.lines.iter().collect();
        Ended { status, stdout, stderr: self.stderr.take().map(|t| t.join().unwrap()).unwrap_or_default() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs to the end.
pub fn run(command: Command) -> Ended {
    Process::start(command).wait()
}
