//! What was said where, and which of it counts.

use http::HeaderMap;

use super::{
    AUTHORIZATION, BadHeader, Controls, EVENT_ID, EntryConfig, HeaderMode, METADATA, OTEL_PARENT_SPAN_ID,
    OTEL_TRACE_ID, ReadControls,
};

/// What a request says once for all its entries: who asks, and how the record and the trace of it are found. If an
/// entry could say otherwise, a request let in for one tenant could be written down for another.
const REQUEST_ONLY: &[&str] = &[AUTHORIZATION, EVENT_ID, METADATA, OTEL_PARENT_SPAN_ID, OTEL_TRACE_ID];

impl Controls {
    /// These controls where they say something, the lower layer's elsewhere.
    ///
    /// Fields are taken whole: metadata of two layers are not mixed.
    #[must_use]
    pub fn over(self, lower: &Self) -> Self {
        Self {
            authorization: self.authorization.or_else(|| lower.authorization.clone()),
            backoff: self.backoff.or(lower.backoff),
            cache_key: self.cache_key.or_else(|| lower.cache_key.clone()),
            cache_ttl: self.cache_ttl.or(lower.cache_ttl),
            collect_log: self.collect_log.or(lower.collect_log),
            collect_log_payload: self.collect_log_payload.or(lower.collect_log_payload),
            custom_cost: self.custom_cost.or(lower.custom_cost),
            event_id: self.event_id.or_else(|| lower.event_id.clone()),
            max_attempts: self.max_attempts.or(lower.max_attempts),
            metadata: self.metadata.or_else(|| lower.metadata.clone()),
            otel_parent_span_id: self.otel_parent_span_id.or(lower.otel_parent_span_id),
            otel_trace_id: self.otel_trace_id.or(lower.otel_trace_id),
            request_timeout: self.request_timeout.or(lower.request_timeout),
            retry_delay: self.retry_delay.or(lower.retry_delay),
            skip_cache: self.skip_cache.or(lower.skip_cache),
        }
    }

    /// The controls of a request with what an entry's `config` says put over them.
    #[must_use]
    pub fn overridden_by(&self, config: &EntryConfig) -> Self {
        let entry = Self {
            backoff: config.backoff,
            cache_ttl: config.cache_ttl,
            max_attempts: config.max_attempts,
            request_timeout: config.request_timeout,
            retry_delay: config.retry_delay,
            skip_cache: config.skip_cache,
            ..Self::default()
        };
        entry.over(self)
    }

    /// The controls of a request with an entry's `config` and, over that, its headers.
    ///
    /// # Errors
    ///
    /// [`BadHeader`], strict only, as [`Controls::read`], and for a header that only the request may have: its
    /// authorization, metadata, event id and trace. Lenient reading leaves those out.
    pub(crate) fn of_entry(
        &self,
        headers: &HeaderMap,
        config: &EntryConfig,
        mode: HeaderMode,
    ) -> Result<ReadControls, BadHeader> {
        let mut misplaced: Vec<_> = REQUEST_ONLY.iter().copied().filter(|name| headers.contains_key(*name)).collect();
        if let (HeaderMode::Strict, Some(header)) = (mode, misplaced.first()) {
            return Err(BadHeader { header, problem: "must be a header of the request, not of an entry".into() });
        }
        let ReadControls { controls, mut left_out } = Self::read(headers, mode)?;
        let entry = Self {
            authorization: None,
            event_id: None,
            metadata: None,
            otel_parent_span_id: None,
            otel_trace_id: None,
            ..controls
        };
        left_out.retain(|name| !misplaced.contains(name));
        left_out.append(&mut misplaced);
        Ok(ReadControls { controls: entry.over(&self.overridden_by(config)), left_out })
    }
}
