//! Headers to controls.

use std::borrow::Cow;

use gatelog_pricing::CustomCost;
use http::HeaderMap;

use super::{
    AUTHORIZATION, BACKOFF, BadHeader, CACHE_KEY, CACHE_TTL, COLLECT_LOG, COLLECT_LOG_PAYLOAD, CUSTOM_COST, Controls,
    EVENT_ID, HeaderMode, MAX_ATTEMPTS, METADATA, Metadata, OLD_CACHE_TTL, OLD_SKIP_CACHE, OTEL_PARENT_SPAN_ID,
    OTEL_TRACE_ID, REQUEST_TIMEOUT, RETRY_DELAY, ReadControls, SKIP_CACHE,
    bounds::{self, Problem, digits},
};

impl Controls {
    /// Reads the control headers of a request or of a universal entry.
    ///
    /// Spaces and tabs around a value do not count. A header that is sent twice must say the same twice; lenient
    /// reading takes the first. Of a header with an old and a new name the new one is the first.
    ///
    /// # Errors
    ///
    /// [`BadHeader`], strict only, for the first header in alphabetical order that cannot be understood.
    pub fn read(headers: &HeaderMap, mode: HeaderMode) -> Result<ReadControls, BadHeader> {
        let mut reader = Reader { headers, mode, left_out: Vec::new() };
        let controls = Self {
            authorization: reader.text(&[AUTHORIZATION], bounds::bearer)?,
            backoff: reader.text(&[BACKOFF], bounds::backoff)?,
            cache_key: reader.text(&[CACHE_KEY], bounds::cache_key)?,
            cache_ttl: reader.text(&[CACHE_TTL, OLD_CACHE_TTL], |text| bounds::cache_ttl(digits(text)))?,
            collect_log: reader.text(&[COLLECT_LOG], bounds::flag)?,
            collect_log_payload: reader.text(&[COLLECT_LOG_PAYLOAD], bounds::flag)?,
            custom_cost: reader.custom_cost()?,
            event_id: reader.text(&[EVENT_ID], bounds::event_id)?,
            max_attempts: reader.text(&[MAX_ATTEMPTS], |text| bounds::max_attempts(digits(text)))?,
            metadata: reader.metadata()?,
            otel_parent_span_id: reader.text(&[OTEL_PARENT_SPAN_ID], bounds::span_id)?,
            otel_trace_id: reader.text(&[OTEL_TRACE_ID], bounds::trace_id)?,
            request_timeout: reader.text(&[REQUEST_TIMEOUT], |text| bounds::request_timeout(digits(text)))?,
            retry_delay: reader.text(&[RETRY_DELAY], |text| bounds::retry_delay(digits(text)))?,
            skip_cache: reader.text(&[SKIP_CACHE, OLD_SKIP_CACHE], bounds::flag)?,
        };
        Ok(ReadControls { controls, left_out: reader.left_out })
    }
}

/// Reads headers one after the other and notes what it leaves out.
struct Reader<'a> {
    headers: &'a HeaderMap,
    mode: HeaderMode,
    left_out: Vec<&'static str>,
}

impl Reader<'_> {
    fn text<T>(
        &mut self,
        names: &[&'static str],
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<Option<T>, BadHeader> {
        self.bytes(names, |value| {
            let text = str::from_utf8(value).map_err(|_| "must be UTF-8")?;
            Ok(parse(text)?)
        })
    }

    fn custom_cost(&mut self) -> Result<Option<CustomCost>, BadHeader> {
        self.bytes(&[CUSTOM_COST], |value| {
            let json = str::from_utf8(value).map_err(|_| "must be UTF-8")?;
            if !json.starts_with('{') {
                return Err("must be a JSON object".into());
            }
            CustomCost::parse(json).map_err(|error| format!("cannot be billed: {error}").into())
        })
    }

    fn metadata(&mut self) -> Result<Option<Metadata>, BadHeader> {
        let mode = self.mode;
        let Some(read) = self.bytes(&[METADATA], |value| Metadata::parse(value, mode))? else { return Ok(None) };
        if read.is_partial {
            self.leave_out(METADATA);
        }
        Ok(Some(read.metadata))
    }

    /// Reads the header that goes by any of these names, the preferred one first.
    fn bytes<T>(
        &mut self,
        names: &[&'static str],
        parse: impl FnOnce(&[u8]) -> Result<T, Cow<'static, str>>,
    ) -> Result<Option<T>, BadHeader> {
        let headers = self.headers;
        let of = |&name| headers.get_all(name).iter().map(move |value| (name, trimmed(value.as_bytes())));
        let mut values = names.iter().flat_map(of);
        let Some((name, value)) = values.next() else { return Ok(None) };
        if values.any(|(_, other)| other != value) {
            self.bad(name, "must not be sent twice with different values".into())?;
        }
        match parse(value) {
            Ok(parsed) => Ok(Some(parsed)),
            Err(problem) => self.bad(name, problem).map(|()| None),
        }
    }

    fn bad(&mut self, header: &'static str, problem: Cow<'static, str>) -> Result<(), BadHeader> {
        match self.mode {
            HeaderMode::Strict => Err(BadHeader { header, problem }),
            HeaderMode::Lenient => {
                self.leave_out(header);
                Ok(())
            }
        }
    }

    fn leave_out(&mut self, header: &'static str) {
        if !self.left_out.contains(&header) {
            self.left_out.push(header);
        }
    }
}

/// Without optional whitespace around it (RFC 9110, section 5.5).
fn trimmed(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}
