//! Paths as clients send them, and paths as an attacker would.

use http::uri::PathAndQuery;
use proptest::prelude::*;

use super::{AccountId, GatewayId, Route, RouteError, Target};

/// What a path means: provider with its resource, deployment, upstream path, endpoint.
fn seen(path: &str) -> Result<[String; 4], RouteError> {
    let Route { target, endpoint, account, gateway } = Route::parse(path)?;
    assert_eq!((account.as_str(), gateway.as_str()), ("acc", "gw"));
    Ok(match target {
        Target::Azure { resource, deployment, path } => {
            let deployment = deployment.map_or_else(|| "-".to_owned(), |name| name.to_string());
            [format!("azure {resource}"), deployment, path.as_str().to_owned(), endpoint]
        }
        Target::Provider { slug, path } => [slug, "-".to_owned(), path.as_str().to_owned(), endpoint],
        Target::Universal => ["universal".to_owned(), "-".to_owned(), String::new(), endpoint],
    })
}

#[test]
fn every_spelling_of_a_deployment_is_the_same_call() {
    for rest in [
        // Cloudflare's own, and OpenAI(base_url=".../azure-openai/contoso/gpt4o").
        "contoso/gpt4o/chat/completions",
        // AzureOpenAI(azure_endpoint=".../azure-openai/contoso"), with and without azure_deployment.
        "contoso/openai/deployments/gpt4o/chat/completions",
        // @ai-sdk/azure: baseURL ".../azure-openai/contoso", useDeploymentBasedUrls.
        "contoso/deployments/gpt4o/chat/completions",
        // AzureOpenAI(base_url=".../azure-openai/contoso/gpt4o"): openai for Python and Node add the deployment.
        "contoso/gpt4o/deployments/gpt4o/chat/completions",
        "CONTOSO/gpt4o/chat/completions",
    ] {
        let path = format!("/v1/acc/gw/azure-openai/{rest}?api-version=2024-10-21");
        let expected = [
            "azure contoso",
            "gpt4o",
            "/openai/deployments/gpt4o/chat/completions?api-version=2024-10-21",
            "contoso/gpt4o/chat/completions?api-version=2024-10-21",
        ];
        assert_eq!(seen(&path), Ok(expected.map(str::to_owned)), "{rest}");
    }
}

#[test]
fn other_paths_go_where_the_table_says() {
    for (path, expected) in [
        ("/v1/acc/gw", ["universal", "-", "", ""]),
        ("/v1/acc/gw/", ["universal", "-", "", ""]),
        ("/v1/acc/gw?x=1", ["universal", "-", "", ""]),
        (
            "/v1/acc/gw/azure-openai/contoso/openai/v1/responses",
            ["azure contoso", "-", "/openai/v1/responses", "contoso/openai/v1/responses"],
        ),
        (
            "/v1/acc/gw/azure-openai/contoso/openai/v1/chat/completions?api-version=preview",
            [
                "azure contoso",
                "-",
                "/openai/v1/chat/completions?api-version=preview",
                "contoso/openai/v1/chat/completions?api-version=preview",
            ],
        ),
        (
            "/v1/acc/gw/azure-openai/contoso/openai/responses?api-version=2025-03-01-preview",
            [
                "azure contoso",
                "-",
                "/openai/responses?api-version=2025-03-01-preview",
                "contoso/openai/responses?api-version=2025-03-01-preview",
            ],
        ),
        (
            "/v1/acc/gw/azure-openai/contoso/gpt-4.1_eu/images/generations",
            [
                "azure contoso",
                "gpt-4.1_eu",
                "/openai/deployments/gpt-4.1_eu/images/generations",
                "contoso/gpt-4.1_eu/images/generations",
            ],
        ),
        // A deployment may have a word of a path as its name; only two words are taken.
        (
            "/v1/acc/gw/azure-openai/contoso/v1/chat/completions",
            ["azure contoso", "v1", "/openai/deployments/v1/chat/completions", "contoso/v1/chat/completions"],
        ),
        (
            "/v1/acc/gw/azure-openai/contoso/openai-gpt/embeddings",
            [
                "azure contoso",
                "openai-gpt",
                "/openai/deployments/openai-gpt/embeddings",
                "contoso/openai-gpt/embeddings",
            ],
        ),
        ("/v1/acc/gw/openai/chat/completions", ["openai", "-", "/chat/completions", "chat/completions"]),
        ("/v1/acc/gw/openai/v1/responses", ["openai", "-", "/responses", "v1/responses"]),
        (
            "/v1/acc/gw/openai/responses/resp_1?include[]=a",
            ["openai", "-", "/responses/resp_1?include[]=a", "responses/resp_1?include[]=a"],
        ),
        (
            "/v1/acc/gw/custom-mistral/v1/chat/completions",
            ["custom-mistral", "-", "/v1/chat/completions", "v1/chat/completions"],
        ),
        ("/v1/acc/gw/custom-x/models/a%3Ab@1/run", ["custom-x", "-", "/models/a%3Ab@1/run", "models/a%3Ab@1/run"]),
        ("/v1/acc/gw/openai/a/...", ["openai", "-", "/a/...", "a/..."]),
        // A query is the provider's business, dots and slashes in it too.
        ("/v1/acc/gw/openai/a?b=../../c//d?e%2f", ["openai", "-", "/a?b=../../c//d?e%2f", "a?b=../../c//d?e%2f"]),
        ("/v1/acc/gw/openai/a?", ["openai", "-", "/a?", "a?"]),
    ] {
        assert_eq!(seen(path), Ok(expected.map(str::to_owned)), "{path}");
    }
}

#[test]
fn what_is_not_plain_is_refused() {
    use RouteError::*;
    let azure = |rest: &str| format!("/v1/acc/gw/azure-openai/{rest}");
    for (path, error) in [
        ("", NoGateway),
        ("/", NoGateway),
        ("*", NoGateway),
        ("/v1", NoGateway),
        ("/v1/acc", NoGateway),
        ("/v1/acc/", NoGateway),
        ("/v1//gw/openai/a", NoGateway),
        ("/v2/acc/gw/openai/a", NoGateway),
        ("/V1/acc/gw/openai/a", NoGateway),
        ("//v1/acc/gw/openai/a", NoGateway),
        ("v1/acc/gw/openai/a", NoGateway),
        ("https://evil.example/v1/acc/gw/openai/a", NoGateway),
        ("/v1/../gw/openai/a", Account),
        ("/v1/ac%63/gw/openai/a", Account),
        ("/v1/acc/../openai/a", Gateway),
        ("/v1/acc/g w", Gateway),
        ("/v1/acc/gw//", EmptySegment),
        ("/v1/acc/gw//openai/a", EmptySegment),
        ("/v1/acc/gw/openai", TooShort),
        ("/v1/acc/gw/openai/", EmptySegment),
        ("/v1/acc/gw/openai/a/", EmptySegment),
        ("/v1/acc/gw/anthropic/v1/messages", UnknownProvider),
        ("/v1/acc/gw/compat/chat/completions", UnknownProvider),
        ("/v1/acc/gw/Azure-OpenAI/contoso/gpt4o/chat/completions", UnknownProvider),
        ("/v1/acc/gw/custom-/a", UnknownProvider),
        ("/v1/acc/gw/custom-A/a", UnknownProvider),
        ("/v1/acc/gw/custom-a.b/a", UnknownProvider),
        ("/v1/acc/gw/openai/../azure-openai/x", DotSegment),
        ("/v1/acc/gw/openai/./a", DotSegment),
        ("/v1/acc/gw/openai/..;x/a", DotSegment),
        ("/v1/acc/gw/openai/%2e%2e/a", Escape),
        ("/v1/acc/gw/openai/.%2E/a", Escape),
        ("/v1/acc/gw/openai/a%2f..%2fb", Escape),
        ("/v1/acc/gw/openai/a%5cb", Escape),
        ("/v1/acc/gw/openai/a%00", Escape),
        ("/v1/acc/gw/openai/a%0d%0aHost:x", Escape),
        ("/v1/acc/gw/openai/%252e%252e/a", Escape),
        ("/v1/acc/gw/openai/a%3fb", Escape),
        ("/v1/acc/gw/openai/a%", Escape),
        ("/v1/acc/gw/openai/a%2", Escape),
        ("/v1/acc/gw/openai/a%zz", Escape),
        ("/v1/acc/gw/openai/a%+1", Escape),
        ("/v1/acc/gw/openai/a b", Character),
        ("/v1/acc/gw/openai/a\\..\\b", Character),
        ("/v1/acc/gw/openai/a#b", Character),
        ("/v1/acc/gw/openai/a\r\nX: y", Character),
        ("/v1/acc/gw/openai/ä", Character),
        ("/v1/acc/gw/openai/a?b c", Character),
        ("/v1/acc/gw/openai/a?b#c", Character),
        ("/v1/acc/gw/openai/a?ä", Character),
        ("/v1/acc/gw?ä", Character),
    ] {
        assert_eq!(Route::parse(path), Err(error), "{path}");
    }
    for (rest, error) in [
        ("", EmptySegment),
        ("contoso", TooShort),
        ("contoso/gpt4o", TooShort),
        ("contoso/gpt4o/", EmptySegment),
        ("contoso/openai", TooShort),
        ("contoso/openai/v1", TooShort),
        ("contoso/openai/deployments", TooShort),
        ("contoso/openai/deployments/gpt4o", TooShort),
        ("contoso/deployments/gpt4o", TooShort),
        ("contoso/gpt4o/deployments/gpt4o", TooShort),
        ("contoso//gpt4o/a", EmptySegment),
        ("evil.example/gpt4o/a", Resource),
        ("evil.example%2f/gpt4o/a", Escape),
        ("contoso:443/gpt4o/a", Resource),
        ("contoso@evil/gpt4o/a", Resource),
        ("user:pass@contoso/gpt4o/a", Resource),
        ("con%74oso/gpt4o/a", Resource),
        ("con_toso/gpt4o/a", Resource),
        ("openai.azure.com/gpt4o/a", Resource),
        ("../gpt4o/a", DotSegment),
        ("contoso/../a", DotSegment),
        ("contoso/gpt4o/../other/a", DotSegment),
        ("contoso/gpt%34o/a", Deployment),
        ("contoso/.../a", Deployment),
        ("contoso/gpt4o@x/a", Deployment),
        ("contoso/openai/deployments/openai/a", Deployment),
        ("contoso/openai/deployments/deployments/a", Deployment),
        ("contoso/deployments/deployments/gpt4o/a", Deployment),
        ("contoso/gpt4o/deployments/gpt4/chat/completions", TwoDeployments),
    ] {
        assert_eq!(Route::parse(&azure(rest)), Err(error), "{rest}");
    }
}

#[test]
fn lengths_are_bounded() {
    let path = |rest: usize| format!("/v1/acc/gw/openai/{}", "a".repeat(rest));
    let most = 8192 - path(0).len();
    assert!(Route::parse(&path(most)).is_ok());
    assert_eq!(Route::parse(&path(most + 1)), Err(RouteError::TooLong));
    let resource = |bytes: usize| Route::parse(&format!("/v1/acc/gw/azure-openai/{}/d/a", "r".repeat(bytes)));
    assert!(resource(64).is_ok());
    assert_eq!(resource(65), Err(RouteError::Resource));
    let deployment = |bytes: usize| Route::parse(&format!("/v1/acc/gw/azure-openai/r/{}/a", "d".repeat(bytes)));
    assert!(deployment(64).is_ok());
    assert_eq!(deployment(65), Err(RouteError::Deployment));
    assert!(AccountId::parse(&"a".repeat(64)).is_ok() && GatewayId::parse("my_gateway-1").is_ok());
    assert!(AccountId::parse(&"a".repeat(65)).is_err() && GatewayId::parse("").is_err());
}

#[test]
fn providers_have_slugs() {
    let provider = |path| Route::parse(path).unwrap().provider().map(str::to_owned);
    assert_eq!(provider("/v1/acc/gw/azure-openai/r/d/a").as_deref(), Some("azure-openai"));
    assert_eq!(provider("/v1/acc/gw/custom-x/a").as_deref(), Some("custom-x"));
    assert_eq!(provider("/v1/acc/gw"), None);
}

/// The upstream URL as a strict parser reads it has our host and exactly our path.
fn check_upstream(route: &Route) {
    let (host, path) = match &route.target {
        Target::Azure { resource, path, .. } => {
            let label = resource.as_str();
            assert!(label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{label}");
            (format!("{label}.openai.azure.com"), path.as_str())
        }
        Target::Provider { path, .. } => ("provider.example".to_owned(), path.as_str()),
        Target::Universal => return,
    };
    let url: http::Uri = format!("https://{host}{path}").parse().unwrap();
    assert_eq!((url.host(), url.port()), (Some(host.as_str()), None));
    assert_eq!(url.path_and_query().map(PathAndQuery::as_str), Some(path));
    let mut segments = url.path().split('/');
    assert_eq!(segments.next(), Some(""));
    for segment in segments {
        let decoded = segment.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
        assert!(!decoded.is_empty() && decoded.split('/').all(|part| part != "." && part != ".."), "{segment}");
    }
    assert!(path.ends_with(route.endpoint.rsplit('/').next().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_parses_or_is_refused(path in any::<String>()) {
        if let Ok(route) = Route::parse(&path) {
            check_upstream(&route);
        }
    }

    /// Built from the pieces that matter, so that many cases get past the first checks.
    #[test]
    fn the_host_is_ours_and_no_segment_climbs(
        provider in "(azure-openai|openai|custom-[a-z]{1,3})",
        pieces in prop::collection::vec(
            prop_oneof![
                "(openai|deployments|v1|contoso|gpt-4\\.1|chat)",
                "(\\.|\\.\\.|\\.\\.;a|%2e|%2E%2e|%2f|%5C|%25|%41|%|//|@|:|\\\\|#|\\?|[ -~]{1,3}|\\PC)",
            ],
            0..8,
        ),
        separator in "(/|/|/|)",
    ) {
        let path = format!("/v1/acc/gw/{provider}/{}", pieces.join(&separator));
        if let Ok(route) = Route::parse(&path) {
            check_upstream(&route);
        }
    }

    #[test]
    fn plain_azure_calls_are_never_refused(
        resource in "[A-Za-z0-9-]{1,64}",
        deployment in "[A-Za-z0-9][A-Za-z0-9._-]{1,63}",
        query in "(\\?api-version=[0-9a-z-]{1,10})?",
    ) {
        prop_assume!(deployment != "openai" && deployment != "deployments");
        let route = Route::parse(&format!("/v1/acc/gw/azure-openai/{resource}/{deployment}/chat/completions{query}"));
        let Target::Azure { resource: named, path, .. } = route.unwrap().target else { panic!("Azure") };
        prop_assert_eq!(named.as_str(), resource.to_ascii_lowercase());
        prop_assert_eq!(path.as_str(), format!("/openai/deployments/{deployment}/chat/completions{query}"));
    }
}
