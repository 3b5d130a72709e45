//! Chat completions, and legacy completions, which differ in names.

use gatelog_model::Operation;

use super::{
    asked::Asked,
    behaviour::Behaviour,
    frames::{Rendered, Stream},
    route::Api,
    said::{Finish, Said},
    stamp::{Stamp, chat_usage, completions_usage},
};

const FINGERPRINT: &str = r#""system_fingerprint":"fp_ee1d74bde0""#;
/// OpenAI pads frames against an observer who measures them; readers must skip it.
const OBFUSCATION: &str = r#","obfuscation":"Xq3vT0aPw""#;

/// The two dialects of one shape.
struct Dialect {
    id_prefix: &'static str,
    object: &'static str,
    chunk_object: &'static str,
    is_chat: bool,
}

const CHAT: Dialect =
    Dialect { id_prefix: "chatcmpl-", object: "chat.completion", chunk_object: "chat.completion.chunk", is_chat: true };
const COMPLETIONS: Dialect =
    Dialect { id_prefix: "cmpl-", object: "text_completion", chunk_object: "text_completion", is_chat: false };

/// Renders an answer of chat or completions, plain or as a stream.
pub(super) fn render(operation: Operation, stamp: &Stamp, said: &Said, asked: &Asked<'_>, how: &Behaviour) -> Rendered {
    let dialect = if operation == Operation::Completions { COMPLETIONS } else { CHAT };
    if asked.is_stream() { stream(&dialect, stamp, said, asked, how) } else { plain(&dialect, stamp, said) }
}

fn plain(dialect: &Dialect, stamp: &Stamp, said: &Said) -> Rendered {
    let id = format!("{}{}", dialect.id_prefix, stamp.unique);
    let filter = stamp.choice_filter(said.finish == Finish::Filtered);
    let prompt_filter = stamp.prompt_filter();
    let text = &said.text;
    let content = match dialect.is_chat {
        true => format!(r#""message":{{"annotations":[],"content":"{text}","refusal":null,"role":"assistant"}}"#),
        false => format!(r#""text":"{text}""#),
    };
    let usage = if stamp.reports_usage { format!(r#","usage":{}"#, usage(dialect, said)) } else { String::new() };
    let (finish, created, model, object) = (said.finish.as_str(), stamp.created, &stamp.model, dialect.object);
    let body = format!(
        r#"{{"choices":[{{{filter}"finish_reason":"{finish}","index":0,"logprobs":null,{content}}}],"created":{created},"id":"{id}","model":{model},"object":"{object}",{prompt_filter}{FINGERPRINT}{usage}}}"#
    );
    Rendered::plain(body, id)
}

/// Azure's order: a frame about the prompt alone, the role, the text, the finish, and usage if it was asked for.
fn stream(dialect: &Dialect, stamp: &Stamp, said: &Said, asked: &Asked<'_>, how: &Behaviour) -> Rendered {
    let id = format!("{}{}", dialect.id_prefix, stamp.unique);
    let (created, model, object) = (stamp.created, &stamp.model, dialect.chunk_object);
    let wants_usage = asked.wants_usage() && stamp.reports_usage;
    let tail = format!(r#""created":{created},"id":"{id}","model":{model},"object":"{object}",{FINGERPRINT}"#);
    let no_usage = if wants_usage { r#","usage":null"# } else { "" };
    let tail_of_choice = format!("{tail}{no_usage}");

    let mut frames = Stream::new(how);
    if stamp.api == Api::Azure {
        let about_prompt = stamp.prompt_filter();
        frames.data(&[
            r#"{"choices":[],"created":0,"id":"","model":"","object":"","#,
            about_prompt.trim_end_matches(','),
            "}",
        ]);
    }
    if dialect.is_chat {
        frames.data(&[
            r#"{"choices":[{"#,
            no_filter(stamp.api),
            r#""delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"#,
            &tail_of_choice,
            "}",
        ]);
    }
    let filter = stamp.choice_filter(false);
    let (before, after) = match dialect.is_chat {
        true => (
            format!(r#"{{"choices":[{{{filter}"delta":{{"content":""#),
            format!(r#""}},"finish_reason":null,"index":0,"logprobs":null}}],{tail_of_choice}{OBFUSCATION}}}"#),
        ),
        false => (
            format!(r#"{{"choices":[{{{filter}"finish_reason":null,"index":0,"logprobs":null,"text":""#),
            format!(r#""}}],{tail_of_choice}}}"#),
        ),
    };
    for piece in said.pieces() {
        frames.data(&[&before, piece, &after]);
    }
    frames.data(&[&finish_frame(dialect, stamp, said.finish, &tail_of_choice)]);
    if wants_usage {
        frames.data(&[r#"{"choices":[],"#, &tail, r#","usage":"#, &usage(dialect, said), "}"]);
    }
    frames.done();
    frames.finish(id)
}

fn finish_frame(dialect: &Dialect, stamp: &Stamp, finish: Finish, tail: &str) -> String {
    let filter = match finish {
        Finish::Filtered => stamp.choice_filter(true),
        Finish::Stop | Finish::Length => no_filter(stamp.api).to_owned(),
    };
    let content = if dialect.is_chat { r#""delta":{}"# } else { r#""text":"""# };
    let finish = finish.as_str();
    format!(r#"{{"choices":[{{{filter}{content},"finish_reason":"{finish}","index":0,"logprobs":null}}],{tail}}}"#)
}

/// Frames without text have empty filter results on Azure.
fn no_filter(api: Api) -> &'static str {
    match api {
        Api::Azure => r#""content_filter_results":{},"#,
        Api::OpenAi => "",
    }
}

fn usage(dialect: &Dialect, said: &Said) -> String {
    if dialect.is_chat { chat_usage(&said.tokens) } else { completions_usage(&said.tokens) }
}
