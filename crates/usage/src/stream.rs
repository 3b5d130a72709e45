//! Server-sent events, in pieces of any size.

use gatelog_model::Operation;

use crate::{OperationHint, ResponseFacts, repeat::LastRead, response::read_frame};

/// Most bytes of one line, and of the data of one event, that are kept; more is skipped as if it were not there.
///
/// The largest event that matters is `response.completed`, which repeats the whole answer: 128k output tokens are about
/// 0.6 MB of text.
pub const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads the facts of a streamed answer while it passes, whatever the pieces are cut like.
///
/// Lines may end in LF or CRLF. Holds at most [`EVENT_BYTES_MAX`] twice: a line that is not over and an event that is not.
#[derive(Debug)]
pub struct StreamTap {
    facts: ResponseFacts,
    hint: OperationHint,
    /// The start of a line whose end has not come yet.
    line: Vec<u8>,
    /// The line grew too long: its rest is skipped.
    is_line_skipped: bool,
    /// The data lines of the event so far, joined by LF.
    event: Vec<u8>,
    has_data: bool,
    /// The event grew too large: it is skipped as a whole.
    is_event_skipped: bool,
    is_first_line: bool,
    last_read: LastRead,
}

/// Whether a body looks like a stream of events rather than JSON.
pub(crate) fn is_stream(body: &[u8]) -> bool {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii_start();
    [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| body.starts_with(field))
}

impl StreamTap {
    /// Starts a stream; `hint` as in [`crate::read_response`].
    pub fn new(hint: OperationHint) -> Self {
        Self {
            facts: ResponseFacts { streamed: true, ..ResponseFacts::default() },
            hint,
            line: Vec::new(),
            is_line_skipped: false,
            event: Vec::new(),
            has_data: false,
            is_event_skipped: false,
            is_first_line: true,
            last_read: LastRead::default(),
        }
    }

    /// Takes the next piece.
    pub fn push(&mut self, mut piece: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', piece) {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            if self.line.is_empty() && !self.is_line_skipped && line.len() <= EVENT_BYTES_MAX {
                self.take_line(line);
            } else {
                self.hold(line);
                self.end_held_line();
            }
            piece = rest;
        }
        self.hold(piece);
    }

    /// Whether the stream has said that it is over; more may follow, but nothing that counts.
    pub fn is_complete(&self) -> bool {
        self.facts.complete
    }

    /// Ends the stream: what came without a line end or a blank line counts as well, as the tail of a log is often trimmed.
    pub fn finish(mut self) -> ResponseFacts {
        self.end_held_line();
        self.end_event();
        self.facts
    }

    /// Keeps a piece of a line.
    fn hold(&mut self, piece: &[u8]) {
        if self.is_line_skipped || self.line.len() + piece.len() > EVENT_BYTES_MAX {
            self.line.clear();
            self.is_line_skipped = true;
        } else {
            self.line.extend_from_slice(piece);
        }
    }

    fn end_held_line(&mut self) {
        if std::mem::take(&mut self.is_line_skipped) {
            // Only data lines get this long, and data without a part of it is no JSON.
            self.is_event_skipped = true;
            self.is_first_line = false;
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        self.take_line(&line);
        line.clear();
        self.line = line;
    }

    fn take_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = match std::mem::take(&mut self.is_first_line) {
            true => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            self.end_event();
        } else if let Some(data) = line.trim_ascii_start().strip_prefix(b"data:") {
            self.take_data(data.strip_prefix(b" ").unwrap_or(data));
        }
        // Comments and the fields event, id and retry say nothing that the data does not.
    }

    fn take_data(&mut self, data: &[u8]) {
        if self.event.len() + data.len() >= EVENT_BYTES_MAX {
            self.is_event_skipped = true;
        }
        if self.is_event_skipped {
            return;
        }
        if self.has_data {
            self.event.push(b'\n');
        }
        self.event.extend_from_slice(data);
        self.has_data = true;
    }

    fn end_event(&mut self) {
        if !self.is_event_skipped && self.has_data {
            let is_last = if self.event.trim_ascii() == b"[DONE]" {
                true
            } else {
                read_frame(&self.event, &mut self.facts, self.hint, &mut self.last_read)
            };
            self.facts.complete |= is_last;
        }
        self.event.clear();
        self.has_data = false;
        self.is_event_skipped = false;
    }
}

impl Default for StreamTap {
    /// A stream of an unknown API.
    fn default() -> Self {
        Self::new(Operation::Other)
    }
}
