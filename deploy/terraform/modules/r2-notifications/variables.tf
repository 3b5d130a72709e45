variable "account_id" {
  description = "Cloudflare account that owns bucket and queue."
  type        = string
}

variable "bucket_name" {
  description = "Bucket that Logpush writes to."
  type        = string
}

variable "jurisdiction" {
  description = "Jurisdiction of the bucket. For any but `default` notifications are to be tried first: documents disagree."
  type        = string
  default     = "default"
}

variable "log_prefix" {
  description = "What stands before the day folders, without a slash at its end; `source.prefixes` of gatelog.toml."
  type        = string

  validation {
    condition     = can(regex("^[^/].*[^/]$", var.log_prefix))
    error_message = "At least two characters, no slash at either end."
  }
}

variable "queue_name" {
  description = "Name of the queue; its dead letters go to NAME-dead."
  type        = string
}

variable "retention_seconds" {
  description = "How long a message waits for a reader."
  type        = number
  default     = 345600

  validation {
    condition     = var.retention_seconds >= 60 && var.retention_seconds <= 1209600
    error_message = "60 seconds to 14 days."
  }
}

variable "deliveries_max" {
  description = "How often a message is handed out before it goes to the dead letters."
  type        = number
  default     = 10
}

variable "visibility_timeout_seconds" {
  description = "How long a message that was handed out is hidden from other readers."
  type        = number
  default     = 60

  validation {
    condition     = var.visibility_timeout_seconds >= 1 && var.visibility_timeout_seconds <= 43200
    error_message = "1 second to 12 hours."
  }
}
