# An R2 bucket with its lifecycle and its locks.
#
# prevent_destroy: a destroy would otherwise take the locks away first and only then be refused a bucket that is not empty.
resource "cloudflare_r2_bucket" "this" {
  account_id    = var.account_id
  name          = var.name
  jurisdiction  = var.jurisdiction
  location      = var.location
  storage_class = "Standard"

  lifecycle {
    prevent_destroy = true
  }
}

# Owns the bucket's whole list of rules: what is not here is removed, R2's own default rule too.
resource "cloudflare_r2_bucket_lifecycle" "this" {
  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.this.name
  jurisdiction = var.jurisdiction

  rules = concat(
    [{
      # Parts of a failed upload cannot be listed as objects and are paid for.
      id         = "abort-incomplete-uploads"
      enabled    = true
      conditions = { prefix = "" }
      abort_multipart_uploads_transition = {
        condition = { type = "Age", max_age = local.day_seconds * var.abort_uploads_after_days }
      }
      delete_objects_transition = null
    }],
    [for expiry in var.expiry : {
      id                                 = "expire-${replace(trimsuffix(expiry.prefix, "/"), "/", "-")}"
      enabled                            = true
      conditions                         = { prefix = expiry.prefix }
      abort_multipart_uploads_transition = null
      delete_objects_transition = {
        condition = { type = "Age", max_age = local.day_seconds * expiry.after_days }
      }
    }],
  )
}

# A lock refuses to overwrite or to delete, to lifecycle rules too. It is configuration: who may edit the bucket may
# remove it, so that right belongs to few.
resource "cloudflare_r2_bucket_lock" "this" {
  count = length(var.locks) > 0 ? 1 : 0

  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.this.name
  jurisdiction = var.jurisdiction

  rules = [for lock in var.locks : {
    id        = "keep-${replace(trimsuffix(lock.prefix, "/"), "/", "-")}"
    enabled   = true
    prefix    = lock.prefix
    condition = { type = "Age", max_age_seconds = local.day_seconds * lock.days }
  }]

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  day_seconds = 86400
}
