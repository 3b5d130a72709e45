//! Standard output, whose reader may leave before everything is said: `gatelog quarantine list | head -3`.
//!
//! The standard macros panic then. These go on in silence: what a command does, and how it ends, does not depend on who listens.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether the reader has left.
static UNHEARD: AtomicBool = AtomicBool::new(false);

/// As the standard macro, but for a reader who has left.
macro_rules! print {
    ($($text:tt)*) => { $crate::output::write(format_args!($($text)*)) };
}

/// As the standard macro, but for a reader who has left.
macro_rules! println {
    () => { $crate::output::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes text, unless nobody reads any more.
///
/// # Panics
///
/// When standard output cannot be written to for another reason, such as a full disk.
pub(crate) fn write(text: Arguments<'_>) {
    if UNHEARD.load(Ordering::Relaxed) {
        return;
    }
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => UNHEARD.store(true, Ordering::Relaxed),
        Err(error) => panic!("cannot write to standard output: {error}"),
    }
}
