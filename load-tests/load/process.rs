//! A server process of a comparison: started on one core, its CPU time read, ended.
//!
//! Guarantees: ends the process it started, and no other, whatever happens.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to be ready: a large audience takes a minute.
const READY_MAX: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long it gets to end by itself.
const END_MAX: Duration = Duration::from_secs(10);
/// Ticks of `/proc` a second: a constant of Linux' interface (`USER_HZ`).
const TICKS_A_SECOND: u64 = 100;

/// A running server.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts `program` on `cores`, as `taskset` writes them.
    ///
    /// # Errors
    /// It or `taskset` cannot be started.
    pub(crate) fn start(program: &Path, arguments: &[String], cores: &str) -> io::Result<Self> {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(cores).arg(program).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        // Unless told otherwise, only what is wrong is said.
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        Ok(Self { child: command.spawn()? })
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// The server ended, or took too long.
    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) -> io::Result<()> {
        let begun = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("the server ended: {status}")));
            }
            if begun.elapsed() > READY_MAX {
                return Err(io::Error::other(format!("the server was not ready in {READY_MAX:?}")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// CPU time of all its threads so far: user and system.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn cpu(&self) -> io::Result<[Duration; 2]> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let times = cpu_ticks(&text).ok_or_else(|| io::Error::other("/proc/PID/stat is unlike"))?;
        Ok(times.map(|ticks| Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND)))
    }
}

/// `utime` and `stime` (proc(5)): the 14th and 15th field; the 2nd may hold blanks.
fn cpu_ticks(stat: &str) -> Option<[u64; 2]> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    Some([fields.next()?.parse().ok()?, fields.next()?.parse().ok()?])
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // Gone already: nothing to end.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let begun = Instant::now();
        while begun.elapsed() < END_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether somebody listens.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, LOOK_EVERY).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 512 77 0 0 20 0 3 0 100 1 2";
        assert_eq!(cpu_ticks(stat), Some([512, 77]));
        assert_eq!(cpu_ticks("42 (a)"), None);
    }
}
