variable "account_id" {
  description = "Cloudflare account."
  type        = string
}

variable "gateway_id" {
  description = "Id of the AI Gateway."
  type        = string
  default     = "production"
}

variable "logpush_public_key" {
  description = "Public half, in PEM, of the key that `gatelog keygen` made."
  type        = string
}

variable "log_bucket_name" {
  description = "Bucket that Logpush writes to; one of its kind in all of AWS."
  type        = string
}

variable "lake_bucket_name" {
  description = "Bucket of the lake; one of its kind in all of AWS."
  type        = string

  validation {
    condition     = var.lake_bucket_name != var.log_bucket_name
    error_message = "Logs and lake need a bucket each: what locks the logs would lock the lake."
  }
}

variable "log_prefix" {
  description = "What stands before the day folders, without a slash at its end."
  type        = string
  default     = "ai-gateway"
}

variable "lake_prefix" {
  description = "Prefix of everything the lake writes, without a slash at its end."
  type        = string
  default     = "lake"
}

variable "object_lock" {
  description = "How long logs are kept against everybody. 184 days are never less than six months; null locks nothing."
  type = object({
    mode = string
    days = number
  })
  # COMPLIANCE cannot be taken back, so it is chosen, not inherited.
  default = {
    mode = "GOVERNANCE"
    days = 184
  }
}

variable "expire_after_days" {
  description = "When S3 deletes logs; null keeps them until somebody does. More than the days of `object_lock`."
  type        = number
  default     = null
}

variable "trusted_principal_arns" {
  description = "Who may take on the roles of `gatelog ingest` and `gatelog gateway`; empty makes policies only."
  type        = list(string)
  default     = []
}

variable "spend_limits" {
  description = "Limits in USD; see modules/gateway."
  type = list(object({
    id               = string
    limit_usd        = number
    window_seconds   = number
    technique        = optional(string, "sliding")
    enabled          = optional(bool, true)
    per_metadata_key = optional(string)
    models           = optional(list(string))
    providers        = optional(list(string))
  }))
  default = [
    { id = "all-per-day", limit_usd = 500, window_seconds = 86400 },
    { id = "tenant-per-day", limit_usd = 50, window_seconds = 86400, per_metadata_key = "tenantId" },
  ]
}
