//! Building the SDK's client.

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::{
    Client,
    config::{
        Builder, Credentials as KeyPair, RequestChecksumCalculation, ResponseChecksumValidation,
        StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use aws_smithy_http_client::Builder as HttpClientBuilder;

use crate::{Credentials, StoreOptions};

/// Pinned, so that an update of the SDK does not change how it behaves.
fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

pub(crate) async fn connect(options: &StoreOptions) -> Client {
    let region = Region::new(options.region.clone());
    let config = match &options.credentials {
        Credentials::Static { access_key, secret } => Builder::new()
            .behavior_version(behavior_version())
            .region(region)
            .credentials_provider(KeyPair::new(access_key, secret.expose(), None, None, "gatelog")),
        Credentials::Profile(name) => {
            let loader = aws_config::defaults(behavior_version()).region(region).profile_name(name);
            Builder::from(&loader.load().await)
        }
        Credentials::Environment => {
            let loader = aws_config::defaults(behavior_version()).region(region);
            Builder::from(&loader.load().await)
        }
    };
    Client::from_conf(configure(config, options).build())
}

fn configure(config: Builder, options: &StoreOptions) -> Builder {
    let limits = TimeoutConfig::builder()
        .connect_timeout(options.timeouts.connect)
        .operation_attempt_timeout(options.timeouts.attempt)
        .build();
    let (calculation, validation) = if options.adds_checksums() {
        (RequestChecksumCalculation::WhenSupported, ResponseChecksumValidation::WhenSupported)
    } else {
        (RequestChecksumCalculation::WhenRequired, ResponseChecksumValidation::WhenRequired)
    };
    let mut config = config
        .retry_config(RetryConfig::disabled())
        .timeout_config(limits)
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build())
        .force_path_style(options.is_path_style())
        .request_checksum_calculation(calculation)
        .response_checksum_validation(validation);
    if let Some(endpoint) = &options.endpoint {
        config = config.endpoint_url(endpoint);
        if is_plain_loopback(endpoint) {
            // A company's HTTP_PROXY must not get in between, and a machine without CA certificates must do.
            config = config.http_client(HttpClientBuilder::new().build_http());
        }
    }
    config
}

/// Whether the endpoint is this machine, without TLS: the in-process store of the demo and of tests.
fn is_plain_loopback(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let is_host =
        |host: &str| authority == host || authority.strip_prefix(host).is_some_and(|port| port.starts_with(':'));
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| is_host(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(is_plain_loopback("http://127.0.0.1:9000"));
        assert!(is_plain_loopback("http://localhost/x"));
        assert!(is_plain_loopback("http://[::1]:1"));
        assert!(!is_plain_loopback("https://localhost"));
        assert!(!is_plain_loopback("http://localhost.example.com"));
        assert!(!is_plain_loopback("http://127.0.0.10"));
    }
}
