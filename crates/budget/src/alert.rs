//! Alerts: a budget passed a threshold, and somebody is to be told once.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use gatelog_model::{TenantId, TimestampMicros};

use crate::{BudgetId, HolderId, Period, StoreError, Unit, Window};

/// How much of a budget is used when somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Threshold {
    /// 80 %: it will not last.
    Warning,
    /// 100 %, or as near to it that a request did not fit any more: requests are refused.
    Exceeded,
}

impl Threshold {
    /// Every threshold, the lowest first.
    pub const ALL: [Self; 2] = [Self::Warning, Self::Exceeded];

    /// The share in percent.
    pub const fn percent(self) -> u8 {
        match self {
            Self::Warning => 80,
            Self::Exceeded => 100,
        }
    }

    /// The threshold of a share that [`Threshold::percent`] gave.
    pub fn from_percent(percent: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|threshold| threshold.percent() == percent)
    }

    /// Whether `used` is at least this share of `limit`.
    pub fn is_reached(self, used: u64, limit: u64) -> bool {
        u128::from(used) * 100 >= u128::from(limit) * u128::from(self.percent())
    }
}

/// A threshold was passed: once per budget, tenant, window and threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Which budget.
    pub budget: BudgetId,
    /// Whose use of it.
    pub tenant: TenantId,
    /// What it counts.
    pub unit: Unit,
    /// Its windows.
    pub period: Period,
    /// The window it was passed in.
    pub window: Window,
    /// Which threshold.
    pub threshold: Threshold,
    /// Used when it was passed.
    pub used: u64,
    /// The limit then.
    pub limit: u64,
    /// When, by the store's clock.
    pub crossed_at: TimestampMicros,
}

impl Alert {
    /// The message for Slack: plain text with backquotes around the budget's name.
    ///
    /// A tenant's name comes from outside: what Slack would read as a mention or a link is escaped
    /// ([Slack, "Escaping text"](https://docs.slack.dev/messaging/formatting-message-text)).
    pub fn slack_text(&self) -> String {
        let tenant = self.tenant.as_str().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let noun = match self.unit {
            Unit::Requests => "request",
            Unit::Tokens => "token",
            Unit::PicoUsd => "cost",
        };
        let (share, then) = match self.threshold {
            Threshold::Warning => ("used 80 % of", ""),
            Threshold::Exceeded => ("used up", ": requests are refused"),
        };
        format!(
            "tenant {tenant} has {share} its {noun} budget `{}` ({}, {} of {}){then}",
            self.budget,
            self.window_text(),
            self.unit.display(self.used),
            self.unit.display(self.limit)
        )
    }

    /// The window as a person names it, calendar ones in their own zone.
    fn window_text(&self) -> String {
        let start = self.window.start.to_datetime();
        match self.period {
            Period::Day(zone) => start.with_timezone(&zone).format("%Y-%m-%d").to_string(),
            Period::Month(zone) => start.with_timezone(&zone).format("%Y-%m").to_string(),
            Period::Fixed(length) | Period::Sliding(length) => {
                format!("{} s from {}", length.seconds(), start.format("%Y-%m-%dT%H:%M:%SZ"))
            }
        }
    }
}

/// Number of an alert in its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub i64);

/// The right to post one alert, until somebody else claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertClaim {
    /// Which alert.
    pub id: AlertId,
    /// Who has it.
    pub holder: HolderId,
    /// How often it was claimed, this time included: fences a holder that was too slow, and paces retries.
    pub attempt: u32,
}

/// An alert to post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedAlert {
    /// The right to post it.
    pub claim: AlertClaim,
    /// What to post.
    pub alert: Alert,
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Hands out alerts, so that of several gateways one posts each.
///
/// A post whose answer was lost, or whose poster dies before it says so, is made again: at least once, and once as a rule.
#[async_trait]
pub trait AlertQueue: Send + Sync + fmt::Debug {
    /// Takes up to `count_max` alerts that are due, the oldest first; nobody else gets them before `lease` has passed.
    async fn claim_alerts(
        &self,
        holder: HolderId,
        count_max: u32,
        lease: Duration,
    ) -> Result<Vec<ClaimedAlert>, StoreError>;

    /// Says that it was posted; `false` if somebody else has claimed it meanwhile.
    async fn mark_posted(&self, claim: &AlertClaim) -> Result<bool, StoreError>;

    /// Says that it could not be posted; it is due again after `retry_after`. `false` as above.
    async fn mark_failed(&self, claim: &AlertClaim, retry_after: Duration) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn alert(tenant: &str, unit: Unit, period: Period) -> Alert {
        let at = TimestampMicros::clamped("2026-11-24T10:30:00Z".parse().unwrap());
        Alert {
            budget: BudgetId::parse("daily-tokens").unwrap(),
            tenant: TenantId::parse(tenant).unwrap(),
            unit,
            period,
            window: period.window_at(at),
            threshold: Threshold::Warning,
            used: 800_000,
            limit: 1_000_000,
            crossed_at: at,
        }
    }

    #[test]
    fn the_message_says_who_what_and_how_much() {
        let day = Period::Day(Tz::Africa__Johannesburg);
        assert_eq!(
            alert("acme", Unit::Tokens, day).slack_text(),
            "tenant acme has used 80 % of its token budget `daily-tokens` (2026-11-24, 800,000 of 1,000,000)"
        );
        assert_eq!(
            alert("<!channel> & co", Unit::PicoUsd, Period::Month(Tz::UTC)).slack_text(),
            "tenant &lt;!channel&gt; &amp; co has used 80 % of its cost budget `daily-tokens` (2026-11, \
             0.0000008 USD of 0.000001 USD)"
        );
    }

    #[test]
    fn a_budget_that_refuses_is_used_up() {
        let day = Period::Day(Tz::UTC);
        let refusing = Alert { threshold: Threshold::Exceeded, used: 979_000, ..alert("acme", Unit::Tokens, day) };
        assert_eq!(
            refusing.slack_text(),
            "tenant acme has used up its token budget `daily-tokens` (2026-11-24, 979,000 of 1,000,000): requests are refused"
        );
    }

    #[test]
    fn thresholds_are_reached_at_their_share() {
        assert!(!Threshold::Warning.is_reached(799, 1_000) && Threshold::Warning.is_reached(800, 1_000));
        assert!(!Threshold::Exceeded.is_reached(999, 1_000) && Threshold::Exceeded.is_reached(1_000, 1_000));
        assert!(Threshold::Exceeded.is_reached(u64::MAX, u64::MAX));
        assert_eq!(Threshold::ALL.map(|one| Threshold::from_percent(one.percent())), Threshold::ALL.map(Some));
    }
}
