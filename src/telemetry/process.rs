//! What the kernel says of this process, under the names that Prometheus' own clients use.
//!
//! Read when somebody asks for the metrics: nothing is kept. What the system does not say (no
//! `/proc`) is left out rather than told as zero.

use std::fmt::Write as _;
use std::fs;

/// Clock ticks a second of `/proc`: 100 on every Linux whatever its timer (`USER_HZ`, proc(5)).
const TICKS_A_SECOND: f64 = 100.0;

/// Appends the metrics of the process to `text`.
pub(super) fn render(text: &mut String) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let gauge = |text: &mut String, name: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
    };
    let bytes = |name| bytes_of(&status, name);
    let resident = bytes("VmRSS:");
    gauge(text, "process_resident_memory_bytes", "Memory that is in use.", resident);
    let peak = bytes("VmHWM:");
    gauge(text, "process_resident_memory_peak_bytes", "The most that ever was.", peak);
    gauge(text, "process_virtual_memory_bytes", "Addresses that are in use.", bytes("VmSize:"));
    let threads = field_of(&status, "Threads:").and_then(|text| text.parse().ok());
    gauge(text, "process_threads", "Threads.", threads);
    let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64);
    gauge(text, "process_open_fds", "Open files, sockets included.", files);
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    gauge(text, "process_max_fds", "How many may be open.", files_max(&limits));
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| busy(&stat)) {
        let name = "process_cpu_seconds_total";
        let _ = writeln!(
            text,
            "# HELP {name} Seconds of processor time of all threads.\n# TYPE {name} counter\n\
             {name} {seconds}"
        );
    }
}

fn field_of<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn bytes_of(status: &str, name: &str) -> Option<f64> {
    let kib: f64 = field_of(status, name)?.strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kib * 1_024.0)
}

fn files_max(limits: &str) -> Option<f64> {
    field_of(limits, "Max open files")?.split_whitespace().next()?.parse().ok()
}

/// User and system time. The name in brackets may hold anything, so fields count from its end.
fn busy(stat: &str) -> Option<f64> {
    let fields = stat.get(stat.rfind(')')? + 1..)?;
    // utime and stime are fields 14 and 15; the first one behind the name is 3.
    let mut ticks = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some((user + system) / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        let status = "Name:\thoming\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t7\n";
        assert_eq!(bytes_of(status, "VmRSS:"), Some(1_048_576.0));
        assert_eq!(field_of(status, "Threads:"), Some("7"));
        assert_eq!(bytes_of(status, "VmSwap:"), None);
        let limits = "Limit   Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(files_max(limits), Some(1_024.0));
        let stat = "1 (a) b) S 2 3 4 5 6 7 8 9 10 11 150 50 0 0 20 0 1";
        assert_eq!(busy(stat), Some(2.0));
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let mut text = String::new();
        render(&mut text);
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        assert!(value("process_resident_memory_bytes") > 1e6, "{text}");
        assert!(value("process_open_fds") >= 3.0, "{text}");
    }
}
