# AI Gateway with logs and lake in Cape Town, for data that must be kept in South Africa. R2 has no place in Africa.

locals {
  # Not a variable: this example is about this region.
  region = "af-south-1"
}

# The token comes from CLOUDFLARE_API_TOKEN, so it is in no file and in no state.
provider "cloudflare" {}

provider "aws" {
  region = local.region
}

module "gateway" {
  source = "../../modules/gateway"

  account_id         = var.account_id
  gateway_id         = var.gateway_id
  logpush_public_key = var.logpush_public_key
  spend_limits       = var.spend_limits
}

module "logs" {
  source = "../../modules/s3-bucket"

  name           = var.log_bucket_name
  region         = local.region
  logpush_prefix = var.log_prefix
  object_lock    = var.object_lock
  expiry         = var.expire_after_days == null ? [] : [{ prefix = "${var.log_prefix}/", after_days = var.expire_after_days }]
  # A log object is never overwritten, so an old version is one that has expired.
  old_versions_days = 1
}

# No lock: compaction and retention delete files of the lake, and a lock would refuse that. What the lake holds can be
# made again from the logs, which are locked.
module "lake" {
  source = "../../modules/s3-bucket"

  name   = var.lake_bucket_name
  region = local.region
}

module "notifications" {
  source = "../../modules/s3-notifications"

  bucket_name = module.logs.name
  bucket_arn  = module.logs.arn
  log_prefix  = var.log_prefix
  queue_name  = "${var.log_bucket_name}-objects"
}

module "access" {
  source = "../../modules/s3-access"

  name                   = "gatelog"
  source_bucket_arn      = module.logs.arn
  log_prefix             = var.log_prefix
  lake_bucket_arn        = module.lake.arn
  lake_prefix            = var.lake_prefix
  queue_arn              = module.notifications.queue_arn
  trusted_principal_arns = var.trusted_principal_arns
}
