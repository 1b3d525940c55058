//! Cuts an input into blocks at the ends of rows, so that several threads can read them.
//!
//! Guarantees: a block holds whole rows, and the rows of all blocks in order are those of the
//! input; memory is one block of [`BLOCK_BYTES`] and its rest, whatever the input: a line that
//! has no end is cut short and refused, a CSV record or a message that has none ends the
//! reading. Finding the ends is all that happens here; reading them is `Block::rows`.

use super::delimited::{self, Columns};
use super::{FieldFault, Offered, ROW_BYTES_MAX, ReadError, ndjson, protobuf};
use std::io::{self, Read};
use std::sync::Arc;

/// Size of a block: thousands of rows, so that handing it over costs nothing to speak of, and
/// small enough for the second-level cache.
pub const BLOCK_BYTES: usize = 1 << 20;

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
    /// Messages `Row` of `proto/audience.proto`, each behind its length.
    Protobuf,
}

/// Some whole rows of an input.
pub struct Block {
    bytes: Vec<u8>,
    /// Where the rows begin: a header stands in front of those of a CSV file.
    begin: usize,
    first_line: u64,
    form: Form,
}

enum Form {
    Ndjson,
    Csv(Arc<Columns>),
    Protobuf,
    #[cfg(feature = "parquet")]
    Group(super::columns::Group),
}

impl Block {
    /// Hands every row to `each`, until `each` fails.
    ///
    /// # Errors
    /// Those of `each`, and what of columns cannot be decoded.
    pub fn rows<E: From<ReadError>>(
        &self,
        each: impl FnMut(Offered<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let bytes = &self.bytes[self.begin..];
        match &self.form {
            Form::Ndjson => ndjson::rows(bytes, self.first_line, each),
            Form::Csv(columns) => delimited::rows((columns, bytes), self.first_line, each),
            Form::Protobuf => protobuf::rows(bytes, self.first_line, each),
            #[cfg(feature = "parquet")]
            Form::Group(group) => group.rows(self.first_line, each),
        }
    }

    /// A row group of a Parquet file as a block: it is read when its rows are.
    #[cfg(feature = "parquet")]
    pub(super) fn of_group(group: super::columns::Group, first_line: u64) -> Self {
        Self { bytes: Vec::new(), begin: 0, first_line, form: Form::Group(group) }
    }

    /// The memory of the block, to be used for another one.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

/// Cuts `input` and hands each block to `each`, until `each` fails. `buffer` gives memory:
/// any vector will do, one that was used before saves making one.
pub fn cut<E: From<ReadError>>(
    format: Format,
    input: impl Read,
    (mut buffer, mut each): (impl FnMut() -> Vec<u8>, impl FnMut(Block) -> Result<(), E>),
) -> Result<(), E> {
    let mut cutter = Cutter { input, rest: Vec::new(), line: 1, ended: false };
    let mut columns = None;
    while let Some(bytes) = cutter.fill(buffer())? {
        let mut begin = 0;
        if format == Format::Csv && columns.is_none() {
            let (header, length) = delimited::header(&bytes, cutter.ended)?;
            columns = Some(Arc::new(header));
            begin = length;
        }
        let first_line = cutter.line;
        let bytes = cutter.cut(format, bytes)?;
        let form = match (format, &columns) {
            (Format::Csv, Some(columns)) => Form::Csv(Arc::clone(columns)),
            (Format::Protobuf, _) => Form::Protobuf,
            _ => Form::Ndjson,
        };
        let first_line = first_line + ends_in(&bytes[..begin]);
        each(Block { bytes, begin, first_line, form })?;
    }
    if format == Format::Csv && columns.is_none() {
        delimited::header(&[], true)?;
    }
    Ok(())
}

/// Cuts and reads in one go.
pub fn cut_and_read<E: From<ReadError>>(
    format: Format,
    input: impl Read,
    mut each: impl FnMut(Offered<'_>) -> Result<(), E>,
) -> Result<(), E> {
    cut(format, input, (Vec::new, |block: Block| block.rows(&mut each)))
}

struct Cutter<R> {
    input: R,
    /// What came behind the last whole row.
    rest: Vec<u8>,
    /// The number of the row, or line, with which the rest begins.
    line: u64,
    ended: bool,
}

impl<R: Read> Cutter<R> {
    /// Fills a buffer behind the rest; `None` when there is nothing more.
    fn fill(&mut self, mut buffer: Vec<u8>) -> Result<Option<Vec<u8>>, ReadError> {
        buffer.clear();
        buffer.append(&mut self.rest);
        if !self.ended {
            let wanted = BLOCK_BYTES.saturating_sub(buffer.len());
            buffer.reserve_exact(wanted);
            let read = read_up_to(&mut self.input, &mut buffer, wanted);
            let read = read.map_err(|source| ReadError::Io { line: self.line, source })?;
            self.ended = read < wanted;
        }
        Ok((!buffer.is_empty()).then_some(buffer))
    }

    /// Takes what stands behind the last whole row off the buffer, as the next rest.
    fn cut(&mut self, format: Format, mut bytes: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        let cut = match format {
            Format::Ndjson => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1),
            Format::Csv => delimited::last_end(&bytes).map_err(|begin| {
                let message = "expected a row of at most 65536 bytes: is there a quote too many?";
                ReadError::invalid(self.line + ends_in(&bytes[..begin]), message)
            })?,
            Format::Protobuf => {
                let (cut, messages) = protobuf::last_end(&bytes, self.line)?;
                self.line += messages;
                cut
            }
        };
        if self.ended {
            return self.last(format, bytes, cut);
        }
        if cut == 0 && format == Format::Ndjson {
            return self.shorten(bytes);
        }
        if format != Format::Protobuf {
            self.line += ends_in(&bytes[..cut]);
        }
        self.rest.extend_from_slice(&bytes[cut..]);
        bytes.truncate(cut);
        Ok(bytes)
    }

    /// The last block: a last row needs no end, but a message does.
    fn last(&self, format: Format, bytes: Vec<u8>, cut: usize) -> Result<Vec<u8>, ReadError> {
        if format == Format::Protobuf && cut < bytes.len() {
            let source = io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "expected the rest of a message, found the end of the input",
            );
            return Err(ReadError::Io { line: self.line, source });
        }
        Ok(bytes)
    }

    /// A line that is longer than a block: its beginning is kept, so that it is refused, and
    /// the input goes on behind it.
    fn shorten(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        bytes.truncate(ROW_BYTES_MAX + 1);
        bytes.push(b'\n');
        let mut behind = Vec::with_capacity(BLOCK_BYTES);
        loop {
            behind.clear();
            let read = read_up_to(&mut self.input, &mut behind, BLOCK_BYTES);
            let read = read.map_err(|source| ReadError::Io { line: self.line, source })?;
            if let Some(end) = behind.iter().position(|byte| *byte == b'\n') {
                self.rest.extend_from_slice(&behind[end + 1..]);
                break;
            }
            if read < BLOCK_BYTES {
                self.ended = true;
                break;
            }
        }
        self.line += 1;
        Ok(bytes)
    }
}

/// Appends up to `wanted` bytes; fewer only at the end of the input.
fn read_up_to(input: &mut impl Read, buffer: &mut Vec<u8>, wanted: usize) -> io::Result<usize> {
    input.take(wanted as u64).read_to_end(buffer)
}

fn ends_in(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

impl From<FieldFault> for ReadError {
    fn from(fault: FieldFault) -> Self {
        Self::Header(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// Gives few bytes at a time, as pipes do.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let few = buffer.len().min(7_919);
            self.0.read(&mut buffer[..few])
        }
    }

    fn ids(format: Format, input: &[u8]) -> (Vec<(u64, String)>, usize) {
        let (mut ids, mut blocks) = (Vec::new(), 0);
        cut::<ReadError>(
            format,
            Trickle(input),
            (Vec::new, |block: Block| {
                blocks += 1;
                block.rows(|offered| {
                    ids.push((offered.line, offered.row.expect("good").id.into_owned()));
                    Ok(())
                })
            }),
        )
        .expect("good input");
        (ids, blocks)
    }

    #[test]
    fn rows_of_many_blocks_are_those_of_the_input() {
        let count = 40_000_u64;
        let (mut lines, mut csv, mut messages) =
            (String::new(), "id_space,id,segment,last_seen,items\n".to_owned(), Vec::new());
        for n in 0..count {
            let line = format!(r#"{{"id_space":"a","id":"{n}","segment":"c","last_seen":5}}"#);
            writeln!(lines, "{line}").expect("memory");
            // Every second record has a line end within quotes: 2 lines a pair of records more.
            let item = if n % 2 == 0 { "\"x\ny\"" } else { "z" };
            writeln!(csv, "a,{n},c,5,{item}").expect("memory");
            ndjson::rows::<()>(line.as_bytes(), 1, |offered| {
                protobuf::write(&mut messages, &offered.row.expect("good"));
                Ok(())
            })
            .expect("good");
        }
        lines.pop();
        let at = |line: &dyn Fn(u64) -> u64| -> Vec<_> {
            (0..count).map(|n| (line(n), n.to_string())).collect()
        };
        for (format, input, line) in [
            (Format::Ndjson, lines.as_bytes(), &(|n: u64| n + 1) as &dyn Fn(u64) -> u64),
            (Format::Csv, csv.as_bytes(), &|n| n + 2 + n.div_ceil(2)),
            (Format::Protobuf, &messages, &|n| n + 1),
        ] {
            let (ids, blocks) = ids(format, input);
            assert!(ids == at(line), "{format:?}: {:?}", &ids[..4]);
            assert!(blocks == input.len().div_ceil(BLOCK_BYTES) || blocks > 1, "{format:?}");
        }
    }

    #[test]
    fn a_line_longer_than_a_block_is_refused_alone() {
        let good = r#"{"id_space":"a","id":"b","segment":"c","last_seen":5}"#;
        let text = format!("{good}\n{}\n{good}\n", "x".repeat(3 * BLOCK_BYTES));
        let mut seen = Vec::new();
        cut_and_read::<ReadError>(Format::Ndjson, text.as_bytes(), |offered| {
            assert!(offered.raw.len() <= ROW_BYTES_MAX);
            seen.push((offered.line, offered.row.is_ok()));
            Ok(())
        })
        .expect("read to its end");
        assert_eq!(seen, [(1, true), (2, false), (3, true)]);
    }

    #[test]
    fn a_cut_or_endless_message_ends_the_reading() {
        let mut messages = Vec::new();
        let line = br#"{"id_space":"a","id":"b","segment":"c","last_seen":5}"#;
        ndjson::rows::<()>(line, 1, |offered| {
            protobuf::write(&mut messages, &offered.row.expect("good"));
            Ok(())
        })
        .expect("good");
        let read = |bytes: &[u8]| {
            cut_and_read::<ReadError>(Format::Protobuf, bytes, |_| Ok(()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(&messages), Ok(()));
        let cut = [&messages[..], &messages[..messages.len() - 1]].concat();
        assert!(read(&cut).expect_err("cut").contains("line 2"));
        assert!(read(&[0xff; 40]).expect_err("no length").contains("65536"));
    }
}
