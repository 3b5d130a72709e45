//! Where lines are cut, what is refused, and that no cut of the input changes either.

use std::{
    io::{self, Read, Write},
    time::Instant,
};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// What a line looked like, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Text(u64, u64, Vec<u8>),
    TooLong(u64, u64, u64),
}

fn drain<R: Read>(reader: &mut LineReader<R>) -> Result<Vec<Seen>, ReadError> {
    let mut seen = Vec::new();
    while let Some(line) = reader.next_line()? {
        seen.push(match line {
            Line::Text { number, offset, text } => Seen::Text(number, offset, text.to_vec()),
            Line::TooLong { number, offset, bytes } => Seen::TooLong(number, offset, bytes),
        });
    }
    Ok(seen)
}

fn streamed(object: &[u8], limits: LineLimits) -> Result<Vec<Seen>, ReadError> {
    drain(&mut LineReader::new(object, limits))
}

fn in_memory(object: &[u8], limits: LineLimits) -> Result<Vec<Seen>, ReadError> {
    drain(&mut LineReader::in_memory(object, limits))
}

/// What the lines of a text are, the simple way.
fn expected(text: &[u8], line_bytes_max: usize) -> Vec<Seen> {
    let (mut seen, mut offset) = (Vec::new(), 0);
    for piece in text.split_inclusive(|byte| *byte == b'\n') {
        let line = piece.strip_suffix(b"\n").unwrap_or(piece);
        let number = seen.len() as u64 + 1;
        if line.len() > line_bytes_max {
            seen.push(Seen::TooLong(number, offset, line.len() as u64));
        } else if !line.iter().all(|byte| b" \t\r".contains(byte)) {
            seen.push(Seen::Text(number, offset, line.strip_suffix(b"\r").unwrap_or(line).to_vec()));
        }
        offset += piece.len() as u64;
    }
    seen
}

/// Reads pieces of the given sizes, over and over, with an interruption before each.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    interrupted: bool,
}

impl<'a> Pieces<'a> {
    fn new(rest: &'a [u8], sizes: &'a [usize]) -> Self {
        Self { rest, sizes: sizes.iter().cycle(), interrupted: false }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = *self.sizes.next().unwrap();
        Read::take(self.rest, size as u64).read(into).inspect(|count| self.rest = &self.rest[*count..])
    }
}

fn limits(line_bytes_max: usize) -> LineLimits {
    LineLimits { line_bytes_max, ..LineLimits::default() }
}

#[test]
fn lines_are_numbered_and_placed() {
    let text = b"\n{\"a\":1}\r\n  \t\r\n{\"b\":2}\n\n\xff\xfe\r\r\nlast";
    let seen = [
        Seen::Text(1, 1, b"{\"a\":1}".to_vec()),
        Seen::Text(2, 15, b"{\"b\":2}".to_vec()),
        Seen::Text(3, 24, b"\xff\xfe\r".to_vec()),
        Seen::Text(4, 29, b"last".to_vec()),
    ];
    for object in [text.to_vec(), gzip(text), [gzip(&text[..9]), gzip(b""), gzip(&text[9..])].concat()] {
        assert_eq!(streamed(&object, LineLimits::default()).unwrap(), seen);
        assert_eq!(in_memory(&object, LineLimits::default()).unwrap(), seen);
    }
}

#[test]
fn an_empty_object_has_no_lines() {
    for object in [vec![], b"\n".to_vec(), gzip(b""), gzip(b"\n \n")] {
        assert_eq!(streamed(&object, LineLimits::default()).unwrap(), []);
        assert_eq!(in_memory(&object, LineLimits::default()).unwrap(), []);
    }
}

#[test]
fn padding_is_tolerated_and_garbage_is_not() {
    let member = gzip(b"one\n");
    let padded = [&member[..], &[0; 100_000]].concat();
    assert_eq!(streamed(&padded, LineLimits::default()).unwrap(), expected(b"one\n", 9));
    assert_eq!(in_memory(&padded, LineLimits::default()).unwrap(), expected(b"one\n", 9));
    for garbage in [&b"garbage"[..], b"\0\0garbage", b"{\"plain\":1}\n", b"\x1f\x8c\x08\0\0\0\0\0\0\0"] {
        let object = [&member[..], garbage].concat();
        for outcome in [streamed(&object, LineLimits::default()), in_memory(&object, LineLimits::default())] {
            match outcome {
                Err(ReadError::Corrupt { compressed_offset }) => {
                    assert!(compressed_offset >= member.len() as u64, "{compressed_offset}");
                    assert!(compressed_offset <= object.len() as u64, "{compressed_offset}");
                }
                other => panic!("{garbage:?} gave {other:?}"),
            }
        }
    }
}

#[test]
fn a_cut_gzip_is_an_error_at_every_byte() {
    let text: Vec<u8> = (0..200).flat_map(|i| format!("{{\"Model\":\"gpt-{i}\"}}\n").into_bytes()).collect();
    let (first, second) = text.split_at(text.len() / 3);
    let head = gzip(first);
    let object = [&head[..], &gzip(second)].concat();
    for cut in 1..object.len() {
        for outcome in
            [streamed(&object[..cut], LineLimits::default()), in_memory(&object[..cut], LineLimits::default())]
        {
            match outcome {
                // The one cut that nobody can see: a whole number of members.
                Ok(seen) => assert_eq!((cut, seen), (head.len(), expected(first, 1000))),
                Err(ReadError::Truncated { compressed_offset }) => assert_eq!(compressed_offset, cut as u64),
                Err(error) => panic!("cut at {cut}: {error}"),
            }
        }
    }
}

#[test]
fn a_flipped_bit_never_goes_unnoticed() {
    let text: Vec<u8> = (0..50).flat_map(|i| format!("{{\"Model\":\"gpt-{i}\"}}\n").into_bytes()).collect();
    let object = gzip(&text);
    let mut unnoticed = 0;
    for bit in 0..object.len() * 8 {
        let mut damaged = object.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let outcome = streamed(&damaged, LineLimits::default());
        assert_eq!(
            outcome.as_ref().ok(),
            in_memory(&damaged, LineLimits::default()).as_ref().ok(),
            "both ways agree, bit {bit}"
        );
        match outcome {
            // Without its first bytes it is no gzip but some bad line.
            Ok(seen) if bit / 8 < 2 => assert_ne!(seen, expected(&text, 1000)),
            // Time, extra flags and system in the header and the unused bits behind the last block mean nothing.
            Ok(seen) => {
                assert_eq!(seen, expected(&text, 1000), "bit {bit}");
                unnoticed += 1;
            }
            Err(_) => {}
        }
    }
    assert!(unnoticed <= 1 + 6 * 8 + 7, "{unnoticed} bits mean nothing");
}

#[test]
fn a_long_line_is_skipped_in_bounded_memory() {
    let long = vec![b'x'; 100 << 20];
    let object = gzip(&[b"before\n", &long[..], b"\nafter\n"].concat());
    let mut reader = LineReader::new(&object[..], LineLimits::default());
    let seen = drain(&mut reader).unwrap();
    let bytes = long.len() as u64;
    assert_eq!(
        seen,
        [Seen::Text(1, 0, b"before".to_vec()), Seen::TooLong(2, 7, bytes), Seen::Text(3, 8 + bytes, b"after".to_vec()),]
    );
    assert!(reader.buffer.len() <= 2 * LINE_BYTES_MAX + 2 * CHUNK_BYTES);
}

#[test]
fn the_limit_itself_is_allowed() {
    let text = b"12345\n123456\n12345";
    for object in [text.to_vec(), gzip(text)] {
        let seen = streamed(&object, limits(5)).unwrap();
        assert_eq!(seen, expected(text, 5));
        assert_eq!(seen[1], Seen::TooLong(2, 6, 6));
        assert_eq!(in_memory(&object, limits(5)).unwrap(), seen);
    }
}

#[test]
fn a_bomb_is_refused_in_bounded_memory_and_time() {
    let bomb = gzip(&vec![b' '; 256 << 20]);
    assert!(bomb.len() < 4 << 20, "{}", bomb.len());
    let limits = LineLimits { object_bytes_max: 64 << 20, ..LineLimits::default() };
    let started = Instant::now();
    let mut reader = LineReader::in_memory(&bomb, limits);
    assert!(
        matches!(drain(&mut reader), Err(ReadError::TooLarge { object_bytes_max }) if object_bytes_max == 64 << 20)
    );
    assert!(matches!(reader.next_line(), Err(ReadError::AlreadyFailed)));
    assert!(reader.text_bytes() <= (64 << 20) + CHUNK_BYTES as u64, "stops as soon as it knows");
    assert!(reader.buffer.len() <= 2 * LINE_BYTES_MAX + 2 * CHUNK_BYTES);
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn nothing_is_read_of_what_is_too_large() {
    let text = b"{}\n".repeat(300_000);
    let limits = LineLimits { object_bytes_max: 500_000, ..LineLimits::default() };
    for object in [text.clone(), gzip(&text)] {
        let mut reader = LineReader::in_memory(&object, limits);
        assert!(matches!(drain(&mut reader), Err(ReadError::TooLarge { object_bytes_max: 500_000 })));
        assert!(matches!(reader.next_line(), Err(ReadError::AlreadyFailed)));
    }
}

#[test]
fn a_line_is_nobody_elses() {
    let text = b"one\ntwo\nthree";
    for object in [gzip(text), text.to_vec()] {
        let mut reader = LineReader::in_memory(&object, LineLimits::default());
        let mut lines = Vec::new();
        while let Some(Line::Text { text, .. }) = reader.next_line().unwrap() {
            lines.push(text);
        }
        lines[1].fill(b'!');
        lines[1].extend_from_slice(b"grown into the next");
        assert_eq!((&lines[0][..], &lines[2][..]), (&b"one"[..], &b"three"[..]));
    }
}

#[test]
fn a_failing_read_is_an_error_and_stays_one() {
    struct Breaks(usize);
    impl Read for Breaks {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 2 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            into[..2].copy_from_slice(b"x\n");
            Ok(2)
        }
    }
    let mut reader = LineReader::new(Breaks(0), LineLimits::default());
    assert!(matches!(drain(&mut reader), Err(ReadError::Io(_))));
    assert!(matches!(drain(&mut reader), Err(ReadError::AlreadyFailed)));
}

proptest! {
    /// Whatever is cut where: members, reads, UTF-8 sequences. Every line comes out once, whole and in its place.
    #[test]
    fn no_line_is_lost(
        lines in prop::collection::vec("[ab{}\" \t\\r日é]{0,40}", 0..40),
        ends_with_newline: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        sizes in prop::collection::vec(1_usize..40, 1..6),
        line_bytes_max in 10_usize..100,
        compressed: bool,
    ) {
        let mut text = lines.join("\n").into_bytes();
        if ends_with_newline {
            text.push(b'\n');
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let object = if compressed {
            cuts.windows(2).flat_map(|pair| gzip(&text[pair[0]..pair[1]])).collect()
        } else {
            text.clone()
        };
        let seen = drain(&mut LineReader::new(Pieces::new(&object, &sizes), limits(line_bytes_max))).unwrap();
        prop_assert_eq!(&seen, &expected(&text, line_bytes_max));
        prop_assert_eq!(&seen, &in_memory(&object, limits(line_bytes_max)).unwrap());
    }

    #[test]
    fn no_bytes_panic(object in prop::collection::vec(any::<u8>(), 0..300), as_gzip: bool) {
        let object = if as_gzip { [&[0x1f, 0x8b, 8][..], &object].concat() } else { object };
        let outcome = streamed(&object, limits(50));
        prop_assert_eq!(outcome.ok(), in_memory(&object, limits(50)).ok());
    }
}
