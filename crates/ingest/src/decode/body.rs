//! The bodies of an event: parts of their line, or text of their own.

use std::{borrow::Cow, ops::Range};

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use gatelog_model::Event;

use crate::normalise::OpenedFields;

/// An event and the memory that it keeps.
#[derive(Debug)]
pub(super) struct DecodedEvent {
    pub(super) event: Event,
    /// Bytes that are the event's own, roughly.
    pub(super) own_bytes: usize,
    /// Whether a body is a part of the line, which then keeps the text around it in memory.
    pub(super) keeps_text: bool,
}

/// Where a body is.
enum Body {
    InLine(Range<usize>),
    Opened(String),
}

/// Both bodies of a line that is still lent to whoever read it.
pub(super) struct Bodies([Option<Body>; 2]);

impl Bodies {
    /// Takes the bodies of the line that begins at this address.
    pub(super) fn of(opened: OpenedFields<'_>, line_address: usize) -> Self {
        let body_of = |text: Cow<'_, str>| match text {
            Cow::Owned(text) => Body::Opened(text),
            Cow::Borrowed(text) => {
                let start = text.as_ptr().addr() - line_address;
                Body::InLine(start..start + text.len())
            }
        };
        Self([opened.request_body, opened.response_body].map(|text| text.map(body_of)))
    }

    /// Gives the event its bodies, now that nothing else borrows the line.
    pub(super) fn join(self, mut event: Event, line: BytesMut) -> DecodedEvent {
        let line = line.freeze();
        let mut own_bytes = event.heap_bytes();
        let mut keeps_text = false;
        let [request, response] = self.0.map(|body| {
            body.map(|body| match body {
                Body::InLine(range) => {
                    keeps_text = true;
                    part_of(&line, range)
                }
                Body::Opened(text) => {
                    own_bytes += text.len();
                    text.into()
                }
            })
        });
        (event.request_body, event.response_body) = (request, response);
        DecodedEvent { event, own_bytes, keeps_text }
    }
}

#[expect(unsafe_code, reason = "a checked part would be read once more to see that it is UTF-8")]
fn part_of(line: &Bytes, range: Range<usize>) -> ByteString {
    debug_assert!(str::from_utf8(&line[range.clone()]).is_ok());
    // SAFETY: the range is that of a `&str` borrowed from this line, which nothing has written to since.
    unsafe { ByteString::from_bytes_unchecked(line.slice(range)) }
}
