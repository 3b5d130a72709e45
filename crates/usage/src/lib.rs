//! What a request asked for and what its answer used, read from the bodies.
//!
//! Bodies come from outside and may be anything: what cannot be understood is not reported, and nothing here fails, panics or
//! recurses with the input. Prompts and completions are skipped, never built. A count that is negative, fractional, text or above
//! [`gatelog_model::TOKENS_MAX`] is taken as not reported.

mod assembled;
mod endpoint;
mod lenient;
mod repeat;
mod request;
mod response;
mod stream;
mod tokens;

pub use assembled::{ASSEMBLED_STREAM_BYTES_MAX, assemble};
pub use endpoint::{AzurePath, OperationHint, azure_endpoint, operation_of};
pub use request::{RequestFacts, read_request};
pub use response::{ErrorFacts, LABEL_BYTES_MAX, ResponseFacts, read_response};
pub use stream::{EVENT_BYTES_MAX, StreamTap};
pub use tokens::read_usage;
