//! What a caller is told when the gateway itself says no.

use std::time::Duration;

use gatelog_budget::{Refusal, Unit};
use gatelog_model::PicoUsd;

use crate::error_body::{Cap, GatewayError, SpendLimit};

/// Ours: the token does not allow this.
const FORBIDDEN: u32 = 90_006;
/// Ours: something that the gateway needs is not there.
const UNAVAILABLE: u32 = 90_007;
/// When to come back if nobody knows better.
const SOON: Duration = Duration::from_secs(1);

impl GatewayError {
    /// The token is good, but not for this.
    pub(crate) fn forbidden(problem: &str) -> Self {
        Self { http: 403, code: FORBIDDEN, message: "Forbidden".to_owned(), description: problem.to_owned() }
    }

    /// The gateway lacks something that it needs to answer.
    pub(crate) fn unavailable(problem: &str) -> Self {
        Self { http: 503, code: UNAVAILABLE, message: "Unavailable".to_owned(), description: problem.to_owned() }
    }
}

/// The error of a refused reservation, and when to come back.
pub(crate) fn limit_error(refusal: &Refusal) -> (GatewayError, Duration) {
    let Refusal::Exceeded { budget, unit, window, limit, retry_after, .. } = refusal else {
        return (GatewayError::unavailable(&refusal.to_string()), SOON);
    };
    let spend = |cap| {
        let limit = SpendLimit { rule: budget.as_str(), cap, window: window.length(), asked: None };
        GatewayError::over_budget(&limit)
    };
    let error = match unit {
        Unit::Requests => GatewayError::rate_limited(),
        Unit::Tokens => spend(Cap::Tokens(*limit)),
        Unit::PicoUsd => spend(Cap::Cost(PicoUsd::new(i128::from(*limit)))),
    };
    (GatewayError { description: refusal.to_string(), ..error }, *retry_after)
}

#[cfg(test)]
mod tests {
    use gatelog_budget::{BudgetId, Window};
    use gatelog_model::TimestampMicros;

    use super::*;

    #[test]
    fn a_refusal_says_which_limit_and_when_to_come_back() {
        let start = TimestampMicros::clamped("2026-11-24T00:00:00Z".parse().unwrap());
        let refusal = |unit| Refusal::Exceeded {
            budget: BudgetId::parse("daily").unwrap(),
            unit,
            window: Window { start, end: start.plus_seconds(86_400) },
            limit: 1_000,
            used: 990,
            retry_after: Duration::from_secs(60),
        };
        let (tokens, wait) = limit_error(&refusal(Unit::Tokens));
        assert_eq!((tokens.http, tokens.code, wait.as_secs()), (429, 2045, 60));
        assert!(tokens.message.contains("rule 'daily' (token limit 1000 per 86400s"), "{}", tokens.message);
        let (requests, _) = limit_error(&refusal(Unit::Requests));
        assert_eq!((requests.http, requests.code, requests.message.as_str()), (429, 2003, "Rate limited"));
        assert!(requests.description.contains("990 of 1,000 requests"), "{}", requests.description);
        assert_eq!(limit_error(&Refusal::StoreDown).0.http, 503);
    }
}
