//! Ports that stay free for a restart.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
};

/// Below the ports that Linux (32768) and macOS (49152) hand to outgoing connections: a server that is stopped and
/// started again must find its port as it left it.
const FIRST: u16 = 20_000;
/// How many ports there are to choose from.
const COUNT: u16 = 12_000;
/// Ports tried before giving up; two in a row are rarely taken.
const TRIES: u16 = 100;

/// Chooses a port of 127.0.0.1 on which nobody listens now.
///
/// # Errors
///
/// The last refusal, when none of a hundred was free.
pub fn free_port() -> io::Result<u16> {
    let random = RandomState::new().hash_one(std::process::id());
    let start = u16::try_from(random % u64::from(COUNT)).expect("the remainder is below COUNT");
    let mut refusal = io::Error::other("no port was tried");
    for step in 0..TRIES {
        let port = FIRST + (start + step) % COUNT;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_closed_at_once) => return Ok(port),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}
