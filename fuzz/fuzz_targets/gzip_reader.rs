//! Bodies packed with gzip.
//!
//! Law: whatever is sent, no more is unpacked than one byte past the limit; what is unpacked is
//! what the packer packed; within the limit nothing but gzip in gzip is refused.

#![no_main]

use flate2::Compression;
use flate2::write::GzEncoder;
use homing::server::encoding::gunzip;
use homing::server::service::Refusal;
use std::io::Write;

/// A small limit, so that inputs on both of its sides are short.
const BYTES_MAX: usize = 4_096;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut out = vec![1; 10];
    if gunzip(bytes, &mut out, BYTES_MAX).is_ok() {
        assert!(out.len() <= BYTES_MAX && bytes.starts_with(GZIP_MAGIC));
    }
    assert!(out.len() <= BYTES_MAX + 1);

    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).expect("a Vec takes everything");
    let packed = packer.finish().expect("a Vec takes everything");
    let expected = match bytes {
        long if long.len() > BYTES_MAX => Err(Refusal::TooLarge),
        again if again.starts_with(GZIP_MAGIC) => Err(Refusal::UnknownEncoding),
        _ => Ok(()),
    };
    assert_eq!(gunzip(&packed, &mut out, BYTES_MAX), expected);
    assert!(expected.is_err() || out == bytes);
});
