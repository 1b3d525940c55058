//! Compiles the protobuf schemas with protox, so that no `protoc` needs to be installed.

use std::error::Error;

/// Every schema of the crate; a new one is one line more.
const SCHEMAS: [&str; 1] = ["proto/audience.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let schemas = protox::compile(SCHEMAS, ["proto"])?;
    prost_build::Config::new().compile_fds(schemas)?;
    Ok(())
}
