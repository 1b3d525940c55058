//! A nats-server with JetStream, in a folder and on a port of its own.

use crate::PATIENCE;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where Debian puts it, which is not in everybody's path.
const DEBIAN: &str = "/usr/sbin/nats-server";

/// The server.
pub(crate) struct NatsServer {
    binary: PathBuf,
    store: TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl NatsServer {
    /// Starts one; `None`, and a word, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let Some(binary) = find() else {
            crate::say("skipped: there is no nats-server (Debian's package nats-server)");
            return None;
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let store = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self { binary, store, port, child: None };
        server.revive();
        Some(server)
    }

    /// Starts it again, on the same port and with what it had.
    pub(crate) fn revive(&mut self) {
        let mut command = Command::new(&self.binary);
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"]);
        command.arg(self.store.path()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("it runs"));
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "the nats-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).map(|folder| folder.join("nats-server"));
    folders.chain([Path::new(DEBIAN).to_path_buf()]).find(|binary| binary.is_file())
}
