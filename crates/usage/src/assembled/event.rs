//! Events that have one line of data and maybe a name.

/// The end of a stream of chat and completions.
const END: &str = "[DONE]";

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Data {
        name: Option<&'a str>,
        data: &'a str,
    },
    /// The stream says that it is over.
    End,
    /// It says something in another way.
    Foreign,
}

/// The events of a stream. Comments and empty lines are framing.
pub(super) struct Events<'a> {
    rest: &'a str,
}

impl<'a> Events<'a> {
    pub(super) fn new(stream: &'a str) -> Self {
        Self { rest: stream }
    }

    /// The next line, without its end; `None` behind the last.
    fn line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let (line, rest) = end.map_or((self.rest, ""), |end| (&self.rest[..end], &self.rest[end + 1..]));
        self.rest = rest;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// The event that begins with this line.
    fn event(&mut self, first: &'a str) -> Option<Event<'a>> {
        let name = first.strip_prefix("event:").map(str::trim_ascii);
        let data = if name.is_some() { self.line()? } else { first };
        let data = data.strip_prefix("data:")?.trim_ascii();
        let is_over = self.line().is_none_or(str::is_empty);
        is_over.then_some(if data == END { Event::End } else { Event::Data { name, data } })
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        loop {
            let line = self.line()?;
            if !line.is_empty() && !line.starts_with(':') {
                return Some(self.event(line).unwrap_or(Event::Foreign));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &str) -> Vec<Event<'_>> {
        Events::new(stream).collect()
    }

    #[test]
    fn comments_and_empty_lines_are_framing() {
        let data = |data| Event::Data { name: None, data };
        let stream = ": hello\n\n\n\ndata: a\n\n: b\n\ndata:c\r\n\r\ndata: [DONE]\n\nevent: x\ndata: d";
        assert_eq!(events(stream), [data("a"), data("c"), Event::End, Event::Data { name: Some("x"), data: "d" }]);
        assert_eq!(events(""), []);
    }

    #[test]
    fn what_says_more_than_name_and_data_is_foreign() {
        for stream in [
            "event: a\n\n",
            "id: 1\n\n",
            "data: a\ndata: b\n\n",
            "data: a\nid: 1\n\n",
            "{}",
            " data: a",
            "event: a\n: b\n",
        ] {
            assert_eq!(events(stream)[0], Event::Foreign, "{stream}");
        }
    }
}
