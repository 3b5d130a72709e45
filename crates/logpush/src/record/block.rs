//! Sixteen bytes of JSON at a time.

use wide::u8x16;

/// Bytes looked at together: the widest vector that every x86-64 and AArch64 processor has.
pub(super) const BLOCK: usize = 16;

/// The bytes that a string cannot hold as they are, a bit each, the first byte lowest: quotes, backslashes and control
/// characters (RFC 8259, section 7).
#[inline]
pub(super) fn specials(block: &[u8; BLOCK]) -> u32 {
    let bytes = u8x16::new(*block);
    let is_control = bytes.min(u8x16::splat(LAST_CONTROL)).simd_eq(bytes);
    let is_quote = bytes.simd_eq(u8x16::splat(b'"'));
    let is_backslash = bytes.simd_eq(u8x16::splat(b'\\'));
    (is_control | is_quote | is_backslash).to_bitmask()
}

/// Where the first special byte of `rest` is, or its length.
#[inline]
pub(super) fn run_length(rest: &[u8]) -> usize {
    let (blocks, tail) = rest.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        let specials = specials(block);
        if specials != 0 {
            return index * BLOCK + specials.trailing_zeros() as usize;
        }
    }
    let in_tail = tail.iter().position(|byte| is_special(*byte)).unwrap_or(tail.len());
    rest.len() - tail.len() + in_tail
}

/// The last of the control characters.
const LAST_CONTROL: u8 = 0x1f;

fn is_special(byte: u8) -> bool {
    byte <= LAST_CONTROL || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_is_special_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[at] = byte;
                assert_eq!(specials(&block), u32::from(is_special(byte)) << at, "{byte} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn runs_end_at_the_first_special_byte(rest in prop::collection::vec(prop_oneof![20 => b'a'..=b'z', 1 => any::<u8>()], 0..100)) {
            let expected = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
            prop_assert_eq!(run_length(&rest), expected);
        }
    }
}
