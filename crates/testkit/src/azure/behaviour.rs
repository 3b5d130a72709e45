//! How one answer is given, right or wrong.

use std::{num::NonZeroUsize, time::Duration};

use gatelog_model::Tokens;

/// Longest text an answer is made to have.
pub const TEXT_BYTES_MAX: usize = 64 << 20;
/// Most frames with text that a streamed answer is cut into.
pub const FRAMES_MAX: usize = 100_000;

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reply {
    /// What was asked for.
    #[default]
    Served,
    /// This status with Azure's error body for it, and both retry headers where there is a time for them.
    Refused {
        /// The status; 400 or more.
        status: u16,
        /// What `retry-after-ms` says, and `retry-after` in seconds, rounded up.
        retry_after: Option<Duration>,
    },
    /// The prompt filter acted: 400, as JSON also where a stream was asked for.
    PromptFiltered,
    /// The output filter acted: half of the text, then `content_filter`.
    OutputFiltered,
    /// 200 with a page of HTML, as a proxy in the way sends it.
    NotJson,
    /// No answer: the connection is reset (RST, not FIN).
    Reset,
    /// No answer, and the connection stays open until the client gives up.
    Hang,
}

/// How the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// As it should.
    #[default]
    Complete,
    /// The connection is closed after so many frames; of a plain answer, which is one frame, after none or half.
    CutAfterFrames(usize),
    /// The connection is closed after half of the bytes; a plain answer has announced all of them.
    CutBody,
    /// Nothing comes after so many frames, and the connection stays open until the client gives up.
    StallAfterFrames(usize),
}

/// What the answer says about tokens. The journal has them in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageReport {
    /// Counts from the lengths of prompt and text.
    #[default]
    Counted,
    /// These counts.
    Exactly(Tokens),
    /// Nothing, not even where a stream was asked for it.
    Missing,
}

/// How one answer is given; the default is a healthy one, as fast as possible.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Behaviour {
    /// What the answer says.
    pub reply: Reply,
    /// How long the client waits for the status line.
    pub first_byte_after: Duration,
    /// How long it waits between frames of a stream; with `write_bytes` between writes.
    pub frame_every: Duration,
    /// How the body ends.
    pub ending: Ending,
    /// What it says about tokens.
    pub usage: UsageReport,
    /// Least length of the text.
    pub text_bytes: Option<usize>,
    /// How many frames have text; by default one for each word.
    pub frames: Option<usize>,
    /// The body arrives in TCP writes of so many bytes, wherever that cuts it.
    pub write_bytes: Option<NonZeroUsize>,
    /// Lines of a stream end in CR LF.
    pub crlf: bool,
    /// A comment comes before every frame of a stream, as keep-alives do.
    pub comments: bool,
}

impl Behaviour {
    /// Refuses with `status`, without retry headers.
    pub fn status(status: u16) -> Self {
        Self { reply: Reply::Refused { status, retry_after: None }, ..Self::default() }
    }

    /// Refuses with 429 and both retry headers.
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self { reply: Reply::Refused { status: 429, retry_after: Some(retry_after) }, ..Self::default() }
    }

    /// Answers with `reply`.
    pub fn reply(reply: Reply) -> Self {
        Self { reply, ..Self::default() }
    }

    /// Ends the body in `ending`.
    pub fn ending(ending: Ending) -> Self {
        Self { ending, ..Self::default() }
    }

    /// The same with a late status line.
    #[must_use]
    pub fn first_byte_after(self, first_byte_after: Duration) -> Self {
        Self { first_byte_after, ..self }
    }

    /// The same with pauses between frames.
    #[must_use]
    pub fn frame_every(self, frame_every: Duration) -> Self {
        Self { frame_every, ..self }
    }

    /// The same with this said about tokens.
    #[must_use]
    pub fn usage(self, usage: UsageReport) -> Self {
        Self { usage, ..self }
    }

    /// The same with so many frames of text.
    #[must_use]
    pub fn frames(self, frames: usize) -> Self {
        Self { frames: Some(frames.min(FRAMES_MAX)), ..self }
    }

    /// The same with at least so much text.
    #[must_use]
    pub fn text_bytes(self, text_bytes: usize) -> Self {
        Self { text_bytes: Some(text_bytes.min(TEXT_BYTES_MAX)), ..self }
    }

    /// The same in writes of so many bytes; 0 leaves it as it was.
    #[must_use]
    pub fn write_bytes(self, bytes: usize) -> Self {
        Self { write_bytes: NonZeroUsize::new(bytes).or(self.write_bytes), ..self }
    }
}
