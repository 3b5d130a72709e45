//! Bodies in the making: one buffer, and where its frames end.

use bytes::Bytes;

use super::behaviour::Behaviour;

/// A body that is rendered. A plain one is a single frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) bytes: Bytes,
    /// Where the frames end; the last is the length.
    pub(super) ends: Vec<usize>,
    pub(super) content_type: &'static str,
    /// What the answer calls itself.
    pub(super) id: String,
}

impl Rendered {
    /// A body in one frame.
    pub(super) fn plain(text: impl Into<Bytes>, id: String) -> Self {
        let bytes = text.into();
        Self { ends: vec![bytes.len()], bytes, content_type: "application/json", id }
    }

    /// Something else than what was asked for.
    pub(super) fn html(text: &'static str) -> Self {
        Self { content_type: "text/html", ..Self::plain(text, String::new()) }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.content_type == EVENT_STREAM
    }
}

const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// A stream of events in the making.
#[derive(Debug)]
pub(super) struct Stream {
    buffer: Vec<u8>,
    ends: Vec<usize>,
    line_end: &'static str,
    comments: bool,
}

impl Stream {
    pub(super) fn new(how: &Behaviour) -> Self {
        let line_end = if how.crlf { "\r\n" } else { "\n" };
        Self { buffer: Vec::with_capacity(16 << 10), ends: Vec::new(), line_end, comments: how.comments }
    }

    /// Adds a frame with data only.
    pub(super) fn data(&mut self, parts: &[&str]) {
        self.frame(None, parts);
    }

    /// Adds a frame with the name of an event.
    pub(super) fn event(&mut self, name: &str, parts: &[&str]) {
        self.frame(Some(name), parts);
    }

    pub(super) fn done(&mut self) {
        self.data(&["[DONE]"]);
    }

    pub(super) fn finish(self, id: String) -> Rendered {
        Rendered { bytes: self.buffer.into(), ends: self.ends, content_type: EVENT_STREAM, id }
    }

    fn frame(&mut self, name: Option<&str>, parts: &[&str]) {
        if self.comments {
            self.push(&[": keep-alive", self.line_end, self.line_end]);
        }
        if let Some(name) = name {
            self.push(&["event: ", name, self.line_end]);
        }
        self.push(&["data: "]);
        self.push(parts);
        self.push(&[self.line_end, self.line_end]);
        self.ends.push(self.buffer.len());
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.buffer.extend_from_slice(part.as_bytes());
        }
    }
}
