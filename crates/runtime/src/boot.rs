//! Which start of the machine this is.

use std::{fs, io};

/// Where Linux says so; a UUID that it makes at each start (`random(4)`, kernel documentation of `kernel.random`).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Reads the number that the kernel made when this machine was started; the same in all of its containers.
///
/// # Errors
///
/// There is none, as in some sandboxes.
pub fn boot_id() -> io::Result<u128> {
    parse(&fs::read_to_string(BOOT_ID)?)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel's boot id is not a UUID"))
}

fn parse(text: &str) -> Option<u128> {
    let digits: String = text.trim().chars().filter(|letter| *letter != '-').collect();
    (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_a_number() {
        assert_eq!(parse("01234567-89ab-cdef-0123-456789abcdef\n"), Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        assert_eq!(parse("01234567"), None);
        assert_eq!(parse("x1234567-89ab-cdef-0123-456789abcdef"), None);
    }

    #[test]
    fn this_machine_was_started_once() {
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
    }
}
