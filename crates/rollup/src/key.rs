//! What requests are totalled by.

use gatelog_model::{Event, Outcome, TimestampMicros};
use hashbrown::Equivalent;

/// What of the key is configurable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupOptions {
    /// Whether users get totals of their own; without, `user_id` is `None` in every key, and there are far fewer cells.
    pub keep_users: bool,
}

/// One cell's key; the order of fields is the order of rows in a batch.
///
/// `S` is `String` in a rollup. An event is looked up by a key of `&str`, since nearly every one falls into a cell that is
/// there; both hash alike because it is the same derived code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey<S> {
    /// Start of the hour.
    pub hour: TimestampMicros,
    /// Gateway as sent.
    pub gateway_id: S,
    /// Tenant; `None` is a group of its own.
    pub tenant_id: Option<S>,
    /// User, if users are kept.
    pub user_id: Option<S>,
    /// Provider slug as sent.
    pub provider: S,
    /// Azure deployment.
    pub deployment: Option<S>,
    /// The model that answered, else the one asked for: a request that failed still belongs to a model.
    pub model: Option<S>,
    /// Prompt version, from the metadata.
    pub prompt_version: Option<S>,
    /// How the requests ended.
    pub outcome: Outcome,
    /// Whether the gateway's cache answered.
    pub cached: bool,
}

/// The key of a cell.
pub type RollupKey = CellKey<String>;

impl<'e> CellKey<&'e str> {
    /// The key of the cell that counts `event`.
    pub(crate) fn of(event: &'e Event, options: &RollupOptions) -> Self {
        Self {
            hour: event.event_time.hour(),
            gateway_id: &event.gateway_id,
            tenant_id: event.tenant_id.as_deref(),
            user_id: event.user_id.as_deref().filter(|_| options.keep_users),
            provider: &event.provider,
            deployment: event.deployment.as_deref(),
            model: event.model.as_deref().or(event.model_requested.as_deref()),
            prompt_version: event.prompt_version.as_deref(),
            outcome: event.outcome,
            cached: event.cached,
        }
    }
}

impl RollupKey {
    fn borrowed(&self) -> CellKey<&str> {
        CellKey {
            hour: self.hour,
            gateway_id: &self.gateway_id,
            tenant_id: self.tenant_id.as_deref(),
            user_id: self.user_id.as_deref(),
            provider: &self.provider,
            deployment: self.deployment.as_deref(),
            model: self.model.as_deref(),
            prompt_version: self.prompt_version.as_deref(),
            outcome: self.outcome,
            cached: self.cached,
        }
    }
}

impl Equivalent<RollupKey> for CellKey<&str> {
    fn equivalent(&self, key: &RollupKey) -> bool {
        *self == key.borrowed()
    }
}

impl From<&CellKey<&str>> for RollupKey {
    fn from(key: &CellKey<&str>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            hour: key.hour,
            gateway_id: key.gateway_id.to_owned(),
            tenant_id: owned(key.tenant_id),
            user_id: owned(key.user_id),
            provider: key.provider.to_owned(),
            deployment: owned(key.deployment),
            model: owned(key.model),
            prompt_version: owned(key.prompt_version),
            outcome: key.outcome,
            cached: key.cached,
        }
    }
}
