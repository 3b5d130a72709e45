//! Streams like Azure's, and unlike them in every way that a provider may choose, with what they say they used.

use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::{Value, json};

/// Pieces of text as they stand in JSON: letters of two to four bytes, escapes, and what looks like something else.
const TEXTS: [&str; 16] = [
    "invoice",
    " was issued",
    "Grüße aus Köln",
    "東京",
    "🙂🙃",
    r"\u00e9\n\t",
    r"\ud83d\ude42",
    r"\ud83d",
    r"\\",
    r#"\""#,
    r#"\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9}"#,
    "data: [DONE]",
    r"\n\ndata: [DONE]\n\n",
    "}]}",
    "{[",
    "\u{feff}\u{2028}",
];
/// The gateway does not look into a frame as long as this; it must pass all the same.
const FRAME_BYTES_TOO_MANY: usize = 4 * 1024 * 1024 + 1;

/// Which API it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Chat,
    Responses,
}

/// A stream, from nothing but a seed and a number.
pub(crate) struct RandomStream {
    pub(crate) api: Api,
    pub(crate) bytes: Vec<u8>,
    /// `Usage` as the record must have it; null if the stream does not say.
    pub(crate) usage: Value,
    /// Where it has said that it is over; what follows is noise.
    pub(crate) end: usize,
    /// The whole text, escapes as written.
    pub(crate) said: String,
}

/// Where the counts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    Nowhere,
    /// `"usage":null` in every frame and nothing else.
    Null,
    /// In a frame of its own at the end, with or without nulls before it.
    Last {
        nulls: bool,
    },
    /// In the frame that ends the choice.
    Finish,
    /// Growing from frame to frame.
    Growing,
    /// Counts that nobody can believe.
    Unreadable,
}

/// One event and what it says about usage.
struct Frame {
    name: Option<&'static str>,
    data: String,
    usage: Option<Value>,
}

struct Maker {
    random: Rng,
    report: Report,
    /// What stands between the members of an object: a line end makes several data lines of it.
    comma: &'static str,
    /// What the pieces have said.
    said: String,
}

impl RandomStream {
    pub(crate) fn new(seed: u64, index: u64) -> Self {
        let mut random = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(index));
        let api = if random.u8(0..4) == 0 { Api::Responses } else { Api::Chat };
        let report = match random.u8(0..12) {
            0 => Report::Nowhere,
            1 => Report::Null,
            2 => Report::Finish,
            3 => Report::Growing,
            4 => Report::Unreadable,
            5..8 => Report::Last { nulls: false },
            _ => Report::Last { nulls: true },
        };
        let comma = [",", ",", ", ", ",\n"][random.usize(0..4)];
        let mut maker = Maker { random, report, comma, said: String::new() };
        let mut frames = match api {
            Api::Chat => maker.chat(),
            Api::Responses => maker.responses(),
        };
        let Maker { mut random, said, .. } = maker;
        let is_cut = random.u8(0..6) == 0;
        if is_cut {
            frames.truncate(random.usize(0..=frames.len()));
        }
        let read = frames.iter().filter(|frame| frame.data.len() < FRAME_BYTES_TOO_MANY);
        let usage = read.rev().find_map(|frame| frame.usage.clone()).unwrap_or_default();
        let (bytes, end) = Writer::new(random).write(&frames, is_cut, api);
        Self { api, bytes, usage, end, said }
    }
}

impl Maker {
    fn chat(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        if self.random.u8(0..3) > 0 {
            let filter =
                r#"[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]"#;
            let members =
                vec![member("choices", "[]"), member("created", "0"), member("prompt_filter_results", filter)];
            frames.push(Frame::of(self.object(members)));
        }
        frames.push(self.chunk(r#"{"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0}"#, false));
        for _ in 0..self.pieces() {
            let text = self.text();
            self.said.push_str(&text);
            let choice =
                format!(r#"{{"delta":{{"content":"{text}"}},"finish_reason":null,"index":0,"logprobs":null}}"#);
            let growing = self.report == Report::Growing;
            frames.push(self.chunk(&choice, growing));
        }
        let at_finish = matches!(self.report, Report::Finish | Report::Growing);
        frames.push(self.chunk(r#"{"delta":{},"finish_reason":"stop","index":0}"#, at_finish));
        if matches!(self.report, Report::Last { .. } | Report::Unreadable) {
            frames.push(self.chunk("", true));
        }
        frames
    }

    /// One frame of chat with this choice, if any, and with counts or without.
    fn chunk(&mut self, choice: &str, has_counts: bool) -> Frame {
        let mut members = vec![
            member("choices", &format!("[{choice}]")),
            member("created", "1760000000"),
            member("model", r#""gpt-4o-2024-11-20""#),
            member("object", r#""chat.completion.chunk""#),
        ];
        let usage = self.add_usage(&mut members, has_counts, ["prompt", "completion"]);
        Frame { usage, ..Frame::of(self.object(members)) }
    }

    fn responses(&mut self) -> Vec<Frame> {
        let started =
            r#"{"id":"r","status":"in_progress","model":"gpt-5-2025-08-07","output":[],"usage":null,"error":null}"#;
        let mut frames = vec![self.event("response.created", vec![member("response", started)])];
        for _ in 0..self.pieces() {
            let text = self.text();
            self.said.push_str(&text);
            frames.push(self.event("response.output_text.delta", vec![member("delta", &format!("\"{text}\""))]));
        }
        // Now and then the last event does not have what was said.
        let text = if self.random.u8(0..4) == 0 { self.text() } else { self.said.clone() };
        let mut response = vec![
            member("status", r#""completed""#),
            member("model", r#""gpt-5-2025-08-07""#),
            member("output", &format!(r#"[{{"type":"message","content":[{{"text":"{text}"}}]}}]"#)),
        ];
        let has_counts = !matches!(self.report, Report::Nowhere | Report::Null);
        let usage = self.add_usage(&mut response, has_counts, ["input", "output"]);
        let response = self.object(response);
        let completed = self.event("response.completed", vec![member("response", &response)]);
        frames.push(Frame { usage, ..completed });
        frames
    }

    fn event(&mut self, name: &'static str, mut members: Vec<String>) -> Frame {
        members.push(member("type", &format!("\"{name}\"")));
        Frame { name: Some(name), ..Frame::of(self.object(members)) }
    }

    /// Adds what a frame says about usage, and returns it as the record has it.
    fn add_usage(&mut self, members: &mut Vec<String>, has_counts: bool, names: [&str; 2]) -> Option<Value> {
        if has_counts && self.report == Report::Unreadable {
            let counts = [r#"{"prompt_tokens":"12"}"#, r#"{"prompt_tokens":-3,"input_tokens":1.5}"#, "[]", "{}"];
            members.push(member("usage", counts[self.random.usize(0..4)]));
            return None;
        }
        if has_counts {
            let (text, usage) = self.usage(names);
            members.push(member("usage", &text));
            return Some(usage);
        }
        if matches!(self.report, Report::Null | Report::Last { nulls: true }) {
            members.push(member("usage", "null"));
        }
        None
    }

    /// A usage object, and the same as our record spells it.
    fn usage(&mut self, [input_name, output_name]: [&str; 2]) -> (String, Value) {
        let random = &mut self.random;
        let (input, output) = (random.u64(0..200_000), random.u64(0..20_000));
        let mut members =
            vec![member(&format!("{input_name}_tokens"), &input.to_string()), member("total_tokens", "1")];
        let mut usage = json!({"prompt_tokens": input});
        if random.u8(0..10) > 0 {
            members.push(member(&format!("{output_name}_tokens"), &output.to_string()));
            usage["completion_tokens"] = json!(output);
            if random.bool() {
                let reasoning = random.u64(0..=output);
                let details = format!(r#"{{"audio_tokens":0,"reasoning_tokens":{reasoning}}}"#);
                members.push(member(&format!("{output_name}_tokens_details"), &details));
                usage["completion_tokens_details"] = json!({"reasoning_tokens": reasoning});
            }
        }
        match random.u8(0..3) {
            0 => {
                let cached = random.u64(0..=input);
                let details = format!(r#"{{"cached_tokens":{cached},"audio_tokens":0}}"#);
                members.push(member(&format!("{input_name}_tokens_details"), &details));
                usage["prompt_tokens_details"] = json!({"cached_tokens": cached});
            }
            1 => members.push(member(&format!("{input_name}_tokens_details"), "null")),
            _ => {}
        }
        (self.object(members), usage)
    }

    /// An object with its members in any order.
    fn object(&mut self, mut members: Vec<String>) -> String {
        self.random.shuffle(&mut members);
        format!("{{{}}}", members.join(self.comma))
    }

    fn pieces(&mut self) -> usize {
        if self.random.u8(0..50) == 0 { self.random.usize(0..200) } else { self.random.usize(0..8) }
    }

    /// Text for a JSON string, now and then far too long a one.
    fn text(&mut self) -> String {
        let pick = |random: &mut Rng| TEXTS[random.usize(0..TEXTS.len())];
        let bytes_min = match self.random.u16(0..20_000) {
            0 => FRAME_BYTES_TOO_MANY,
            1..4 => self.random.usize(1_000_000..1_500_000),
            4..20 => self.random.usize(50_000..300_000),
            _ => 0,
        };
        let mut text: String = (0..self.random.usize(0..6)).map(|_| pick(&mut self.random)).collect();
        if bytes_min > 0 {
            let piece = pick(&mut self.random);
            text.push_str(&piece.repeat(bytes_min / piece.len() + 1));
        }
        text
    }
}

impl Frame {
    fn of(data: String) -> Self {
        Self { name: None, data, usage: None }
    }
}

fn member(name: &str, value: &str) -> String {
    format!(r#""{name}":{value}"#)
}

/// Puts frames into bytes.
struct Writer {
    random: Rng,
    text: String,
    /// CRLF instead of LF, of four lines.
    crlf_in_four: u8,
    space: &'static str,
    is_noisy: bool,
}

impl Writer {
    fn new(mut random: Rng) -> Self {
        let crlf_in_four = [0, 0, 4, 2][random.usize(0..4)];
        let space = if random.u8(0..5) == 0 { "" } else { " " };
        let is_noisy = random.u8(0..3) == 0;
        Self { random, text: String::new(), crlf_in_four, space, is_noisy }
    }

    /// The bytes, and where the stream has said that it is over.
    fn write(mut self, frames: &[Frame], is_cut: bool, api: Api) -> (Vec<u8>, usize) {
        if self.random.u8(0..30) == 0 {
            self.text.push('\u{feff}');
        }
        for frame in frames {
            self.frame(frame);
        }
        if api == Api::Chat && !is_cut && self.random.u8(0..10) > 0 {
            self.frame(&Frame::of("[DONE]".to_owned()));
        }
        let end = self.text.len();
        match self.random.u8(0..10) {
            0 => self.noise(),
            // Somebody has trimmed it.
            1 => self.text.truncate(self.text.trim_end_matches(['\r', '\n']).len()),
            _ => {}
        }
        let mut bytes = self.text.into_bytes();
        if let (true, Some(last)) = (is_cut && self.random.bool(), frames.last()) {
            // Within the last frame, even within a letter, but not within counts.
            let is_safe = last.usage.is_none() && !last.data.contains(r#""usage":{"#);
            let cut_max = if is_safe { last.data.len().min(bytes.len()) } else { 0 };
            bytes.truncate(bytes.len() - self.random.usize(0..=cut_max));
        }
        let end = end.min(bytes.len());
        (bytes, end)
    }

    fn frame(&mut self, frame: &Frame) {
        if self.is_noisy {
            self.noise();
        }
        if let Some(name) = frame.name {
            self.line(&format!("event: {name}"));
        }
        for line in frame.data.split('\n') {
            self.line(&format!("data:{}{line}", self.space));
        }
        self.line("");
    }

    /// What a reader must skip.
    fn noise(&mut self) {
        for _ in 0..self.random.u8(0..3) {
            match self.random.u8(0..4) {
                0 => self.line(": keep-alive"),
                1 => self.line(":"),
                2 => self.line(""),
                _ => {
                    let id = self.random.u32(..);
                    self.line(&format!("id: {id}"));
                    self.line("retry: 3000");
                }
            }
        }
    }

    fn line(&mut self, line: &str) {
        let end = if self.random.u8(0..4) < self.crlf_in_four { "\r\n" } else { "\n" };
        write!(self.text, "{line}{end}").expect("writing to memory");
    }
}
