# One AI Gateway that keeps an audit trail. What the trail rests on is fixed here and is no variable.
resource "cloudflare_ai_gateway" "this" {
  account_id = var.account_id
  id         = var.gateway_id

  # Logpush exports only what the gateway logs.
  collect_logs       = true
  logpush            = true
  logpush_public_key = trimspace(var.logpush_public_key)

  # Without it anybody who knows the URL can spend, under any tenant's name.
  authentication = true

  # At the storage cap, STOP_INSERTING loses the log *and* its export.
  log_management          = var.stored_logs_max
  log_management_strategy = "DELETE_OLDEST"

  cache_ttl                  = var.cache_ttl_seconds
  cache_invalidate_on_update = true

  rate_limiting_interval  = var.rate_limit.interval_seconds
  rate_limiting_limit     = var.rate_limit.requests
  rate_limiting_technique = var.rate_limit.technique

  retry_max_attempts = var.retry.attempts
  retry_delay        = var.retry.delay_ms
  retry_backoff      = var.retry.backoff

  spend_limits = length(var.spend_limits) == 0 ? null : {
    enabled = true
    rules = [for rule in var.spend_limits : {
      # The provider's default is one constant id, which several rules would share, and with it one counter.
      id         = rule.id
      enabled    = rule.enabled
      limit      = rule.limit_usd
      limit_type = "cost"
      window     = rule.window_seconds
      technique  = rule.technique

      metadata            = rule.per_metadata_key == null ? null : { (rule.per_metadata_key) = { mode = "partition" } }
      model               = rule.models == null ? null : { mode = "filter", values = rule.models }
      ai_gateway_provider = rule.providers == null ? null : { mode = "filter", values = rule.providers }
    }]
  }
}
