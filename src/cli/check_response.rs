//! `homing check --response FILE --request FILE`: what an exchange would refuse in an answer.
//!
//! Guarantees: reads two files, changes nothing, needs no configuration and no secret. The
//! code is 0 without findings and 65 with some, so that a script can hold answers against it.

use super::exit::{self, Failure};
use crate::config::render::{self, counted};
use crate::config::{Diagnostic, Place};
use crate::openrtb::check::{Finding, check};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::path::Path;

/// Largest file that is read, in bytes: well above the largest body that exchanges send.
const FILE_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// An answer, and what it answers.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The file of the bid request.
    pub request: &'a Path,
    /// The file of the bid response.
    pub response: &'a Path,
}

/// Checks and prints; the exit code.
pub fn run(pair: Pair<'_>, as_json: bool) -> u8 {
    match findings(pair).and_then(|found| print(pair, &found, as_json)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("homing: {failure}");
            failure.code
        }
    }
}

fn findings(pair: Pair<'_>) -> Result<Vec<Finding>, Failure> {
    Ok(check(&read(pair.request)?, &read(pair.response)?))
}

fn read(path: &Path) -> Result<Value, Failure> {
    let file = std::fs::File::open(path).map_err(Failure::reading(path))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(Failure::reading(path))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let told = format!("{} is larger than {FILE_BYTES_MAX} bytes", path.display());
        return Err(Failure::new(exit::DATA, told));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(exit::DATA, format!("{} is not JSON: {error}", path.display()))
    })
}

fn print(pair: Pair<'_>, found: &[Finding], as_json: bool) -> Result<u8, Failure> {
    let text = if as_json { json_lines(found)? } else { text(pair.response, found) };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    Ok(if found.is_empty() { exit::OK } else { exit::DATA })
}

/// As other diagnostics, with a JSON pointer in place of a line.
fn text(response: &Path, found: &[Finding]) -> String {
    if found.is_empty() {
        return "ok: no findings\n".to_owned();
    }
    let diagnostics: Vec<_> = found.iter().map(|one| diagnostic(response, one)).collect();
    format!("{}{}\n", render::text(&diagnostics), counted(found.len(), "finding"))
}

fn diagnostic(response: &Path, finding: &Finding) -> Diagnostic {
    let Finding { path, rule, found, expected } = finding;
    let place = Place::whole_file(format!("{}#{path}", response.display()));
    let message = format!("{}: found {found}", rule.name);
    Diagnostic::error(place, message, format!("{expected} ({})", rule.source))
}

/// One object a finding, and a summary as the last line.
fn json_lines(found: &[Finding]) -> Result<String, Failure> {
    let mut out = String::new();
    for finding in found {
        let line = serde_json::to_string(finding);
        out += &line.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
        out.push('\n');
    }
    let summary = json!({ "ok": found.is_empty(), "findings": found.len() });
    Ok(format!("{out}{summary}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(price: f64) -> Vec<Finding> {
        let request = json!({ "id": "r", "imp": [{ "id": "i", "banner": {}, "bidfloor": 1 }] });
        let bid = json!({
            "id": "b", "impid": "i", "price": price, "adm": "<b>", "adomain": ["shop.example"],
            "cid": "c", "crid": "cr", "mtype": 1, "burl": "https://a.example/${AUCTION_PRICE}",
        });
        check(&request, &json!({ "id": "r", "cur": "USD", "seatbid": [{ "bid": [bid] }] }))
    }

    #[test]
    fn findings_read_as_other_diagnostics() {
        let golden = "\
error: price_floor: found 0.5
  --> answer.json#/seatbid/0/bid/0/price
   = expected at least the floor of 1 USD (OpenRTB 2.6, 4.2.3 Bid; 7.11 priority of floors)

1 finding
";
        assert_eq!(text(Path::new("answer.json"), &found(0.5)), golden);
        assert_eq!(text(Path::new("answer.json"), &found(1.0)), "ok: no findings\n");
    }

    #[test]
    fn json_ends_with_a_summary() {
        let lines = json_lines(&found(0.5)).expect("texts are JSON");
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((lines.len(), &lines[0]["rule"]), (2, &json!("price_floor")));
        assert_eq!(lines[1], json!({ "ok": false, "findings": 1 }));
    }
}
