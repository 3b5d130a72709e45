//! `gatelog token`.

use std::process::ExitCode;

use anyhow::Context;
use gatelog_gateway::TokenDigest;
use gatelog_model::{Digest, TenantId};

use crate::{cli::TokenCommand, config::Config, wiring};

/// What tokens begin with, so that scanners for leaked secrets can find them.
const PREFIX: &str = "glt_";

pub(crate) async fn run(command: TokenCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let catalog = wiring::catalog(config).await?;
    match command {
        TokenCommand::Create { id, tenant, gateways } => {
            let tenant = tenant.as_deref().map(TenantId::parse).transpose().context("read --tenant")?;
            let token = new_token();
            let digest = Digest(TokenDigest::of(&token).0);
            let is_new = catalog.create_token(&id, &digest, tenant.as_ref(), &gateways).await?;
            anyhow::ensure!(is_new, "there is a token `{id}` already, perhaps a revoked one: take another name");
            println!("{token}");
            eprintln_note("this is the only time the token is shown; send it as `cf-aig-authorization: Bearer …`");
        }
        TokenCommand::Revoke { id } => {
            anyhow::ensure!(
                catalog.revoke_token(&id).await?,
                "there is no good token `{id}`; see `gatelog token list`"
            );
            let seconds = gatelog_gateway::REMEMBERED_FOR.as_secs();
            println!("token `{id}` is revoked; running gateways refuse it within {seconds} s");
        }
        TokenCommand::List => {
            for token in catalog.list_tokens().await? {
                let state = token.revoked_at.map_or("good".to_owned(), |at| format!("revoked {}", at.format("%FT%TZ")));
                let tenant = token.tenant.as_deref().unwrap_or("(any tenant)");
                let gateways = if token.gateways.is_empty() { "(all)".to_owned() } else { token.gateways.join(",") };
                println!("{:<24} {tenant:<24} {gateways:<24} {} {state}", token.id, token.created_at.format("%FT%TZ"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// 244 random bits; the generator of UUIDs is the system's.
fn new_token() -> String {
    let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    format!("{PREFIX}{}{}", halves[0].simple(), halves[1].simple())
}

#[expect(clippy::print_stderr, reason = "standard output has the token alone, for scripts")]
fn eprintln_note(note: &str) {
    eprintln!("{note}");
}
