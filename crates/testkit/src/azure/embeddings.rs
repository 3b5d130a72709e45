//! Embeddings: vectors of length one, a different one for every input.

use base64::{Engine, prelude::BASE64_STANDARD};
use gatelog_model::Tokens;
use serde_json::value::RawValue;

use super::{asked::Asked, frames::Rendered, said::seed, stamp::Stamp};
use crate::corpus::Random;

/// Most inputs of one request, and most dimensions of a vector (Microsoft, reference of the API).
const INPUTS_MAX: usize = 2_048;
const DIMENSIONS_MAX: usize = 3_072;

/// Renders the vectors; `None` if the input is none, or none that can be embedded.
pub(super) fn render(stamp: &Stamp, asked: &Asked<'_>, tokens: &Tokens) -> Option<Rendered> {
    let seeds = seeds(asked.input?).filter(|seeds| seeds.len() <= INPUTS_MAX)?;
    let natural = if stamp.model.contains("3-large") { DIMENSIONS_MAX } else { 1_536 };
    let dimensions = asked.dimensions.unwrap_or(natural);
    if !(1..=DIMENSIONS_MAX).contains(&dimensions) {
        return None;
    }
    let is_base64 = asked.encoding_format.as_deref() == Some("base64");
    let mut body = String::with_capacity(256 + seeds.len() * dimensions * 12);
    body.push_str(r#"{"object":"list","data":["#);
    for (index, seed) in seeds.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        body.push_str(&format!(r#"{separator}{{"object":"embedding","index":{index},"embedding":"#));
        if is_base64 {
            push_base64(&mut body, *seed, dimensions);
        } else {
            push_numbers(&mut body, *seed, dimensions);
        }
        body.push('}');
    }
    body.push_str(r#"],"model":"#);
    body.push_str(&stamp.model);
    if stamp.reports_usage {
        let input = tokens.input.unwrap_or(0);
        body.push_str(&format!(r#","usage":{{"prompt_tokens":{input},"total_tokens":{input}}}"#));
    }
    body.push('}');
    Some(Rendered::plain(body, String::new()))
}

/// One seed for each input: a text, texts, token numbers, or lists of token numbers.
fn seeds(input: &RawValue) -> Option<Vec<u64>> {
    let text = input.get();
    if text.starts_with('"') {
        return Some(vec![seed(text.as_bytes())]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let first = items.first()?.get();
    if first.starts_with(['"', '[']) {
        return Some(items.iter().map(|item| seed(item.get().as_bytes())).collect());
    }
    first.starts_with(|start: char| start.is_ascii_digit()).then(|| vec![seed(text.as_bytes())])
}

/// Every component has the same size, so that the length is one whatever the signs are.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a component needs no more than an f32"
)]
fn component(dimensions: usize) -> f32 {
    (dimensions as f64).sqrt().recip() as f32
}

/// The signs of the components.
fn signs(seed: u64, dimensions: usize) -> impl Iterator<Item = bool> {
    let mut random = Random::new(seed);
    let mut bits = 0;
    (0..dimensions).map(move |index| {
        bits = if index.is_multiple_of(64) { random.next() } else { bits >> 1 };
        bits & 1 == 1
    })
}

fn push_numbers(body: &mut String, seed: u64, dimensions: usize) {
    let (plus, minus) = (format!("{},", component(dimensions)), format!("-{},", component(dimensions)));
    body.push('[');
    for is_plus in signs(seed, dimensions) {
        body.push_str(if is_plus { &plus } else { &minus });
    }
    body.pop();
    body.push(']');
}

fn push_base64(body: &mut String, seed: u64, dimensions: usize) {
    let (plus, minus) = (component(dimensions).to_le_bytes(), (-component(dimensions)).to_le_bytes());
    let bytes: Vec<u8> = signs(seed, dimensions).flat_map(|is_plus| if is_plus { plus } else { minus }).collect();
    body.push('"');
    BASE64_STANDARD.encode_string(bytes, body);
    body.push('"');
}
