//! The `homing` program: one command, one exit code.

use std::process::ExitCode;

/// Hardly anything is allocated on the bid path; loading snapshots and campaigns is where it
/// pays, and where freeing gigabytes must not stall.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(homing::cli::run())
}
