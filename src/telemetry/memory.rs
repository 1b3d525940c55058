//! What the kernel says of this process's memory.
//!
//! Reading it walks the page tables: tens of milliseconds for gigabytes in small pages. Must
//! not be called by a bid worker.

/// Bytes of anonymous memory that are in pages of 2 MiB; `None` where the system does not say.
pub fn huge_page_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    huge_bytes_in(&text)
}

fn huge_bytes_in(smaps: &str) -> Option<u64> {
    let line = smaps.lines().find_map(|line| line.strip_prefix("AnonHugePages:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_huge_pages_is_read() {
        let text = "Rss:  2652 kB\nAnonHugePages:    4096 kB\nShmemPmdMapped: 0 kB\n";
        assert_eq!(huge_bytes_in(text), Some(4 << 20));
        assert_eq!(huge_bytes_in("Rss: 1 kB\n"), None);
        assert_eq!(huge_bytes_in("AnonHugePages: many kB\n"), None);
    }
}
