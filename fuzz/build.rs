//! Compiles the schema of bid requests, as the crate's own build does for its tests: targets
//! pack requests as protobuf with what prost generates.

use std::error::Error;

const SCHEMA: &str = "../proto/openrtb.proto";
const SERDE: &str = "#[derive(serde::Serialize, serde::Deserialize)]\n#[serde(default)]";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SCHEMA}");
    let schema = protox::compile([SCHEMA], ["../proto"])?;
    let mut config = prost_build::Config::new();
    config.message_attribute(".homing.openrtb", SERDE);
    config.compile_fds(schema)?;
    Ok(())
}
