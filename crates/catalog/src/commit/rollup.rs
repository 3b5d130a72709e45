//! The rollup's part of a commit.

use std::borrow::Cow;

use gatelog_rollup::{Rollup, RollupCell, RollupKey};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use crate::{
    CatalogError,
    error::{Doing as _, to_column},
};

/// Longest text in a key, bytes: seven of them fit the 2,704 bytes that an index entry of Postgres may have.
pub const KEY_TEXT_BYTES_MAX: usize = 256;
/// What replaces the end of a longer one: `~` and 128 bits of its digest in hex, so that different texts stay different.
const DIGEST_BYTES: usize = 16;
/// Most cells of one statement: a few megabytes of parameters even if every cell has a histogram.
const CELLS_MAX: usize = 8_192;

const ADD: &str = "
    INSERT INTO gatelog.rollup_hourly AS r
        (hour, gateway_id, tenant_id, user_id, provider, deployment, model, prompt_version, outcome, cached,
         requests, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, unpriced,
         cost_pusd, saved_pusd, latency)
    SELECT q.hour, q.gateway_id, q.tenant_id, q.user_id, q.provider, q.deployment, q.model, q.prompt_version, q.outcome,
           q.cached, q.requests, q.input_tokens, q.cached_input_tokens, q.cache_write_tokens, q.output_tokens,
           q.reasoning_tokens, q.unpriced, q.cost_pusd::numeric, q.saved_pusd::numeric, q.latency::bigint[]
    FROM UNNEST($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::boolean[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
                $16::bigint[], $17::bigint[], $18::text[], $19::text[], $20::text[])
        AS q (hour, gateway_id, tenant_id, user_id, provider, deployment, model, prompt_version, outcome, cached,
              requests, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, unpriced,
              cost_pusd, saved_pusd, latency)
    ON CONFLICT ON CONSTRAINT rollup_hourly_key DO UPDATE SET
        requests            = r.requests + excluded.requests,
        input_tokens        = r.input_tokens + excluded.input_tokens,
        cached_input_tokens = r.cached_input_tokens + excluded.cached_input_tokens,
        cache_write_tokens  = r.cache_write_tokens + excluded.cache_write_tokens,
        output_tokens       = r.output_tokens + excluded.output_tokens,
        reasoning_tokens    = r.reasoning_tokens + excluded.reasoning_tokens,
        unpriced            = r.unpriced + excluded.unpriced,
        cost_pusd           = r.cost_pusd + excluded.cost_pusd,
        saved_pusd          = r.saved_pusd + excluded.saved_pusd,
        latency             = gatelog.histogram_add(r.latency, excluded.latency)";

/// The key as `rollup_hourly` holds it; whoever compares a recount with the table maps its keys with this first.
///
/// Keys come from request bodies and metadata, so they may hold what Postgres refuses: U+0000 becomes U+FFFD, and a text
/// longer than [`KEY_TEXT_BYTES_MAX`] is cut and ends in a digest of all of it. All other keys stay as they are.
pub fn storable_key(key: &RollupKey) -> RollupKey {
    let optional = |text: &Option<String>| text.as_deref().map(|text| storable(text).into_owned());
    RollupKey {
        hour: key.hour,
        gateway_id: storable(&key.gateway_id).into_owned(),
        tenant_id: optional(&key.tenant_id),
        user_id: optional(&key.user_id),
        provider: storable(&key.provider).into_owned(),
        deployment: optional(&key.deployment),
        model: optional(&key.model),
        prompt_version: optional(&key.prompt_version),
        outcome: key.outcome,
        cached: key.cached,
    }
}

fn storable(text: &str) -> Cow<'_, str> {
    if text.len() <= KEY_TEXT_BYTES_MAX {
        return if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) };
    }
    let digest = Sha256::digest(text.as_bytes());
    let suffix = format!("~{}", hex::encode(&digest[..DIGEST_BYTES]));
    let clean = text.replace('\0', "\u{fffd}");
    let kept = clean.floor_char_boundary(KEY_TEXT_BYTES_MAX - suffix.len());
    Cow::Owned(format!("{}{suffix}", &clean[..kept]))
}

fn is_storable(key: &RollupKey) -> bool {
    let optional = [&key.tenant_id, &key.user_id, &key.deployment, &key.model, &key.prompt_version];
    let mut texts = [&key.gateway_id, &key.provider].into_iter().chain(optional.into_iter().flatten());
    texts.all(|text| text.len() <= KEY_TEXT_BYTES_MAX && !text.contains('\0'))
}

/// Adds the cells to the table, in the order of keys.
pub(super) async fn add(connection: &mut PgConnection, rollup: &Rollup) -> Result<(), CatalogError> {
    // Two keys may become one, and a statement cannot touch a row twice: merge before sending.
    let mut cells: Vec<_> = rollup.iter().collect();
    let mapped: Rollup;
    if cells.iter().any(|(key, _)| !is_storable(key)) {
        mapped = cells.iter().map(|&(key, cell)| (storable_key(key), cell.clone())).collect();
        cells = mapped.iter().collect();
    }
    for some in cells.chunks(CELLS_MAX) {
        add_some(connection, some).await?;
    }
    Ok(())
}

type CellRef<'a> = (&'a RollupKey, &'a RollupCell);

async fn add_some(connection: &mut PgConnection, cells: &[CellRef<'_>]) -> Result<(), CatalogError> {
    let sums = |sum: fn(&RollupCell) -> u64| {
        cells.iter().map(|(_, cell)| to_column("rollup sum", sum(cell))).collect::<Result<Vec<_>, _>>()
    };
    let latencies =
        cells.iter().map(|(_, cell)| array_literal(cell.latency.buckets())).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(ADD)
        .bind(cells.iter().map(|(key, _)| key.hour.to_datetime()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.gateway_id.as_str()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.tenant_id.as_deref()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.user_id.as_deref()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.provider.as_str()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.deployment.as_deref()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.model.as_deref()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.prompt_version.as_deref()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.outcome.as_str()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(key, _)| key.cached).collect::<Vec<_>>())
        .bind(sums(|cell| cell.requests)?)
        .bind(sums(|cell| cell.input_tokens)?)
        .bind(sums(|cell| cell.cached_input_tokens)?)
        .bind(sums(|cell| cell.cache_write_tokens)?)
        .bind(sums(|cell| cell.output_tokens)?)
        .bind(sums(|cell| cell.reasoning_tokens)?)
        .bind(sums(|cell| cell.unpriced)?)
        .bind(cells.iter().map(|(_, cell)| cell.cost.pico_usd().to_string()).collect::<Vec<_>>())
        .bind(cells.iter().map(|(_, cell)| cell.saved.pico_usd().to_string()).collect::<Vec<_>>())
        .bind(latencies)
        .execute(connection)
        .await
        .doing("add to the rollup")?;
    Ok(())
}

/// Counts as Postgres writes an array: UNNEST would flatten an array of arrays.
fn array_literal(counts: &[u64]) -> Result<String, CatalogError> {
    let counts = counts.iter().map(|count| to_column("latency count", *count).map(|count| count.to_string()));
    Ok(format!("{{{}}}", counts.collect::<Result<Vec<_>, _>>()?.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_postgres_refuses_is_changed() {
        assert_eq!(storable("gpt-4o"), "gpt-4o");
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        let long = ["é".repeat(200), "é".repeat(201)];
        let stored = long.each_ref().map(|text| storable(text).into_owned());
        assert!(stored.iter().all(|text| text.len() <= KEY_TEXT_BYTES_MAX && text.starts_with("éé")), "{stored:?}");
        assert_ne!(stored[0], stored[1]);
        // Texts of NULs grow when they are replaced; the cut comes afterwards.
        assert!(storable(&"\0".repeat(300)).len() <= KEY_TEXT_BYTES_MAX);
    }
}
