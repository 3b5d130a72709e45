# AI Gateway, logs and lake in R2. For data that may leave Africa: R2 has no place there.

# The token comes from CLOUDFLARE_API_TOKEN, so it is in no file and in no state.
provider "cloudflare" {}

module "gateway" {
  source = "../../modules/gateway"

  account_id         = var.account_id
  gateway_id         = var.gateway_id
  logpush_public_key = var.logpush_public_key
  spend_limits       = var.spend_limits
}

# Two buckets, because a token of R2 is good for whole buckets: who reads the logs could otherwise write them too.
module "logs" {
  source = "../../modules/r2-bucket"

  account_id   = var.account_id
  name         = var.log_bucket_name
  location     = var.location
  jurisdiction = var.jurisdiction
  locks        = [{ prefix = "${var.log_prefix}/", days = var.lock_days }]
  expiry       = var.expire_after_days == null ? [] : [{ prefix = "${var.log_prefix}/", after_days = var.expire_after_days }]
}

# No lock: compaction and retention delete files of the lake, and a lock would refuse that. What the lake holds can be
# made again from the logs, which are locked.
module "lake" {
  source = "../../modules/r2-bucket"

  account_id   = var.account_id
  name         = var.lake_bucket_name
  location     = var.location
  jurisdiction = var.jurisdiction
}

module "notifications" {
  source = "../../modules/r2-notifications"

  account_id   = var.account_id
  bucket_name  = module.logs.name
  jurisdiction = var.jurisdiction
  log_prefix   = var.log_prefix
  queue_name   = "${module.logs.name}-objects"
}
