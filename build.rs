//! Compiles the protobuf schemas with protox, so that no `protoc` needs to be installed.

use std::error::Error;

/// Every schema of the crate; a new one is one line more.
const SCHEMAS: [&str; 3] = ["proto/audience.proto", "proto/events.proto", "proto/openrtb.proto"];

/// The tests turn JSON requests into these types, and these responses into JSON.
const SERDE: &str = "#[derive(serde::Serialize, serde::Deserialize)]\n#[serde(default)]";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let schemas = protox::compile(SCHEMAS, ["proto"])?;
    let mut config = prost_build::Config::new();
    config.message_attribute(".homing.openrtb", SERDE);
    config.compile_fds(schemas)?;
    Ok(())
}
