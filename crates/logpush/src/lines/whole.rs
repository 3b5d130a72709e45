//! The fast path: a small object of one gzip member, inflated in one call.
//!
//! libdeflate needs the whole member and room for its whole text, and is then about twice as fast as any streaming
//! decoder that builds with only a C compiler (MB/s of text on one core, 50 MB corpus file, 2026-11-22: libdeflate
//! 910-1040, flate2 with zlib-rs 460-555). flate2 with zlib-ng is no alternative: without cmake its build puts AVX-512
//! instructions into code that runs on every processor.
//!
//! Whatever is not plainly fine here is refused, and the streaming reader, the safe twin of this module, then says what
//! is wrong and where. So an error is reported the same whichever way an object would have gone.

use std::ptr::NonNull;

use bytes::BytesMut;
use libdeflate_sys as sys;

/// Most text that is inflated in one piece: what one worker may hold of an object at once.
pub(super) const WHOLE_TEXT_BYTES_MAX: usize = 64 << 20;

/// DEFLATE cannot swell more than this (RFC 1951: 258 bytes from two bits), so an object that claims more lies.
const SWELL_MAX: usize = 1032;

/// Bytes of the smallest gzip member: header, empty block, trailer.
const MEMBER_BYTES_MIN: usize = 20;

/// The text of an object that is exactly one gzip member, or `None` when it has to be streamed: more or less than one
/// member, more text than `text_bytes_max`, damaged.
pub(super) fn inflate_whole(object: &[u8], text_bytes_max: u64) -> Option<BytesMut> {
    let claimed = claimed_bytes(object)?;
    let most = usize::try_from(text_bytes_max).unwrap_or(usize::MAX).min(WHOLE_TEXT_BYTES_MAX);
    if claimed > most || claimed > object.len().saturating_mul(SWELL_MAX) {
        return None;
    }
    let (consumed, text) = Inflater::new()?.member(object, claimed)?;
    (consumed == object.len() && text.len() == claimed).then_some(text)
}

/// What the last four bytes say the text's length is, modulo 2^32; anybody can have written them.
fn claimed_bytes(object: &[u8]) -> Option<usize> {
    if object.len() < MEMBER_BYTES_MIN {
        return None;
    }
    let trailer = object.last_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*trailer)).ok()
}

/// libdeflate's working memory (about 11 KB), freed on drop.
struct Inflater(NonNull<sys::libdeflate_decompressor>);

#[expect(unsafe_code, reason = "foreign functions of libdeflate; the streaming reader is the safe twin")]
impl Inflater {
    fn new() -> Option<Self> {
        // SAFETY: takes nothing; returns null when there is no memory.
        NonNull::new(unsafe { sys::libdeflate_alloc_decompressor() }).map(Self)
    }

    /// Inflates the first member of `object`, of at most `most` bytes, checking its CRC and length: (bytes consumed, text).
    fn member(&mut self, object: &[u8], most: usize) -> Option<(usize, BytesMut)> {
        // Not zeroed: an allocator zeroes as much by asking the system for new pages, and each of those costs a fault.
        let mut text = BytesMut::with_capacity(most);
        let room = text.spare_capacity_mut();
        let (mut consumed, mut written) = (0, 0);
        // SAFETY: the decompressor is alive and borrowed mutably; both pointers are valid for the lengths beside them,
        // `object` for reads and `room` for writes, of at least `most` bytes, and they cannot overlap; what
        // libdeflate reads of room that it has not written yet never reaches its output; both counts are live locals.
        let outcome = unsafe {
            sys::libdeflate_gzip_decompress_ex(
                self.0.as_ptr(),
                object.as_ptr().cast(),
                object.len(),
                room.as_mut_ptr().cast(),
                most,
                &raw mut consumed,
                &raw mut written,
            )
        };
        if outcome != sys::libdeflate_result_LIBDEFLATE_SUCCESS {
            return None;
        }
        // SAFETY: libdeflate says that it has written this many bytes, which is at most `most`.
        unsafe { text.set_len(written) };
        Some((consumed, text))
    }
}

#[expect(unsafe_code, reason = "foreign functions of libdeflate; the streaming reader is the safe twin")]
impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: allocated by `libdeflate_alloc_decompressor`, freed only here.
        unsafe { sys::libdeflate_free_decompressor(self.0.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::tests::gzip;

    #[test]
    fn only_one_whole_member_is_taken() {
        let text = b"one\ntwo\n".repeat(1000);
        let member = gzip(&text);
        let whole = |object: &[u8], most| inflate_whole(object, most).map(Vec::from);
        assert_eq!(whole(&member, u64::MAX), Some(text.clone()));

        assert_eq!(whole(&member, text.len() as u64 - 1), None, "more than allowed");
        assert_eq!(whole(&[&member[..], &member[..]].concat(), u64::MAX), None, "two equal members");
        assert_eq!(whole(&[&member[..], &gzip(b"")[..]].concat(), u64::MAX), None, "empty second");
        assert_eq!(whole(&[&member[..], &[0; 8][..]].concat(), u64::MAX), None, "padding");
        for cut in 0..member.len() {
            assert_eq!(whole(&member[..cut], u64::MAX), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_lying_length_is_refused() {
        let mut member = gzip(b"short");
        let trailer = member.len() - 4;
        member[trailer..].copy_from_slice(&60_000_000_u32.to_le_bytes());
        assert_eq!(inflate_whole(&member, u64::MAX), None, "no more than DEFLATE can swell is allocated");
    }
}
