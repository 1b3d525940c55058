//! Unpacks zstd: one frame after another, as tools that write in pieces leave them.
//!
//! The decoder is `ruzstd`, which is Rust only: the C library would need a C compiler wherever
//! this crate is built, for inputs that are read once. Guarantees: memory is bounded by
//! [`WINDOW_BYTES_MAX`]; a frame with a checksum is held against it; frames to be skipped are.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// Largest window of a frame: what `zstd --long` makes; the tool itself refuses more, too.
pub const WINDOW_BYTES_MAX: u64 = 128 << 20;

/// Reads the content of frames out of `input`.
pub struct ZstdReader<R> {
    input: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> ZstdReader<R> {
    /// Begins with the first frame of `input`.
    pub fn new(input: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self { input, decoder, within: false }
    }

    /// Goes to the next frame that has content; `false` at the end of the input.
    fn begin_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.input) {
                Ok(()) => {
                    self.within = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => self.skip(u64::from(length))?,
                Err(error) => return Err(invalid(error)),
            }
        }
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut Read::take(&mut self.input, length), &mut io::sink())?;
        if skipped < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.within = false;
        let said = self.decoder.get_checksum_from_data();
        if said.is_some() && said != self.decoder.get_calculated_checksum() {
            return Err(invalid("the content does not have the checksum that its frame tells"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within && !self.begin_frame()? {
                return Ok(0);
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.end_frame()?;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.input, one).map_err(invalid)?;
            }
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        ZstdReader::new(packed).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn frames_follow_each_other_and_some_are_skipped() {
        let text = b"a row of text, ".repeat(40_000);
        let frame = compress_to_vec(&text[..], CompressionLevel::Fastest);
        let mut packed = frame.clone();
        packed.extend_from_slice(b"\x50\x2a\x4d\x18\x03\0\0\0xyz");
        packed.extend_from_slice(&frame);
        assert_eq!(unpacked(&packed).expect("good frames"), [&text[..], &text[..]].concat());
        assert_eq!(unpacked(b"").expect("nothing"), b"");
    }

    #[test]
    fn damage_is_an_error_and_no_end() {
        let frame = compress_to_vec(&b"a row of text, ".repeat(400)[..], CompressionLevel::Fastest);
        assert!(unpacked(&frame[..frame.len() - 9]).is_err(), "cut off");
        assert!(unpacked(b"this is no frame").is_err());
        assert!(unpacked(b"\x50\x2a\x4d\x18\x09\0\0\0xyz").is_err(), "cut off while skipped");
    }
}
