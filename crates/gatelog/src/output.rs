//! Standard output, whose reader may leave before everything is said: `gatelog quarantine list | head -3`.
//!
//! The standard macros panic then. These end the process, as a program in a pipe does; what it did is done by that time.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
};

/// As the standard macro, but for a reader who has left.
macro_rules! print {
    ($($text:tt)*) => { $crate::output::write(format_args!($($text)*)) };
}

/// As the standard macro, but for a reader who has left.
macro_rules! println {
    () => { $crate::output::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes text, or ends the process with success if nobody reads any more.
///
/// # Panics
///
/// When standard output cannot be written to for another reason, such as a full disk.
pub(crate) fn write(text: Arguments<'_>) {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => panic!("cannot write to standard output: {error}"),
    }
}
