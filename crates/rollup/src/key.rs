//! What requests are totalled by.

use gatelog_model::{Event, Outcome, TimestampMicros};

/// What of the key is configurable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupOptions {
    /// Whether users get totals of their own; without, `user_id` is `None` in every key, and there are far fewer cells.
    pub keep_users: bool,
}

/// One cell's key; the order of fields is the order of rows in a batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// Start of the hour.
    pub hour: TimestampMicros,
    /// Gateway as sent.
    pub gateway_id: String,
    /// Tenant; `None` is a group of its own.
    pub tenant_id: Option<String>,
    /// User, if users are kept.
    pub user_id: Option<String>,
    /// Provider slug as sent.
    pub provider: String,
    /// Azure deployment.
    pub deployment: Option<String>,
    /// The model that answered, else the one asked for: a request that failed still belongs to a model.
    pub model: Option<String>,
    /// Prompt version, from the metadata.
    pub prompt_version: Option<String>,
    /// How the requests ended.
    pub outcome: Outcome,
    /// Whether the gateway's cache answered.
    pub cached: bool,
}

impl RollupKey {
    /// The key of the cell that counts `event`.
    pub fn of(event: &Event, options: &RollupOptions) -> Self {
        Self {
            hour: event.event_time.hour(),
            gateway_id: event.gateway_id.clone(),
            tenant_id: event.tenant_id.clone(),
            user_id: event.user_id.as_ref().filter(|_| options.keep_users).cloned(),
            provider: event.provider.clone(),
            deployment: event.deployment.clone(),
            model: event.model.as_ref().or(event.model_requested.as_ref()).cloned(),
            prompt_version: event.prompt_version.clone(),
            outcome: event.outcome,
            cached: event.cached,
        }
    }
}
