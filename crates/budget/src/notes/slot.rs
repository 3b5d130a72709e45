//! The bytes of a file of notes. Numbers are little-endian; places are of equal size and lie within one page of memory each,
//! so that a kill never leaves half of one.
//!
//! ```text
//! 0   8 bytes   "gatelogL"
//! 8   16 bytes  holder
//! 24  16 bytes  boot of the machine
//! 40  4 bytes   CRC-32 of what is before
//! 64  places of 32 bytes: lease (0: none), used at most, overrun (8 bytes each), CRC-32 of these (4 bytes)
//! ```

use crate::{HolderId, LeaseId};

use super::BootId;

/// Of one place.
pub(super) const SLOT_BYTES: usize = 32;
/// Of the header and the gap behind it.
pub(super) const HEADER_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"gatelogL";
const HEADER_CRC: usize = 40;
const SLOT_CRC: usize = 24;

/// Whose notes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) holder: HolderId,
    pub(super) boot: BootId,
}

/// What is noted of one lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) lease: LeaseId,
    /// Of what was granted.
    pub(super) used_at_most: u64,
    /// Beyond reservations.
    pub(super) overrun: u64,
}

/// Where a place begins.
pub(super) fn offset(index: u32) -> u64 {
    HEADER_BYTES as u64 + u64::from(index) * SLOT_BYTES as u64
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..24].copy_from_slice(&self.holder.0.to_le_bytes());
        bytes[24..HEADER_CRC].copy_from_slice(&self.boot.0.to_le_bytes());
        seal(&mut bytes, HEADER_CRC);
        bytes
    }

    /// `None` if it is none, or not whole.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let known = bytes.starts_with(MAGIC) && is_sealed(bytes.get(..HEADER_BYTES)?, HEADER_CRC);
        let number = |at: usize| Some(u128::from_le_bytes(bytes.get(at..at + 16)?.try_into().ok()?));
        known.then_some(Self { holder: HolderId(number(8)?), boot: BootId(number(24)?) })
    }
}

impl Slot {
    pub(super) fn to_bytes(self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        for (place, number) in bytes.chunks_exact_mut(8).zip([self.lease.0, self.used_at_most, self.overrun]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        seal(&mut bytes, SLOT_CRC);
        bytes
    }

    /// `None` if the place is free, or not whole: that lease then counts as spent.
    pub(super) fn parse(bytes: &[u8; SLOT_BYTES]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?));
        let slot = Self { lease: LeaseId(number(0)?), used_at_most: number(8)?, overrun: number(16)? };
        (slot.lease.0 != 0 && is_sealed(bytes, SLOT_CRC)).then_some(slot)
    }
}

fn seal(bytes: &mut [u8], at: usize) {
    let crc = crc32fast::hash(&bytes[..at]);
    bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
}

fn is_sealed(bytes: &[u8], at: usize) -> bool {
    bytes[at..at + 4] == crc32fast::hash(&bytes[..at]).to_le_bytes()
}
