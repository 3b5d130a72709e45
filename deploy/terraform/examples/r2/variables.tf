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
  description = "Bucket that Logpush writes to."
  type        = string
  default     = "llm-logs"
}

variable "lake_bucket_name" {
  description = "Bucket of the lake."
  type        = string
  default     = "llm-lake"

  validation {
    condition     = var.lake_bucket_name != var.log_bucket_name
    error_message = "Logs and lake need a bucket each."
  }
}

variable "log_prefix" {
  description = "What stands before the day folders, without a slash at its end."
  type        = string
  default     = "ai-gateway"
}

variable "location" {
  description = "Where R2 should put the buckets."
  type        = string
  default     = "weur"
}

variable "jurisdiction" {
  description = "Where R2 must keep the data: default, eu, fedramp or us."
  type        = string
  default     = "default"
}

variable "lock_days" {
  description = "How long logs can be neither changed nor deleted. 184 days are never less than six months."
  type        = number
  default     = 184
}

variable "expire_after_days" {
  description = "When R2 deletes logs; null keeps them until somebody does. More than `lock_days`."
  type        = number
  default     = null
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
