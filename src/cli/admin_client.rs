//! Asking a running bidder over its admin API: whom, with what token, and what came back.
//!
//! Guarantees: the token is read from where the machine's file says, or from a file, never from
//! the command line; every wait and every answer is bounded.

use super::exit::{self, Failure};
use super::serve;
use crate::server::settings::Settings;
use crate::server::settings::secrets::{TOKEN_BYTES_MIN, resolve};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;

/// Wait for a connection: the admin port is near.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Which bidder is asked.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// The bidder's machine's file, for the address and the token of its admin API.
    #[arg(long, value_name = "FILE", default_value = "homing.toml")]
    pub(super) config: PathBuf,
    /// The admin API's address in place of the one in the machine's file: http://HOST:PORT.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// A file with the admin token in place of the one that the machine's file names.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}

/// An admin API.
pub(super) struct AdminClient {
    host: String,
    token: String,
}

/// What is asked.
pub(super) struct AdminCall {
    pub(super) method: Method,
    /// The path, with its query.
    pub(super) path: String,
    /// JSON, if anything.
    pub(super) body: String,
    /// How long the answer may take.
    pub(super) wait_max: Duration,
    /// Largest answer that is read.
    pub(super) answer_bytes_max: usize,
}

impl AdminClient {
    /// The one that the arguments mean.
    ///
    /// # Errors
    /// The machine's file has faults, or there is no token.
    pub(super) fn of(args: &AdminArgs) -> Result<Self, Failure> {
        let host = args.url.as_deref().map(host_of).transpose()?;
        let token = args.token_file.as_deref().map(token_in).transpose()?;
        if let (Some(host), Some(token)) = (&host, &token) {
            return Ok(Self { host: host.clone(), token: token.clone() });
        }
        let refused = |faults: Vec<_>| {
            let code = serve::refuse(&faults);
            Failure::new(code, "`--url` and `--token-file` do without the machine's file")
        };
        let settings = Settings::read(&args.config).map_err(refused)?;
        let token = if let Some(token) = token {
            token
        } else {
            let found = resolve(&settings.secrets).map_err(refused)?.admin_token;
            let found = found.map(|token| String::from_utf8_lossy(token.expose()).into_owned());
            found.ok_or_else(|| {
                let told = "the machine's file names no `admin_token`: its admin API is closed";
                Failure::new(exit::CONFIG, told)
            })?
        };
        Ok(Self { host: host.unwrap_or_else(|| settings.listen.admin.to_string()), token })
    }

    /// Calls it; the status and the body of the answer.
    ///
    /// # Errors
    /// Nobody answers.
    pub(super) fn call(&self, call: AdminCall) -> Result<(StatusCode, Bytes), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(exit::OS, error))?;
        runtime.block_on(self.ask(call)).map_err(|why| {
            Failure::new(exit::UNAVAILABLE, format!("the admin API at {}: {why}", self.host))
        })
    }

    async fn ask(
        &self,
        call: AdminCall,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = tokio::time::timeout(CONNECT_MAX, TcpStream::connect(&self.host)).await??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with its sender; what breaks it is told to the call that is under way.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(call.body)))?;
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, call.answer_bytes_max).collect().await?.to_bytes();
            Ok((head.status, body))
        };
        tokio::time::timeout(call.wait_max, exchange).await?
    }
}

/// The exit code for an answer that is no success; `other` for what depends on the call.
pub(super) fn exit_code(status: StatusCode, other: u8) -> u8 {
    match status {
        StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => exit::TEMPORARY,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => exit::NO_PERMISSION,
        _ => other,
    }
}

/// Why an answer is no success: what is refused before the API sees it is told in plain text.
pub(super) fn reason(body: &[u8]) -> String {
    let told = serde_json::from_slice::<serde_json::Value>(body).ok();
    let told = told.and_then(|told| told["error"].as_str().map(str::to_owned));
    told.unwrap_or_else(|| match String::from_utf8_lossy(body).trim_end() {
        "" => "no reason is given".to_owned(),
        text => text.to_owned(),
    })
}

fn host_of(url: &str) -> Result<String, Failure> {
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let port = host.and_then(|host| host.rsplit_once(':')).map(|(_, port)| port.parse::<u16>());
    match (host, port) {
        (Some(host), Some(Ok(_))) if !host.contains('/') => Ok(host.to_owned()),
        _ => Err(Failure::new(exit::USAGE, format!("expected http://HOST:PORT, found {url}"))),
    }
}

fn token_in(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::reading(path))?;
    let token = text.trim_end_matches(['\r', '\n']);
    if token.len() < TOKEN_BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let expected = format!("a token of at least {TOKEN_BYTES_MIN} visible ASCII characters");
        return Err(Failure::new(exit::DATA, format!("{}: expected {expected}", path.display())));
    }
    Ok(token.to_owned())
}
