//! Behaviours as text, for a request header, a command line and other languages.

use std::{str::FromStr, time::Duration};

use gatelog_model::{TOKENS_MAX, Tokens};

use super::behaviour::{Behaviour, Ending, FRAMES_MAX, Reply, TEXT_BYTES_MAX, UsageReport};

/// What a 429 says that was asked for without a time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The words of the language, for `--help` and for whoever got one wrong.
pub const GRAMMAR: &str = "\
Words, separated by `;`:
  ok                      a healthy answer, whatever the default is
  STATUS                  refused with this status, 400 to 599; 429 with retry headers of 1 s
  bare                    after a status: without retry headers
  retry-after-ms=N        after a status: with retry headers
  filter-prompt           400 of the prompt filter
  filter-output           half of the text, then finish_reason content_filter
  not-json                200 with HTML
  reset                   no answer, connection reset
  hang                    no answer, connection open
  first-byte-ms=N         late status line
  frame-ms=N              pauses between frames of a stream
  cut-after-frames=N      connection closed after N frames
  cut-body                connection closed after half of the body
  stall-after-frames=N    nothing more after N frames, connection open
  no-usage                without usage
  usage=IN/OUT[/CACHED[/REASONING]]   with these token counts
  text-bytes=N            at least N bytes of text
  frames=N                N frames of text
  write-bytes=N           TCP writes of N bytes
  crlf                    stream lines end in CR LF
  comments                a comment before every frame of a stream
  times=N                 header only: the first N requests with this header text; then healthy
  key=TEXT                header only: sets one `times` apart from another";

/// A word that is none of the language, or has no sense where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no behaviour")]
pub struct NoBehaviour(String);

/// A behaviour and for how many requests it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spoken {
    pub(super) behaviour: Behaviour,
    pub(super) times: Option<u32>,
}

impl Spoken {
    pub(super) fn parse(text: &str) -> Result<Self, NoBehaviour> {
        let mut spoken = Self::default();
        for word in text.split(';').map(str::trim).filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let taken = match (name, value) {
                ("times", count) => count.parse().ok().map(|count| spoken.times = Some(count)),
                ("key", key) => (!key.is_empty()).then_some(()),
                (name, "") => bare(&mut spoken.behaviour, name),
                (name, value) => valued(&mut spoken.behaviour, name, value),
            };
            taken.ok_or_else(|| NoBehaviour(word.to_owned()))?;
        }
        Ok(spoken)
    }
}

impl FromStr for Behaviour {
    type Err = NoBehaviour;

    /// Reads the words of [`GRAMMAR`].
    fn from_str(text: &str) -> Result<Self, NoBehaviour> {
        let Spoken { behaviour, times } = Spoken::parse(text)?;
        if times.is_some() || text.contains("key=") {
            return Err(NoBehaviour(text.to_owned()));
        }
        Ok(behaviour)
    }
}

/// Takes a word without a value; `None` if it is none.
fn bare(behaviour: &mut Behaviour, name: &str) -> Option<()> {
    match name {
        "ok" => behaviour.reply = Reply::Served,
        "bare" => set_retry_after(behaviour, None)?,
        "filter-prompt" => behaviour.reply = Reply::PromptFiltered,
        "filter-output" => behaviour.reply = Reply::OutputFiltered,
        "not-json" => behaviour.reply = Reply::NotJson,
        "reset" => behaviour.reply = Reply::Reset,
        "hang" => behaviour.reply = Reply::Hang,
        "cut-body" => behaviour.ending = Ending::CutBody,
        "no-usage" => behaviour.usage = UsageReport::Missing,
        "crlf" => behaviour.crlf = true,
        "comments" => behaviour.comments = true,
        status => {
            let status = status.parse().ok().filter(|status| (400..600).contains(status))?;
            let retry_after = (status == 429).then_some(RETRY_AFTER);
            behaviour.reply = Reply::Refused { status, retry_after };
        }
    }
    Some(())
}

/// Takes a word with a value; `None` if it is none.
fn valued(behaviour: &mut Behaviour, name: &str, value: &str) -> Option<()> {
    if name == "usage" {
        behaviour.usage = UsageReport::Exactly(tokens(value)?);
        return Some(());
    }
    let count: u32 = value.parse().ok()?;
    let size = usize::try_from(count).ok()?;
    let pause = Duration::from_millis(u64::from(count));
    match name {
        "retry-after-ms" => set_retry_after(behaviour, Some(pause))?,
        "first-byte-ms" => behaviour.first_byte_after = pause,
        "frame-ms" => behaviour.frame_every = pause,
        "cut-after-frames" => behaviour.ending = Ending::CutAfterFrames(size),
        "stall-after-frames" => behaviour.ending = Ending::StallAfterFrames(size),
        "text-bytes" => behaviour.text_bytes = Some(at_most(size, TEXT_BYTES_MAX)?),
        "frames" => behaviour.frames = Some(at_most(size, FRAMES_MAX)?),
        "write-bytes" => behaviour.write_bytes = Some(size.try_into().ok()?),
        _ => return None,
    }
    Some(())
}

fn set_retry_after(behaviour: &mut Behaviour, time: Option<Duration>) -> Option<()> {
    let Reply::Refused { retry_after, .. } = &mut behaviour.reply else { return None };
    *retry_after = time;
    Some(())
}

fn at_most(size: usize, limit: usize) -> Option<usize> {
    Some(size).filter(|size| *size <= limit)
}

/// `IN/OUT[/CACHED[/REASONING]]`; parts that are not named are 0.
fn tokens(text: &str) -> Option<Tokens> {
    let counts: Option<Vec<u64>> =
        text.split('/').map(|count| count.parse().ok().filter(|count| *count <= TOKENS_MAX)).collect();
    let counts = counts?;
    let (input, output, rest) = match &counts[..] {
        [input, output, rest @ ..] if rest.len() <= 2 => (*input, *output, rest),
        _ => return None,
    };
    let cached_input = rest.first().copied().unwrap_or(0);
    let reasoning = rest.get(1).copied().unwrap_or(0);
    (cached_input <= input && reasoning <= output).then_some(Tokens {
        input: Some(input),
        cached_input: Some(cached_input),
        cache_write: None,
        output: Some(output),
        reasoning: Some(reasoning),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_behaviours_are_read_word_by_word() {
        let ms = Duration::from_millis;
        let exact =
            Tokens { input: Some(9), cached_input: Some(4), cache_write: None, output: Some(2), reasoning: Some(0) };
        for (text, expected) in [
            ("", Behaviour::default()),
            ("ok", Behaviour::default()),
            ("429", Behaviour::rate_limited(ms(1_000))),
            ("429; bare", Behaviour::status(429)),
            ("503;retry-after-ms=20", Behaviour { reply: refused(503, ms(20)), ..Behaviour::default() }),
            ("hang;first-byte-ms=5", Behaviour::reply(Reply::Hang).first_byte_after(ms(5))),
            ("frame-ms=3;cut-after-frames=2", Behaviour::ending(Ending::CutAfterFrames(2)).frame_every(ms(3))),
            ("usage=9/2/4", Behaviour::default().usage(UsageReport::Exactly(exact))),
            ("crlf;comments", Behaviour { crlf: true, comments: true, ..Behaviour::default() }),
            ("write-bytes=1;frames=7", Behaviour::default().write_bytes(1).frames(7)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn azure_behaviours_that_make_no_sense_are_refused_by_name() {
        for text in [
            "slow",
            "200",
            "700",
            "bare",
            "retry-after-ms=5",
            "frame-ms",
            "frame-ms=",
            "frame-ms=-1",
            "write-bytes=0",
            "text-bytes=4000000000",
            "frames=100001",
            "usage=1",
            "usage=1/2/3",
            "usage=1/2/1/3",
            "usage=1/2/1/1/1",
            "hang=1",
            "times=2",
            "key=a",
        ] {
            assert!(text.parse::<Behaviour>().is_err(), "{text}");
        }
        assert_eq!(Spoken::parse("503;times=x").unwrap_err().to_string(), "`times=x` is no behaviour");
        assert_eq!(Spoken::parse("503;times=2;key=a").unwrap().times, Some(2));
    }

    fn refused(status: u16, retry_after: Duration) -> Reply {
        Reply::Refused { status, retry_after: Some(retry_after) }
    }
}
