//! The `homing` program: one command, one exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(homing::cli::run())
}
