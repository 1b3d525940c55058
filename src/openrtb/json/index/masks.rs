//! What stands where in 64 bytes of a text, a bit for each byte.
//!
//! Guarantees: both ways to find it agree (by test), and neither reads beyond the block.

/// Bytes of a block: as many as a word has bits.
pub(super) const BLOCK_BYTES: usize = 64;

/// 64 bytes of the text.
pub(super) type Chunk = [u8; BLOCK_BYTES];

/// Of each byte of a block whether it is of a kind; the lowest bit is the first byte's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Masks {
    /// `"`.
    pub(super) quote: u64,
    /// `\`.
    pub(super) backslash: u64,
    /// `{` and `[`.
    pub(super) open: u64,
    /// `}` and `]`.
    pub(super) close: u64,
    /// `,`.
    pub(super) comma: u64,
    /// `:`.
    pub(super) colon: u64,
    /// Control characters, white space among them, but not space.
    pub(super) control: u64,
    /// Space.
    pub(super) space: u64,
    /// `0` to `9`.
    pub(super) digit: u64,
    /// `0`.
    pub(super) zero: u64,
}

/// Eight bytes at a time: on any processor.
pub(super) mod narrow {
    use super::{Chunk, Masks};

    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;

    /// The masks of a chunk.
    pub(in super::super) fn masks(chunk: &Chunk) -> Masks {
        let mut masks = Masks::default();
        for (number, eight) in chunk.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*eight);
            // Square and curly brackets differ in this bit alone.
            let letters = word | (ONES << 5);
            let put = |mask: &mut u64, flags: u64| *mask |= gathered(flags) << (number * 8);
            put(&mut masks.quote, equal(word, b'"'));
            put(&mut masks.backslash, equal(word, b'\\'));
            put(&mut masks.open, equal(letters, b'{'));
            put(&mut masks.close, equal(letters, b'}'));
            put(&mut masks.comma, equal(word, b','));
            put(&mut masks.colon, equal(word, b':'));
            put(&mut masks.control, below(word, b' '));
            put(&mut masks.space, equal(word, b' '));
            put(&mut masks.digit, below(word ^ (ONES * u64::from(b'0')), 10));
            put(&mut masks.zero, equal(word, b'0'));
        }
        masks
    }

    /// Of each bit whether the number of ones up to it, itself included, is odd.
    pub(in super::super) fn parity(word: u64) -> u64 {
        let mut parity = word;
        for distance in [1, 2, 4, 8, 16, 32] {
            parity ^= parity << distance;
        }
        parity
    }

    /// The high bit of each byte that is `byte`.
    fn equal(word: u64, byte: u8) -> u64 {
        below(word ^ (ONES * u64::from(byte)), 1)
    }

    /// The high bit of each byte below `limit`, which is at most 128.
    fn below(word: u64, limit: u8) -> u64 {
        let reaches_limit = (word & !HIGHS) + ONES * u64::from(128 - limit);
        !(reaches_limit | word) & HIGHS
    }

    /// The high bits of eight bytes, side by side.
    fn gathered(flags: u64) -> u64 {
        (flags >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    }
}

/// 32 bytes at a time: on x86-64 processors of the last ten years.
#[cfg(target_arch = "x86_64")]
pub(super) mod wide {
    use super::{Chunk, Masks};
    use std::arch::x86_64::{
        __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8,
        _mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set_epi64x, _mm256_set1_epi8, _mm256_xor_si256,
    };

    /// Whether the processor has what this module needs.
    pub(in super::super) fn is_available() -> bool {
        std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("popcnt")
    }

    /// The masks of a chunk.
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt")]
    pub(in super::super) fn masks(chunk: &Chunk) -> Masks {
        let halves = chunk.as_chunks::<32>().0;
        let (low, high) = (loaded(&halves[0]), loaded(&halves[1]));
        let letters = [low, high].map(|half| _mm256_or_si256(half, _mm256_set1_epi8(0x20)));
        let from_zero =
            [low, high].map(|half| _mm256_xor_si256(half, _mm256_set1_epi8(b'0'.cast_signed())));
        Masks {
            quote: equal([low, high], b'"'),
            backslash: equal([low, high], b'\\'),
            open: equal(letters, b'{'),
            close: equal(letters, b'}'),
            comma: equal([low, high], b','),
            colon: equal([low, high], b':'),
            control: up_to([low, high], 0x1f),
            space: equal([low, high], b' '),
            digit: up_to(from_zero, 9),
            zero: equal([low, high], b'0'),
        }
    }

    /// As [`super::narrow::parity`].
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt")]
    pub(in super::super) fn parity(word: u64) -> u64 {
        let word = _mm_set_epi64x(0, word.cast_signed());
        // A product without carries by all ones.
        let product = _mm_clmulepi64_si128::<0>(word, _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product).cast_unsigned()
    }

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt")]
    fn loaded(bytes: &[u8; 32]) -> __m256i {
        let words = bytes.as_chunks::<8>().0;
        let word = |number: usize| i64::from_le_bytes(words[number]);
        _mm256_set_epi64x(word(3), word(2), word(1), word(0))
    }

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt")]
    fn equal(halves: [__m256i; 2], byte: u8) -> u64 {
        joined(halves.map(|half| _mm256_cmpeq_epi8(half, _mm256_set1_epi8(byte.cast_signed()))))
    }

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt")]
    fn up_to(halves: [__m256i; 2], most: u8) -> u64 {
        joined(halves.map(|half| {
            let lesser = _mm256_min_epu8(half, _mm256_set1_epi8(most.cast_signed()));
            _mm256_cmpeq_epi8(lesser, half)
        }))
    }

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt")]
    fn joined(halves: [__m256i; 2]) -> u64 {
        let [low, high] = halves.map(|half| _mm256_movemask_epi8(half).cast_unsigned());
        u64::from(low) | u64::from(high) << 32
    }
}
