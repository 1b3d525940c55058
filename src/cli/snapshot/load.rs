//! `homing snapshot load`: has a running bidder load a set, over its admin API.

use super::super::exit::{self, Failure};
use super::super::serve;
use super::print_json;
use crate::server::settings::Settings;
use crate::server::settings::secrets::{TOKEN_BYTES_MIN, resolve};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a load may take: gigabytes may have to be fetched from far away.
const LOAD_MAX: Duration = Duration::from_secs(3_600);
/// Wait for a connection: the admin port is near.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Largest answer: the names of 65,535 segments take less than 5 MiB.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// The admin API's path of snapshots.
const PATH: &str = "/api/v1/snapshots";

/// Arguments of `snapshot load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The set's name, as it is in the bidder's source; what the source means if not given.
    set: Option<String>,
    /// Load it even if it is older than the one in service.
    #[arg(long)]
    force: bool,
    /// The bidder's machine's file, for the address and the token of its admin API.
    #[arg(long, value_name = "FILE", default_value = "homing.toml")]
    config: PathBuf,
    /// The admin API's address in place of the one in the machine's file: http://HOST:PORT.
    #[arg(long)]
    url: Option<String>,
    /// A file with the admin token in place of the one that the machine's file names.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Loads a set. A refusal is an error with the bidder's reason.
pub(super) fn run(args: &LoadArgs) -> Result<(), Failure> {
    let (host, token) = whom(args)?;
    let order = json!({ "set": args.set, "force": args.force });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(exit::OS, error))?;
    let asked = ask(&host, &token, order.to_string());
    let (status, answer) = runtime.block_on(asked).map_err(|why| {
        Failure::new(exit::UNAVAILABLE, format!("the admin API at {host}: {why}"))
    })?;
    if status == StatusCode::OK {
        return show(&answer, args.json);
    }
    let told = answer["error"].as_str().unwrap_or("no reason is given");
    let code = match status {
        StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => exit::TEMPORARY,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => exit::NO_PERMISSION,
        _ => exit::DATA,
    };
    Err(Failure::new(code, format!("not loaded ({}): {told}", status.as_u16())))
}

/// Whom to ask, and the token.
fn whom(args: &LoadArgs) -> Result<(String, String), Failure> {
    let host = args.url.as_deref().map(host_of).transpose()?;
    let token = args.token_file.as_deref().map(token_in).transpose()?;
    if let (Some(host), Some(token)) = (&host, &token) {
        return Ok((host.clone(), token.clone()));
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
    Ok((host.unwrap_or_else(|| settings.listen.admin.to_string()), token))
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

async fn ask(
    host: &str,
    token: &str,
    body: String,
) -> Result<(StatusCode, Value), Box<dyn std::error::Error + Send + Sync>> {
    let stream = tokio::time::timeout(CONNECT_MAX, TcpStream::connect(host)).await??;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its sender; what breaks it is told to the call that is under way.
    tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(PATH)
        .header(HOST, host)
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        // What is refused before the API sees it is told in plain text.
        let answer = serde_json::from_slice(&body)
            .unwrap_or_else(|_| json!({ "error": String::from_utf8_lossy(&body).trim_end() }));
        Ok((head.status, answer))
    };
    tokio::time::timeout(LOAD_MAX, exchange).await?
}

fn show(answer: &Value, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        return print_json(&mut out, answer);
    }
    let loaded = &answer["loaded"];
    let state = if answer["unchanged"] == true { "was in service" } else { "is in service" };
    writeln!(out, "{} {state}", loaded["name"].as_str().unwrap_or_default())?;
    writeln!(out, "  {} users, {} memberships", loaded["users"], loaded["memberships"])?;
    writeln!(out, "  {} bytes in {} shards", loaded["bytes"], loaded["shards"])?;
    Ok(())
}
