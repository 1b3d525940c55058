//! Numbers in and out: little-endian, of fixed length, with a CRC-32 over all of them at the end.

use super::{Checked, CheckpointError};
use crc32fast::Hasher;
use std::io::{Read, Write};

/// How much is written or read at a time.
const BLOCK_BYTES: usize = 1 << 16;

/// Where a checkpoint is written to.
pub(super) struct Out<'a, W> {
    to: &'a mut W,
    block: Vec<u8>,
    checksum: Hasher,
}

impl<'a, W: Write> Out<'a, W> {
    pub(super) fn new(to: &'a mut W) -> Self {
        Self { to, block: Vec::with_capacity(BLOCK_BYTES + 1_024), checksum: Hasher::new() }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.block.extend_from_slice(bytes);
        if self.block.len() < BLOCK_BYTES {
            return Ok(());
        }
        self.write_block()
    }

    fn write_block(&mut self) -> std::io::Result<()> {
        self.checksum.update(&self.block);
        self.to.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    pub(super) fn u8(&mut self, number: u8) -> std::io::Result<()> {
        self.bytes(&[number])
    }

    pub(super) fn u16(&mut self, number: u16) -> std::io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn u32(&mut self, number: u32) -> std::io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn u64(&mut self, number: u64) -> std::io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn i64(&mut self, number: i64) -> std::io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn u128(&mut self, number: u128) -> std::io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    /// How many of something follow.
    pub(super) fn count(&mut self, count: usize) -> std::io::Result<()> {
        self.u64(count as u64)
    }

    /// Writes the checksum; nothing may follow.
    pub(super) fn finish(mut self) -> std::io::Result<()> {
        self.write_block()?;
        self.to.write_all(&self.checksum.finalize().to_le_bytes())?;
        self.to.flush()
    }
}

/// Where a checkpoint is read from.
pub(super) struct In<'a, R> {
    from: &'a mut R,
    block: Box<[u8]>,
    /// What of the block has been taken, and how far it has been filled.
    taken: usize,
    filled: usize,
    checksum: Hasher,
}

impl<'a, R: Read> In<'a, R> {
    pub(super) fn new(from: &'a mut R) -> Self {
        let block = vec![0; BLOCK_BYTES].into_boxed_slice();
        Self { from, block, taken: 0, filled: 0, checksum: Hasher::new() }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Checked<[u8; N]> {
        if self.filled - self.taken < N {
            self.fill(N)?;
        }
        let mut array = [0; N];
        array.copy_from_slice(&self.block[self.taken..self.taken + N]);
        self.taken += N;
        Ok(array)
    }

    /// Fills the block until `needed` bytes can be taken.
    fn fill(&mut self, needed: usize) -> Checked<()> {
        self.checksum.update(&self.block[..self.taken]);
        self.block.copy_within(self.taken..self.filled, 0);
        (self.taken, self.filled) = (0, self.filled - self.taken);
        while self.filled < needed {
            match self.from.read(&mut self.block[self.filled..]) {
                Ok(0) => return Err(CheckpointError::Damaged("it ends too early")),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(super) fn u8(&mut self) -> Checked<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Checked<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Checked<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Checked<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Checked<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(super) fn u128(&mut self) -> Checked<u128> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(super) fn flag(&mut self) -> Checked<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CheckpointError::Damaged("a flag is neither 0 nor 1")),
        }
    }

    /// How many of something follow. Nothing may be allocated by it: it is not known yet
    /// whether they do.
    pub(super) fn count(&mut self) -> Checked<u64> {
        self.u64()
    }

    /// Checks the checksum, and that nothing follows it.
    pub(super) fn finish(mut self) -> Checked<()> {
        self.checksum.update(&self.block[..self.taken]);
        let computed = self.checksum.clone().finalize();
        // What is taken from here on is summed up again in a hasher that nobody asks any more.
        self.block.copy_within(self.taken..self.filled, 0);
        (self.taken, self.filled) = (0, self.filled - self.taken);
        if self.u32()? != computed {
            return Err(CheckpointError::Damaged("its checksum is another"));
        }
        let more = self.filled > self.taken || self.from.read(&mut self.block)? > 0;
        if more { Err(CheckpointError::Damaged("something follows it")) } else { Ok(()) }
    }
}
