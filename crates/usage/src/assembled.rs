//! The answer that a stream of events adds up to.
//!
//! A streamed answer says every few characters again who answers, to what and when. Put together as the API answers without
//! `stream`, it is a tenth as long, and words that were cut into frames can be found in it.
//!
//! Nothing but framing may be lost by it: where frames begin and end, the order of members, comments, `obfuscation`, which is
//! padding, and that members were sent that say nothing (`null`, `""`, `0`, `[]`, `{}`). Whatever two frames say differently, if
//! it is not a text that is known to grow, keeps a stream from being put together; and what the whole tells of itself must be
//! what the stream told.

mod chat;
mod event;
mod piece;
mod responses;
mod shape;

use crate::{OperationHint, ResponseFacts, read_response};

/// Longest stream that is put together, which is done in one go: a MB takes a fraction of a millisecond if its frames repeat each
/// other but for a piece of text, up to ten if not. 128k tokens, one to a frame of Azure's, have about 50 MB, but models with
/// so long answers send several in a frame.
pub const ASSEMBLED_STREAM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The answer as JSON; `None` if the stream is not whole, is of an unknown API, or says something that one answer cannot say.
///
/// `facts` are those of the stream, read with the same `hint`.
pub fn assemble(stream: &str, facts: &ResponseFacts, hint: OperationHint) -> Option<String> {
    if stream.len() > ASSEMBLED_STREAM_BYTES_MAX {
        return None;
    }
    // Each gives up at the first events of the other's.
    let whole = chat::assemble(stream).or_else(|| responses::assemble(stream))?;
    let told = ResponseFacts { streamed: facts.streamed, ..read_response(&whole, hint) };
    (told == *facts).then_some(whole)
}

/// Whether a member says no more than if it were not there.
fn says_nothing(json: &str) -> bool {
    matches!(json, "null" | "\"\"" | "0" | "[]" | "{}")
}

/// What a JSON string says, escapes as written.
fn string_in(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}
