//! `homing snapshot load`: has a running bidder load a set, over its admin API.

use super::super::admin_client::{self, AdminArgs, AdminCall, AdminClient};
use super::super::exit::{self, Failure};
use super::print_json;
use clap::Args;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// How long a load may take: gigabytes may have to be fetched from far away.
const LOAD_MAX: Duration = Duration::from_secs(3_600);
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
    #[command(flatten)]
    admin: AdminArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Loads a set. A refusal is an error with the bidder's reason.
pub(super) fn run(args: &LoadArgs) -> Result<(), Failure> {
    let (status, body) = AdminClient::of(&args.admin)?.call(AdminCall {
        method: Method::POST,
        path: PATH.to_owned(),
        body: json!({ "set": args.set, "force": args.force }).to_string(),
        wait_max: LOAD_MAX,
        answer_bytes_max: ANSWER_BYTES_MAX,
    })?;
    if status == StatusCode::OK {
        return show(&serde_json::from_slice(&body).unwrap_or_default(), args.json);
    }
    let told = admin_client::reason(&body);
    let code = admin_client::exit_code(status, exit::DATA);
    Err(Failure::new(code, format!("not loaded ({}): {told}", status.as_u16())))
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
