//! The sections of budgets.

use std::{path::PathBuf, time::Duration};

use gatelog_budget::{Amount, Budget, BudgetId, Period, Unit, WindowLength};
use gatelog_model::TenantId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Secret, secret};

/// Pico-dollars in a dollar.
const PICO_PER_USD: u64 = 1_000_000_000_000;

/// What the gateway does when the database does not answer and its leased slice is used up.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoreDown {
    /// Refuse: a budget is never passed.
    #[default]
    Deny,
    /// Let through and count.
    Allow,
}

/// What tenants may use.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BudgetsSection {
    /// What happens when the database does not answer and the leased slice is used up.
    pub(crate) on_store_down: StoreDown,
    /// Webhook that is told, in Slack's format, when a budget passes 80 % and 100 %; a secret.
    pub(crate) webhook_url: Secret,
    /// File with the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook_url_file: Option<PathBuf>,
    /// The budgets. With a database they are stored there at the start, beside those of `gatelog budget`.
    pub(crate) list: Vec<BudgetEntry>,
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnitName {
    /// Requests.
    Requests,
    /// Tokens, input and output.
    Tokens,
    /// Whole and broken US dollars.
    Usd,
}

/// Its windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeriodName {
    /// Days of `reporting.time_zone`.
    Day,
    /// Months of `reporting.time_zone`.
    Month,
    /// Windows of `seconds`, one after the other.
    Fixed,
    /// The last `seconds`, as Cloudflare counts them.
    Sliding,
}

/// One budget.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetEntry {
    /// Its name.
    pub(crate) id: String,
    /// Whose it is; without one every tenant has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    /// What it counts.
    pub(crate) unit: UnitName,
    /// Its windows.
    pub(crate) per: PeriodName,
    /// Length of fixed and sliding windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<u64>,
    /// How much is allowed per window: requests, tokens, or dollars as decimal text such as `12.50`.
    pub(crate) amount: String,
}

impl BudgetsSection {
    /// The webhook, if there is one.
    pub(crate) fn webhook(&self) -> Result<Option<Secret>, ConfigError> {
        secret("budgets.webhook_url", &self.webhook_url, self.webhook_url_file.as_ref())
    }

    /// The budgets; days and months are those of `time_zone`.
    pub(crate) fn budgets(&self, time_zone: &str) -> Result<Vec<Budget>, ConfigError> {
        self.list.iter().map(|entry| entry.budget(time_zone)).collect()
    }
}

impl BudgetEntry {
    fn budget(&self, time_zone: &str) -> Result<Budget, ConfigError> {
        let invalid = |problem: String| ConfigError::Invalid {
            key: "budgets.list",
            problem: format!("budget `{}`: {problem}", self.id),
        };
        let id = BudgetId::parse(&self.id).map_err(|error| invalid(error.to_string()))?;
        let tenant = self.tenant.as_deref().map(TenantId::parse).transpose();
        let tenant = tenant.map_err(|error| invalid(error.to_string()))?;
        let zone = || time_zone.parse().map_err(|_| invalid(format!("`{time_zone}` is no IANA time zone")));
        let length = || {
            let seconds = self.seconds.ok_or_else(|| invalid("fixed and sliding windows need `seconds`".to_owned()))?;
            WindowLength::try_new(Duration::from_secs(seconds)).map_err(|error| invalid(error.to_string()))
        };
        let period = match self.per {
            PeriodName::Day => Period::Day(zone()?),
            PeriodName::Month => Period::Month(zone()?),
            PeriodName::Fixed => Period::Fixed(length()?),
            PeriodName::Sliding => Period::Sliding(length()?),
        };
        let (unit, amount) = self.amount().ok_or_else(|| {
            invalid(format!("`{}` is no amount: a whole number, or dollars with at most 12 decimals", self.amount))
        })?;
        let amount = Amount::try_new(amount).map_err(|error| invalid(error.to_string()))?;
        Ok(Budget { id, tenant, unit, period, amount })
    }

    fn amount(&self) -> Option<(Unit, u64)> {
        match self.unit {
            UnitName::Requests => Some((Unit::Requests, self.amount.parse().ok()?)),
            UnitName::Tokens => Some((Unit::Tokens, self.amount.parse().ok()?)),
            UnitName::Usd => Some((Unit::PicoUsd, pico_usd(&self.amount)?)),
        }
    }
}

/// Reads dollars without a float in between.
fn pico_usd(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 12 || !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let pico: u64 = format!("{decimals:0<12}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(PICO_PER_USD)?.checked_add(pico)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly() {
        assert_eq!(pico_usd("12.50"), Some(12_500_000_000_000));
        assert_eq!(pico_usd("0.000000000001"), Some(1));
        assert_eq!(pico_usd("3"), Some(3_000_000_000_000));
        for bad in ["", ".5", "1.0000000000001", "-1", "1e3", "1.2.3", "99999999999999999999"] {
            assert_eq!(pico_usd(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_budget_says_what_is_wrong_with_it() {
        let entry = BudgetEntry {
            id: "daily".into(),
            tenant: None,
            unit: UnitName::Tokens,
            per: PeriodName::Sliding,
            seconds: None,
            amount: "5".into(),
        };
        assert!(entry.budget("UTC").unwrap_err().to_string().contains("need `seconds`"));
        let daily = BudgetEntry { per: PeriodName::Day, ..entry };
        assert_eq!(daily.budget("Africa/Johannesburg").unwrap().amount.get(), 5);
        assert!(daily.budget("Mars").unwrap_err().to_string().contains("no IANA time zone"));
    }
}
