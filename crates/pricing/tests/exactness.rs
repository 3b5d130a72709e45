//! Money adds up, whatever is counted; custom costs and the deployment map.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use gatelog_model::{DeploymentType, PicoUsd, TOKENS_MAX, TimestampMicros, Tokens};
use gatelog_pricing::{Charge, CustomCost, DeploymentEntry, DeploymentMap, Mode, Priced, RateBook, UnpricedReason};
use proptest::prelude::*;

static BOOK: LazyLock<RateBook> = LazyLock::new(RateBook::builtin);

fn price(tokens: &Tokens) -> Priced {
    BOOK.price(&Charge {
        model: "gpt-4o-2024-11-20",
        version: None,
        deployment_type: Some(DeploymentType::Regional),
        region: Some("southafricanorth"),
        mode: Mode::Standard,
        at: TimestampMicros::try_new(1_790_000_000_000_000).unwrap(),
        tokens,
    })
}

fn cost(tokens: &Tokens) -> PicoUsd {
    match price(tokens) {
        Priced::Rated { cost, .. } => cost,
        Priced::Unpriced(reason) => panic!("unpriced: {reason:?}"),
    }
}

prop_compose! {
    fn any_tokens()(
        plain in 0..TOKENS_MAX / 2,
        cached_input in 0..TOKENS_MAX / 4,
        cache_write in 0..TOKENS_MAX / 4,
        output in 0..TOKENS_MAX,
    ) -> Tokens {
        Tokens {
            input: Some(plain + cached_input + cache_write),
            cached_input: Some(cached_input),
            cache_write: Some(cache_write),
            output: Some(output),
            reasoning: None,
        }
    }
}

fn plus(left: &Tokens, right: &Tokens) -> Tokens {
    let add = |left: Option<u64>, right: Option<u64>| Some(left? + right?);
    Tokens {
        input: add(left.input, right.input),
        cached_input: add(left.cached_input, right.cached_input),
        cache_write: add(left.cache_write, right.cache_write),
        output: add(left.output, right.output),
        reasoning: None,
    }
}

proptest! {
    #[test]
    fn parts_cost_what_the_whole_costs(parts in prop::collection::vec(any_tokens(), 1..8)) {
        let whole = parts.iter().skip(1).fold(parts[0], |sum, part| plus(&sum, part));
        let sum: PicoUsd = parts.iter().map(cost).sum();
        prop_assert_eq!(sum, cost(&whole));

        let custom = CustomCost::parse(
            r#"{"per_token_in": 0.0000025, "per_token_out": 1e-5, "per_cache_read_token": 0.000000000001}"#,
        ).unwrap();
        let sum: PicoUsd = parts.iter().map(|part| custom.cost(part).unwrap()).sum();
        prop_assert_eq!(sum, custom.cost(&whole).unwrap());
    }

    #[test]
    fn any_counts_are_priced_or_refused_without_a_panic(
        input in prop::option::of(any::<u64>()), cached_input in prop::option::of(any::<u64>()),
        cache_write in prop::option::of(any::<u64>()), output in prop::option::of(any::<u64>()),
    ) {
        let tokens = Tokens { input, cached_input, cache_write, output, reasoning: None };
        price(&tokens);
    }

    #[test]
    fn decimal_prices_round_trip(pico_usd in 0_u64..=1_000_000_000_000) {
        let text = PicoUsd::new(i128::from(pico_usd)).to_string();
        let custom = CustomCost::parse(&format!(r#"{{"per_token_in": {text}, "per_token_out": 0}}"#)).unwrap();
        let one = Tokens { input: Some(1), ..Tokens::default() };
        prop_assert_eq!(custom.cost(&one).unwrap().pico_usd(), i128::from(pico_usd));
    }
}

#[test]
fn the_largest_counts_do_not_overflow() {
    let tokens = Tokens { input: Some(u64::MAX), output: Some(u64::MAX), ..Tokens::default() };
    let expected = i128::from(u64::MAX) * (3_025_000 + 12_100_000);
    assert_eq!(cost(&tokens), PicoUsd::new(expected));
    let dear = CustomCost::parse(r#"{"per_token_in": 1, "per_token_out": 1.0}"#).unwrap();
    assert_eq!(dear.cost(&tokens), Ok(PicoUsd::new(2 * i128::from(u64::MAX) * 1_000_000_000_000)));
}

#[test]
fn custom_costs_follow_cloudflares_defaults() {
    let custom = CustomCost::parse(r#"{"per_token_in": 0.000001, "per_token_out": 0.000002}"#).unwrap();
    let used = Tokens { input: Some(10), cached_input: Some(4), output: Some(3), ..Tokens::default() };
    assert_eq!(custom.cost(&used), Ok(PicoUsd::new(16_000_000)));
    assert_eq!(custom.cost(&Tokens::default()), Err(UnpricedReason::NoTokens));
    let total = CustomCost::parse(r#"{"total_cost": 0.25}"#).unwrap();
    assert_eq!(total.cost(&Tokens::default()), Ok(PicoUsd::new(250_000_000_000)));
    for (json, message) in [
        ("{}", "custom cost needs `per_token_in` and `per_token_out`, or `total_cost` alone"),
        (r#"{"per_token_in":1}"#, "custom cost needs `per_token_in` and `per_token_out`, or `total_cost` alone"),
        (
            r#"{"per_token_in":0.0000000000001,"per_token_out":0}"#,
            "`per_token_in` of the custom cost has more than 12 decimals",
        ),
        (r#"{"per_token_in":-1,"per_token_out":0}"#, "`per_token_in` of the custom cost is negative"),
        (r#"{"per_token_in":2.5,"per_token_out":0}"#, "`per_token_in` of the custom cost is too large"),
        (r#"{"per_token_in":"1","per_token_out":0}"#, "`per_token_in` of the custom cost is no decimal number"),
        (r#"{"per_token":1}"#, "custom cost is no JSON object of known fields"),
        ("[", "custom cost is no JSON object of known fields"),
    ] {
        assert_eq!(CustomCost::parse(json).unwrap_err().to_string(), message, "{json}");
    }
}

fn entry(json: &str) -> Result<DeploymentEntry, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn deployments_are_found_in_any_case_and_repeated_ones_are_named() {
    let chat = entry(
        r#"{"resource":"Contoso-ZA","deployment":"Chat","model":"gpt-4o","version":"2024-11-20",
            "deployment_type":"regional","region":"southafricanorth"}"#,
    )
    .unwrap();
    let map = DeploymentMap::try_new(vec![chat.clone()]).unwrap();
    assert_eq!(map.lookup("contoso-za", "CHAT"), Some(&chat));
    assert_eq!((map.lookup("contoso-za", "other"), map.lookup("other", "chat"), map.len()), (None, None, 1));

    let again = DeploymentEntry { deployment: "chat".into(), ..chat.clone() };
    let error = DeploymentMap::try_new(vec![chat.clone(), again]).unwrap_err().to_string();
    assert_eq!(error, "deployments 1 and 2 (counted from 1) both describe `chat` of `Contoso-ZA`");
    let error = DeploymentMap::try_new(vec![DeploymentEntry { region: None, ..chat }]).unwrap_err().to_string();
    assert_eq!(error, "deployment 1 (counted from 1), `Chat` of `Contoso-ZA`, is regional but has no `region`");
    assert!(entry(r#"{"resource":"a","deployment":"b","model":"c","deployment_type":"world"}"#).is_err());
    assert!(entry(r#"{"resource":"a","deployment":"b","model":"c","deployment_type":"ptu","x":1}"#).is_err());
}
