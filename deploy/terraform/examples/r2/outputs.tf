output "azure_openai_base_url" {
  description = "What applications put before RESOURCE/DEPLOYMENT."
  value       = module.gateway.azure_openai_base_url
}

output "account_id" {
  description = "`account_id` of gatelog.toml."
  value       = var.account_id
}

output "log_bucket" {
  description = "`source.bucket.name` of gatelog.toml."
  value       = module.logs.name
}

output "lake_bucket" {
  description = "`lake.bucket.name` of gatelog.toml."
  value       = module.lake.name
}

output "endpoint" {
  description = "`endpoint` of both buckets in gatelog.toml."
  value       = module.logs.endpoint
}

output "queue_id" {
  description = "`source.cloudflare_queue.queue_id` of gatelog.toml."
  value       = module.notifications.queue_id
}

output "dead_letter_queue_name" {
  description = "Queue of the messages that were handed out too often."
  value       = module.notifications.dead_letter_queue_name
}

output "gatelog_toml" {
  description = "Beginning of a gatelog.toml: terraform output -raw gatelog_toml. Ids of access keys are filled in by hand."
  value       = <<-TOML
    account_id = "${var.account_id}"

    [source]
    prefixes = ["${var.log_prefix}"]

    [source.bucket]
    name = "${module.logs.name}"
    region = "auto"
    endpoint = "${module.logs.endpoint}"
    access_key_id = ""
    secret_access_key_file = "/run/secrets/source-secret-access-key"

    [source.cloudflare_queue]
    queue_id = "${module.notifications.queue_id}"

    [cloudflare]
    api_token_file = "/run/secrets/cloudflare-api-token"

    [logpush]
    access_key_id = ""
    secret_access_key_file = "/run/secrets/logpush-secret-access-key"

    [lake.bucket]
    name = "${module.lake.name}"
    region = "auto"
    endpoint = "${module.lake.endpoint}"
    access_key_id = ""
    secret_access_key_file = "/run/secrets/lake-secret-access-key"
  TOML
}

output "next_command" {
  description = "The provider refuses the dataset ai_gateway_events, so the Logpush job is made by gatelog itself."
  value       = "gatelog logpush plan, then gatelog logpush apply, with the gatelog.toml of output gatelog_toml"
}
