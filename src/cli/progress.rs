//! Progress of long work on standard error: a bar with rate and time left on a terminal, a
//! plain line every two seconds otherwise, so that a log stays readable.

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Bytes read.
    Bytes,
    /// Users made.
    Users,
    /// Parts of a set, of which there are some hundreds.
    Steps,
    /// Runs of a simulation.
    Seeds,
}

/// Work in progress, of one thread or several.
pub(super) struct Progress {
    what: &'static str,
    unit: Unit,
    /// `None` where the end is not known.
    total: Option<u64>,
    done: AtomicU64,
    begun: Instant,
    line_at: Mutex<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins work on `total`, if that is known.
    pub(super) fn begin(what: &'static str, unit: Unit, total: Option<u64>) -> Self {
        let begun = Instant::now();
        let bar = io::stderr().is_terminal().then(|| bar(what, unit, total));
        let (done, line_at) = (AtomicU64::new(0), Mutex::new(begun));
        Self { what, unit, total, done, begun, line_at, bar }
    }

    /// Counts work done.
    pub(super) fn advance(&self, by: u64) {
        self.done.fetch_add(by, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(by);
        } else if let Some(mut line_at) = self.line_at.try_lock()
            && line_at.elapsed() >= LINE_EVERY
        {
            *line_at = Instant::now();
            // Progress is a courtesy: without anyone to read it the work goes on.
            let _ = writeln!(io::stderr(), "{}", self.line());
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self) -> String {
        let (done, seconds) =
            (self.done.load(Ordering::Relaxed), self.begun.elapsed().as_secs_f64().max(0.001));
        let per_second = (done as f64 / seconds) as u64;
        let so_far = format!("{}: {}, {}/s", self.what, self.show(done), self.show(per_second));
        match self.total {
            Some(total) if per_second > 0 => {
                let left = Duration::from_secs(total.saturating_sub(done) / per_second);
                format!("{so_far}, of {}, {} left", self.show(total), HumanDuration(left))
            }
            _ => so_far,
        }
    }

    fn show(&self, amount: u64) -> String {
        match self.unit {
            Unit::Bytes => HumanBytes(amount).to_string(),
            Unit::Users => format!("{} users", HumanCount(amount)),
            Unit::Steps => format!("{} steps", HumanCount(amount)),
            Unit::Seeds => format!("{} seeds", HumanCount(amount)),
        }
    }
}

fn bar(what: &'static str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = match (unit, total) {
        (Unit::Bytes, Some(_)) => {
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
        }
        (Unit::Bytes, None) => "{msg} {bytes} {bytes_per_sec}",
        (Unit::Steps | Unit::Seeds, _) => "{msg} {wide_bar} {pos}/{len} {eta} left",
        (Unit::Users, _) => "{msg} {wide_bar} {human_pos}/{human_len} users {per_sec} {eta} left",
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}

/// A reader that counts what goes through it.
pub(super) struct Counted<R> {
    input: R,
    progress: Arc<Progress>,
}

impl<R> Counted<R> {
    /// Counts what is read from `input`.
    pub(super) fn new(input: R, progress: Arc<Progress>) -> Self {
        Self { input, progress }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_has_rate_and_time_left() {
        let progress = Arc::new(Progress {
            what: "reading",
            unit: Unit::Bytes,
            total: Some(30_000),
            done: AtomicU64::new(0),
            begun: Instant::now(),
            line_at: Mutex::new(Instant::now()),
            bar: None,
        });
        let mut counted = Counted::new(&[0; 10_000][..], Arc::clone(&progress));
        io::copy(&mut counted, &mut io::sink()).expect("memory");
        let line = progress.line();
        assert!(line.starts_with("reading: 9.77 KiB, ") && line.ends_with(" left"), "{line}");
    }
}
