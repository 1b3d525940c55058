//! A corpus: requests as bytes to send, and what each is answered with.
//!
//! A file holds one line of JSON ([`Summary`]), then for each request its length (four bytes,
//! little end first) and its bytes. Guarantees: a file that is cut short or too large is refused.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// Most bytes of a corpus: it is held in memory.
pub(crate) const BYTES_MAX: usize = 1 << 30;
/// Largest request.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// What is in a corpus.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// How the requests are mixed.
    pub(crate) mix: String,
    /// `1k`, `3k` or `10k`.
    pub(crate) size: String,
    /// `json` or `protobuf`.
    pub(crate) form: String,
    /// Whether bodies are packed.
    pub(crate) gzip: bool,
    /// Mean bytes of a body.
    pub(crate) body_bytes: f64,
    /// Without a usable id.
    pub(crate) nobody: u64,
    /// With an id that the audience does not hold.
    pub(crate) unknown: u64,
    /// Of people in the audience, answered without a bid.
    pub(crate) not_eligible: u64,
    /// Answered with a bid.
    pub(crate) bids: u64,
    /// Mean bytes of an answer with a bid.
    pub(crate) answer_bytes: f64,
}

impl Summary {
    /// How many requests are answered 204, in a thousand.
    pub(crate) fn no_content_per_mille(&self) -> u64 {
        let none = self.nobody + self.unknown + self.not_eligible;
        (none * 1_000 + u64::midpoint(none, self.bids)) / (none + self.bids).max(1)
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} {} {}{}: {} requests with bodies of {:.0} bytes; {} without an id, {} unknown, \
             {} known but not eligible, {} bids of {:.0} bytes\n",
            self.mix,
            self.size,
            self.form,
            if self.gzip { " gzip" } else { "" },
            self.nobody + self.unknown + self.not_eligible + self.bids,
            self.body_bytes,
            self.nobody,
            self.unknown,
            self.not_eligible,
            self.bids,
            self.answer_bytes,
        )
    }
}

/// Requests, one behind the other.
#[derive(Default)]
pub(crate) struct Corpus {
    /// What is in it.
    pub(crate) summary: Summary,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Corpus {
    /// How many requests.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds a request; `false` once the corpus is full.
    pub(crate) fn push(&mut self, request: &[u8]) -> bool {
        let fits = self.bytes.len() + request.len() <= BYTES_MAX;
        if fits {
            self.bytes.extend_from_slice(request);
            self.ends.push(self.bytes.len());
        }
        fits
    }

    /// The `n`-th request, which must be there.
    pub(crate) fn request(&self, n: usize) -> &[u8] {
        let begin = n.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin..self.ends[n]]
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut out, &self.summary)?;
        out.write_all(b"\n")?;
        for n in 0..self.len() {
            let request = self.request(n);
            out.write_all(&(request.len() as u32).to_le_bytes())?;
            out.write_all(request)?;
        }
        out.flush()
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// It cannot be read, or is no corpus.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut input = BufReader::new(File::open(path)?);
        let mut line = String::new();
        input.by_ref().take(1 << 16).read_line(&mut line)?;
        let mut corpus = Self { summary: serde_json::from_str(&line)?, ..Self::default() };
        let refused = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        while !input.fill_buf()?.is_empty() {
            let mut length = [0; 4];
            input.read_exact(&mut length)?;
            let length = u32::from_le_bytes(length) as usize;
            if length > REQUEST_BYTES_MAX {
                return Err(refused("a request of the corpus is larger than a request can be"));
            }
            let mut request = vec![0; length];
            input.read_exact(&mut request)?;
            if !corpus.push(&request) {
                return Err(refused("the corpus holds more than a GiB"));
            }
        }
        if corpus.len() == 0 {
            return Err(refused("the corpus is empty"));
        }
        Ok(corpus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_what_was_pushed_and_a_cut_one_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("corpus");
        let mut corpus = Corpus::default();
        corpus.summary.bids = 1;
        corpus.summary.nobody = 2;
        for request in ["POST /a", "", "POST /b"] {
            assert!(corpus.push(request.as_bytes()));
        }
        corpus.write(&path).expect("written");
        let read = Corpus::read(&path).expect("read");
        assert_eq!((read.len(), &read.summary), (3, &corpus.summary));
        assert_eq!(
            [read.request(0), read.request(1), read.request(2)],
            [&b"POST /a"[..], b"", b"POST /b"]
        );
        assert_eq!(read.summary.no_content_per_mille(), 667);
        let bytes = std::fs::read(&path).expect("there");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
        assert!(Corpus::read(&path).is_err());
    }
}
