//! Where an ad may stand: kinds of devices and inventory, domains.

/// Kinds of devices, as campaigns name them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeviceType {
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A personal computer.
    Desktop,
    /// A television or a set-top box.
    Tv,
    /// Anything else, or not said.
    Other,
}

/// Kinds of inventory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InventoryKind {
    /// A web site.
    Site,
    /// An app.
    App,
    /// A screen in public.
    Dooh,
}

/// Whether `host` is `domain` or a subdomain of it, without regard to case.
pub fn is_within_domain(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.trim_end_matches('.').as_bytes(), domain.as_bytes());
    let Some(cut) = host.len().checked_sub(domain.len()) else { return false };
    !domain.is_empty()
        && host[cut..].eq_ignore_ascii_case(domain)
        && (cut == 0 || host[cut - 1] == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdomains_are_within_and_look_alikes_are_not() {
        assert!(is_within_domain("shop.Example.com", "example.com"));
        assert!(is_within_domain("example.com.", "example.com"));
        assert!(!is_within_domain("badexample.com", "example.com"));
        assert!(!is_within_domain("com", "example.com"));
        assert!(!is_within_domain("example.com", ""));
    }
}
