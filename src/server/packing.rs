//! Packing answers by gzip (RFC 1952), for exchanges whose profile says so.
//!
//! Guarantees: the compressor and the buffer are one worker's, made at its first packed answer
//! and reused; an answer that packing does not make smaller is sent as it is. Must not be asked
//! for callers that do not accept gzip.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Smallest answer that is packed: a smaller one travels in one packet as it is, and packing
/// it would only cost time.
pub(super) const PACKED_BYTES_MIN: usize = 1_460;
/// Magic, deflate, no flags, no time, fastest, unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];
/// Check sum and length.
const TAIL_BYTES: usize = 8;

/// Packs the answers of one worker.
#[derive(Debug, Default)]
pub(super) struct Packer {
    /// About 300 KB, which a worker whose exchanges want no gzip never pays for.
    compress: Option<Compress>,
    packed: Vec<u8>,
}

impl Packer {
    /// `plain`, packed; `None` where that is not worth it.
    pub(super) fn pack(&mut self, plain: &[u8]) -> Option<&[u8]> {
        if plain.len() < PACKED_BYTES_MIN {
            return None;
        }
        let compress =
            self.compress.get_or_insert_with(|| Compress::new(Compression::fast(), false));
        compress.reset();
        self.packed.clear();
        // No more room than would make the answer smaller: the compressor stops where it ends.
        self.packed.reserve(plain.len());
        self.packed.extend_from_slice(&HEAD);
        let room = plain.len() - HEAD.len() - TAIL_BYTES;
        self.packed.resize(HEAD.len() + room, 0);
        let status =
            compress.compress(plain, &mut self.packed[HEAD.len()..], FlushCompress::Finish);
        if !matches!(status, Ok(Status::StreamEnd)) {
            return None;
        }
        let written = usize::try_from(compress.total_out()).ok().filter(|out| *out <= room)?;
        self.packed.truncate(HEAD.len() + written);
        let mut sum = Crc::new();
        sum.update(plain);
        self.packed.extend_from_slice(&sum.sum().to_le_bytes());
        self.packed.extend_from_slice(&sum.amount().to_le_bytes());
        Some(&self.packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::encoding::gunzip;
    use proptest::prelude::*;

    /// Text such as answers are made of: words from few, in no order.
    fn text(words: &[u16]) -> Vec<u8> {
        let words = words.iter().map(|number| format!("\"word{}\":", number % 300));
        words.collect::<String>().into_bytes()
    }

    #[test]
    fn small_and_random_answers_are_left_alone() {
        let mut packer = Packer::default();
        assert!(packer.pack(&[b'a'; PACKED_BYTES_MIN - 1]).is_none());
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..10_000).map(|_| random()).collect();
        assert!(packer.pack(&noise).is_none(), "noise does not become smaller");
        assert!(packer.pack(&[b'a'; PACKED_BYTES_MIN]).is_some(), "and leaves nothing behind");
    }

    #[test]
    fn buffers_are_reused() {
        let mut packer = Packer::default();
        let answer = vec![b'x'; 20_000];
        assert!(packer.pack(&answer).is_some());
        let before = packer.packed.as_ptr();
        for _ in 0..100 {
            assert!(packer.pack(&answer).is_some());
        }
        assert_eq!(packer.packed.as_ptr(), before);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_again(
            answers in proptest::collection::vec(
                proptest::collection::vec(any::<u16>(), 150..2_000), 1..4),
        ) {
            let mut packer = Packer::default();
            for words in answers {
                let plain = text(&words);
                let packed = packer.pack(&plain);
                prop_assert_eq!(packed.is_some(), plain.len() >= PACKED_BYTES_MIN);
                if let Some(packed) = packed {
                    prop_assert!(packed.len() < plain.len());
                    let mut out = Vec::new();
                    prop_assert_eq!(gunzip(packed, &mut out, plain.len()), Ok(()));
                    prop_assert_eq!(out, plain);
                }
            }
        }
    }
}
