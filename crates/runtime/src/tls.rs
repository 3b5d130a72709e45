//! TLS towards servers of others.

use std::{io, sync::Arc};

use hyper_rustls::ConfigBuilderExt as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

/// A server is known by the certificates that this machine trusts.
///
/// # Errors
///
/// When there are none.
pub fn client_tls() -> io::Result<ClientConfig> {
    Ok(client()?.with_native_roots()?.with_no_client_auth())
}

/// For a client that speaks plain HTTP only and must say something about TLS all the same: it trusts nobody.
///
/// # Errors
///
/// None that is known: when the library refuses its own defaults.
pub fn client_tls_for_nobody() -> io::Result<ClientConfig> {
    Ok(client()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn client() -> io::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(io::Error::other)
}
