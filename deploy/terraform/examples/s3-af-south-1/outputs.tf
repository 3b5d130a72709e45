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

output "region" {
  description = "`region` of both buckets in gatelog.toml; `endpoint` stays empty."
  value       = module.logs.region
}

output "queue_url" {
  description = "`source.sqs.queue_url` of gatelog.toml."
  value       = module.notifications.queue_url
}

output "dead_letter_queue_arn" {
  description = "Queue of the messages that were handed out too often."
  value       = module.notifications.dead_letter_queue_arn
}

output "policy_arns" {
  description = "Policies to attach where no roles were made: source-reader, lake-writer, gateway-writer."
  value       = module.access.policy_arns
}

output "role_arns" {
  description = "Roles of `gatelog ingest` and `gatelog gateway`."
  value       = module.access.role_arns
}

output "gatelog_toml" {
  description = "Beginning of a gatelog.toml: terraform output -raw gatelog_toml. Without keys gatelog takes the machine's role."
  value       = <<-TOML
    account_id = "${var.account_id}"

    [source]
    prefixes = ["${var.log_prefix}"]

    [source.bucket]
    name = "${module.logs.name}"
    region = "${module.logs.region}"

    [source.sqs]
    queue_url = "${module.notifications.queue_url}"
    region = "${module.logs.region}"

    [cloudflare]
    api_token_file = "/run/secrets/cloudflare-api-token"

    [lake]
    prefix = "${var.lake_prefix}"

    [lake.bucket]
    name = "${module.lake.name}"
    region = "${module.lake.region}"
  TOML
}

output "next_command" {
  description = "The provider refuses the dataset ai_gateway_events, so the Logpush job is made by gatelog itself."
  value       = "gatelog logpush plan, then gatelog logpush apply, with the gatelog.toml of output gatelog_toml"
}
