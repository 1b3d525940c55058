//! `homing simulate`: whole clusters under faults, from a seed: the promises of caps, budgets and
//! burning, checked at every step.

use super::exit::{self, Failure};
use super::progress::{Progress, Unit};
use crate::audience::threads::on_each;
use crate::simulate::{Plan, Ran, run as run_plan};
use clap::Args;
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds, one after another.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A seed that broke a promise.
struct Broken {
    seed: u64,
    told: String,
}

/// Runs the seeds; the exit code.
pub fn run(args: &SimulateArgs) -> u8 {
    match simulate(args) {
        Ok(code) => code,
        Err(failure) => {
            // With a closed terminal the code still tells.
            let _ = writeln!(io::stderr(), "homing: {failure}");
            failure.code
        }
    }
}

fn simulate(args: &SimulateArgs) -> Result<u8, Failure> {
    let progress = Progress::begin("simulating", Unit::Seeds, Some(args.seeds));
    let (total, broken) = (Mutex::new(Ran::default()), Mutex::new(None::<Broken>));
    let next = AtomicU64::new(0);
    let work = || -> Result<(), Failure> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= args.seeds || broken.lock().is_some() {
                return Ok(());
            }
            let seed = args.seed.wrapping_add(number);
            match run_plan(&Plan::of(seed), seed) {
                Ok(ran) => total.lock().add(&ran),
                Err((violation, steps)) => {
                    let told = format!("{violation}, after {steps} steps");
                    *broken.lock() = Some(Broken { seed, told });
                }
            }
            progress.advance(1);
        }
    };
    on_each(thread::available_parallelism().map_or(1, usize::from), work)?;
    progress.end();
    tell(args, &total.into_inner(), broken.into_inner().as_ref())
}

fn tell(args: &SimulateArgs, ran: &Ran, broken: Option<&Broken>) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    if args.json {
        let broken_json =
            broken.map(|broken| serde_json::json!({ "seed": broken.seed, "why": broken.told }));
        let told = serde_json::json!({ "seeds": args.seeds, "ran": ran, "broken": broken_json });
        writeln!(out, "{told:#}")?;
    } else {
        if args.seeds == 1 {
            writeln!(out, "{:#?}", Plan::of(args.seed))?;
        }
        writeln!(out, "{} seeds from {}: {ran}", args.seeds, args.seed)?;
        match broken {
            None => writeln!(out, "no promise was broken")?,
            Some(Broken { seed, told }) => {
                writeln!(out, "BROKEN {told}\nagain: homing simulate --seed {seed}")?;
            }
        }
    }
    Ok(if broken.is_some() { exit::SOFTWARE } else { exit::OK })
}
