//! What may be said more than once, and what grows, as OpenAI's API has it.

/// What a member of an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It belongs to the framing.
    Framing,
    /// It says the same in all frames that say it.
    Same,
    /// Nobody knows whether a second one would repeat it or add to it.
    Once,
    /// A text that comes in pieces.
    Text,
    /// An object whose members come in pieces.
    Object(Place),
    /// Objects whose members come in pieces; [`INDEX`] tells which.
    Indexed(Place),
    /// A whole has something else under this name.
    Foreign,
}

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Frame,
    Choice,
    Delta,
    ToolCall,
    Function,
}

/// The number of a choice or of a call of a tool.
pub(super) const INDEX: &str = "index";
/// What a choice of an answer in one piece has in place of its `delta`.
const WHOLE_DELTA: &str = "message";

impl Place {
    pub(super) fn rule(self, member: &str) -> Rule {
        match (self, member) {
            (Self::Frame, "choices") => Rule::Indexed(Self::Choice),
            (Self::Frame, "obfuscation") => Rule::Framing,
            (Self::Frame, _) => Rule::Same,
            (Self::Choice | Self::ToolCall, INDEX) => Rule::Framing,
            (Self::Choice, "delta") => Rule::Object(Self::Delta),
            (Self::Choice, WHOLE_DELTA) => Rule::Foreign,
            (Self::Choice, "text") => Rule::Text,
            (Self::Choice, "finish_reason" | "content_filter_results") => Rule::Same,
            (Self::Delta, "content" | "refusal" | "reasoning_content" | "reasoning") => Rule::Text,
            (Self::Delta, "role") => Rule::Same,
            (Self::Delta, "tool_calls") => Rule::Indexed(Self::ToolCall),
            (Self::Delta, "function_call") | (Self::ToolCall, "function") => Rule::Object(Self::Function),
            (Self::ToolCall, "id" | "type") | (Self::Function, "name") => Rule::Same,
            (Self::Function, "arguments") => Rule::Text,
            (Self::Choice | Self::Delta | Self::ToolCall | Self::Function, _) => Rule::Once,
        }
    }

    /// How an answer in one piece names the member.
    pub(super) fn whole_name(self, member: &str) -> &str {
        if self == Self::Choice && member == "delta" { WHOLE_DELTA } else { member }
    }

    /// How an answer in one piece says the same; `value` is JSON.
    pub(super) fn whole_value(self, member: &str, value: &str) -> Option<&'static str> {
        let is_chunk = self == Self::Frame && member == "object" && value == r#""chat.completion.chunk""#;
        is_chunk.then_some(r#""chat.completion""#)
    }

    /// Whether an answer in one piece says [`INDEX`]; calls of tools stand in their order.
    pub(super) fn says_index(self) -> bool {
        self == Self::Choice
    }
}
