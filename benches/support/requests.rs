//! Bid requests of three sizes, with the ids that a measurement wants in them.

/// The sized bodies: name and text. They were made for measuring: site, device, ids, consent,
/// supply chain; two impressions from 3 KB on.
pub(crate) const SIZED: [(&str, &str); 3] = [
    ("1k", include_str!("../requests/req_1k.json")),
    ("3k", include_str!("../requests/req_3k.json")),
    ("10k", include_str!("../requests/req_10k.json")),
];

/// The 1 KB body.
pub(crate) const SMALL: &str = SIZED[0].1;
/// The 3 KB body: the size of real traffic.
pub(crate) const USUAL: &str = SIZED[1].1;

/// `body` from where no privacy law stands in the way, for the person with this `buyeruid`.
pub(crate) fn of_person(body: &str, buyeruid: &str) -> String {
    let free =
        body.replace("\"gdpr\":1", "\"gdpr\":0").replace("\"gpp_sid\":[2]", "\"gpp_sid\":[]");
    let key = "\"buyeruid\":\"";
    let at = free.find(key).map(|at| at + key.len()).expect("the sized bodies name a person");
    let length = free[at..].find('"').expect("the sized bodies are JSON");
    format!("{}{buyeruid}{}", &free[..at], &free[at + length..])
}

/// `body` without a usable id, and of the same size: the extended ids stand under a key that
/// means nothing.
pub(crate) fn of_nobody(body: &str) -> String {
    of_person(body, "").replace("\"eids\"", "\"none\"")
}
