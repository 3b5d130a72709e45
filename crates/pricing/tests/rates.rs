//! Rate files: what the built-in one says, and what no file may say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gatelog_model::{DeploymentType, PicoUsd, TimestampMicros, Tokens};
use gatelog_pricing::{Charge, Mode, Priced, RateBook, RateFileError, UnpricedReason};

const HEADER: &str = "model,version,deployment_type,region,kind,mode,context,long_over,effective_from,\
                      picousd_per_token,rate_id";

fn day(date: &str) -> TimestampMicros {
    let date: chrono::NaiveDate = date.parse().unwrap();
    TimestampMicros::clamped(date.and_time(chrono::NaiveTime::MIN).and_utc())
}

fn tokens(input: u64, cached_input: u64, cache_write: u64, output: u64) -> Tokens {
    Tokens {
        input: Some(input),
        cached_input: Some(cached_input),
        cache_write: Some(cache_write),
        output: Some(output),
        reasoning: None,
    }
}

fn charge<'a>(model: &'a str, sold: DeploymentType, region: Option<&'a str>, tokens: &'a Tokens) -> Charge<'a> {
    Charge {
        model,
        version: None,
        deployment_type: Some(sold),
        region,
        mode: Mode::Standard,
        at: day("2026-07-15"),
        tokens,
    }
}

fn pico_usd(priced: &Priced) -> i128 {
    match priced {
        Priced::Rated { cost, .. } => cost.pico_usd(),
        Priced::Unpriced(reason) => panic!("unpriced: {reason:?}"),
    }
}

/// Dollars per million input, cached input and output tokens.
fn per_million(book: &RateBook, charge: Charge<'_>) -> [String; 3] {
    let million = 1_000_000;
    [tokens(million, 0, 0, 0), tokens(million, million, 0, 0), tokens(0, 0, 0, million)].map(|tokens| {
        let cost = pico_usd(&book.price(&Charge { tokens: &tokens, ..charge }));
        PicoUsd::new(cost).to_string().trim_end_matches('0').to_owned()
    })
}

fn parse_error(rows: &str) -> RateFileError {
    RateBook::parse(&format!("{HEADER}\n{rows}")).unwrap_err()
}

#[test]
fn gpt_4o_regional_in_south_africa_north() {
    let book = RateBook::builtin();
    let none = Tokens::default();
    let asked = charge("gpt-4o-2024-11-20", DeploymentType::Regional, Some("southafricanorth"), &none);
    assert_eq!(per_million(&book, asked), ["3.025", "1.513", "12.1"]);
    let by_map = Charge { model: "gpt-4o", version: Some("2024-11-20"), ..asked };
    assert_eq!(per_million(&book, by_map), ["3.025", "1.513", "12.1"]);
    let used = tokens(1_000, 400, 0, 500);
    let priced = book.price(&Charge { tokens: &used, ..asked });
    let expected = Priced::Rated {
        cost: PicoUsd::new(600 * 3_025_000 + 400 * 1_513_000 + 500 * 12_100_000),
        rate_id: "gpt-4o-2024-11-20/regional/2025-12-01/c207".into(),
    };
    assert_eq!(priced, expected);
}

#[test]
fn the_version_that_answered_wins_over_the_deployment_map() {
    let book = RateBook::builtin();
    let none = Tokens::default();
    let asked = charge("gpt-4o-2024-05-13", DeploymentType::Global, None, &none);
    let stale = Charge { version: Some("2024-11-20"), ..asked };
    assert_eq!(per_million(&book, stale)[0], "5.");
    assert_eq!(per_million(&book, Charge { model: "gpt-4o", ..stale })[0], "2.5");
}

#[test]
fn luna_before_and_after_its_price_cut() {
    let book = RateBook::builtin();
    let used = tokens(1_000, 100, 200, 50);
    let asked = charge("gpt-5.6-luna-2026-07-09", DeploymentType::Global, Some("eastus2"), &used);
    let last_moment = day("2026-08-01").plus_seconds(-1);
    let before = book.price(&Charge { at: last_moment, ..asked });
    let after = book.price(&Charge { at: day("2026-08-01"), ..asked });
    assert_eq!(pico_usd(&before), 700 * 1_000_000 + 100 * 100_000 + 200 * 1_250_000 + 50 * 6_000_000);
    assert_eq!(pico_usd(&before), 5 * pico_usd(&after));
    let Priced::Rated { rate_id, .. } = after else { panic!("priced above") };
    assert_eq!(rate_id, "gpt-5.6-luna-2026-07-09/global/2026-08-01/e9c6");
}

#[test]
fn a_long_request_is_priced_at_the_long_rates_as_a_whole() {
    let book = RateBook::builtin();
    let (at_most, above) = (tokens(272_000, 0, 0, 10), tokens(272_001, 1, 0, 10));
    let asked = charge("gpt-5.4-2026-03-05", DeploymentType::Global, Some("eastus"), &at_most);
    assert_eq!(pico_usd(&book.price(&asked)), 272_000 * 2_500_000 + 10 * 15_000_000);
    let long = Charge { tokens: &above, ..asked };
    assert_eq!(pico_usd(&book.price(&long)), 272_000 * 5_000_000 + 500_000 + 10 * 22_500_000);
    let priority = Charge { mode: Mode::Priority, ..long };
    assert_eq!(book.price(&priority), Priced::Unpriced(UnpricedReason::NoRate));
}

#[test]
fn what_the_book_does_not_answer_is_unpriced_and_says_why() {
    use DeploymentType::{Global, Ptu, Regional};
    let book = RateBook::builtin();
    let used = tokens(10, 0, 0, 10);
    let reason = |charge: Charge<'_>| match book.price(&charge) {
        Priced::Unpriced(reason) => reason,
        rated @ Priced::Rated { .. } => panic!("{rated:?}"),
    };
    let known = charge("gpt-4o-2024-11-20", Regional, Some("southafricanorth"), &used);
    assert_eq!(reason(Charge { model: "gpt-9", ..known }), UnpricedReason::UnknownModel);
    assert_eq!(reason(Charge { model: "", ..known }), UnpricedReason::UnknownModel);
    assert_eq!(reason(Charge { model: "gpt-4o-2024-11-2", ..known }), UnpricedReason::UnknownModel);
    let wrong_version = Charge { model: "gpt-4o", version: Some("2031-01-01"), ..known };
    assert_eq!(reason(wrong_version), UnpricedReason::UnknownModel);
    assert_eq!(reason(Charge { model: "gpt-4o", ..known }), UnpricedReason::AmbiguousVersion);
    assert_eq!(reason(Charge { deployment_type: None, ..known }), UnpricedReason::UnknownDeployment);
    assert_eq!(reason(Charge { deployment_type: Some(Ptu), ..known }), UnpricedReason::Ptu);
    assert_eq!(reason(Charge { region: None, ..known }), UnpricedReason::RegionNeeded);
    assert_eq!(reason(Charge { region: Some("westeurope"), ..known }), UnpricedReason::NoRate);
    assert_eq!(reason(Charge { region: Some("atlantis"), ..known }), UnpricedReason::NoRate);
    assert_eq!(reason(Charge { mode: Mode::Batch, ..known }), UnpricedReason::NoRate);
    assert_eq!(reason(Charge { at: day("2025-11-30"), ..known }), UnpricedReason::BeforeFirstRate);
    let global = Charge { deployment_type: Some(Global), region: None, ..known };
    assert_eq!(reason(Charge { at: day("2024-11-30"), ..global }), UnpricedReason::BeforeFirstRate);
    for (tokens, expected) in [
        (Tokens::default(), UnpricedReason::NoTokens),
        (Tokens { output: Some(5), ..Tokens::default() }, UnpricedReason::NoTokens),
        (tokens(10, 11, 0, 0), UnpricedReason::InconsistentTokens),
        (tokens(10, 6, 6, 0), UnpricedReason::InconsistentTokens),
    ] {
        assert_eq!(reason(Charge { tokens: &tokens, ..known }), expected);
    }
    // An embedding model sells no output.
    assert_eq!(reason(Charge { model: "text-embedding-3-large", ..global }), UnpricedReason::NoRate);
}

#[test]
fn without_a_region_global_and_data_zone_need_all_regions_to_agree() {
    let book = RateBook::builtin();
    let used = tokens(1, 0, 0, 0);
    let global = charge("gpt-4o-2024-11-20", DeploymentType::Global, None, &used);
    assert_eq!(pico_usd(&book.price(&global)), 2_500_000);
    // US Government pays more for this one, Asia's data zone more for the other.
    let disputed = Charge { model: "gpt-oss-120b", ..global };
    assert_eq!(book.price(&disputed), Priced::Unpriced(UnpricedReason::RegionNeeded));
    let zone = Charge { model: "gpt-5.4", deployment_type: Some(DeploymentType::DataZone), ..global };
    assert_eq!(book.price(&zone), Priced::Unpriced(UnpricedReason::RegionNeeded));
    assert_eq!(pico_usd(&book.price(&Charge { region: Some("japaneast"), ..zone })), 3_000_000);
    assert_eq!(pico_usd(&book.price(&Charge { at: day("2026-05-31"), ..zone })), 2_750_000);
}

#[test]
fn cached_input_without_a_rate_is_plain_input() {
    let book = RateBook::builtin();
    let (cached, plain) = (tokens(100, 40, 30, 0), tokens(100, 0, 0, 0));
    // The cache discount of this model begins on 2024-10-01.
    let asked = charge("gpt-4o-2024-08-06", DeploymentType::Global, Some("eastus"), &cached);
    let early = Charge { at: day("2024-09-30"), ..asked };
    assert_eq!(book.price(&early), book.price(&Charge { tokens: &plain, ..early }));
    let later = book.price(&Charge { at: day("2024-10-01"), ..asked });
    assert_eq!(pico_usd(&later), 60 * 2_500_000 + 40 * 1_250_000);
}

#[test]
fn a_file_of_ones_own_may_leave_version_and_region_open() {
    let text = format!(
        "{HEADER}\nllama,,global,,input,standard,short,,2026-01-01,100,a\n\
         llama,,global,eastus;westus,input,standard,short,,2026-01-01,90,b\n\
         llama,8b,global,,input,standard,short,,2026-02-01,7,c\n"
    );
    let book = RateBook::parse(&text).unwrap();
    let used = tokens(1, 0, 0, 0);
    let asked = charge("llama", DeploymentType::Global, Some("westus"), &used);
    assert_eq!(pico_usd(&book.price(&asked)), 90);
    assert_eq!(pico_usd(&book.price(&Charge { region: Some("elsewhere"), ..asked })), 100);
    assert_eq!(pico_usd(&book.price(&Charge { model: "llama-8b", ..asked })), 7);
    assert_eq!(pico_usd(&book.price(&Charge { version: Some("8b"), ..asked })), 7);
    assert_eq!(pico_usd(&book.price(&Charge { version: Some("70b"), ..asked })), 90);
}

#[test]
fn bad_files_are_refused_with_their_lines() {
    let good = "m,1,global,eastus,input,standard,short,,2026-01-01,5,a\n";
    for (row, message) in [
        ("m,1,global,eastus,input,standard,short,,2026-01-01,5,b\n", "price the same key, region and date"),
        ("m,2,global,westus,input,standard,short,,2026-01-01,6,a\n", "have the same rate_id and kind"),
        ("m-1,,global,westus,input,standard,short,,2026-01-01,6,b\n", "give the same name to different models"),
    ] {
        let error = parse_error(&format!("{good}{row}")).to_string();
        assert_eq!(error, format!("lines 2 and 3 of the rate file {message}"));
    }
    let longs = "m,1,global,eastus,input,standard,long,200,2026-01-01,5,a\n\
                 m,1,global,eastus,output,standard,long,300,2026-01-01,5,a\n";
    assert!(parse_error(longs).to_string().contains("two values of `long_over`"));
    for row in [
        ",1,global,eastus,input,standard,short,,2026-01-01,5,a",
        "m,1,ptu,eastus,input,standard,short,,2026-01-01,5,a",
        "m,1,global,eastus,input,standard,short,,2026-01-01,1000000000001,a",
        "m,1,global,eastus,input,standard,short,,2026-01-01,5,",
        "m,1,global,eastus,input,standard,short,,2026-01-01,5,a+b",
        "m,1,global,eastus,input,standard,short,9,2026-01-01,5,a",
        "m,1,global,eastus,input,standard,long,,2026-01-01,5,a",
        "m,1,global,east;;west,input,standard,short,,2026-01-01,5,a",
    ] {
        let error = parse_error(&format!("{row}\n"));
        assert!(matches!(error, RateFileError::Invalid { line: 2, .. }), "{row}: {error:?}");
    }
    for row in [
        "m,1,world,eastus,input,standard,short,,2026-01-01,5,a",
        "m,1,global,eastus,audio,standard,short,,2026-01-01,5,a",
        "m,1,global,eastus,input,standard,short,,2026-13-01,5,a",
        "m,1,global,eastus,input,standard,short,,2026-01-01,-5,a",
        "m,1,global,eastus,input,standard,short,,2026-01-01,2.5,a",
        "m,1,global",
    ] {
        let error = parse_error(&format!("{row}\n"));
        assert!(matches!(error, RateFileError::Row { line: 2, .. }), "{row}: {error:?}");
    }
    assert!(RateBook::parse("model,price\ngpt,5\n").is_err());
}
