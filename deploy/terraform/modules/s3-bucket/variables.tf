variable "name" {
  description = "Name of the bucket; one of its kind in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "3 to 63 lower-case letters, digits and dashes."
  }
}

variable "region" {
  description = "Region that the data must stay in. It is compared with the provider's."
  type        = string
}

variable "logpush_prefix" {
  description = "Prefix that Cloudflare's Logpush may write below, without a slash at its end; null lets it write nowhere."
  type        = string
  default     = null

  validation {
    condition     = var.logpush_prefix == null ? true : can(regex("^[^/*?].*[^/*?]$", var.logpush_prefix))
    error_message = "At least two characters, no slash and no wildcard at either end."
  }
}

variable "object_lock" {
  description = "How long each new object is kept against everybody, GOVERNANCE or COMPLIANCE; null locks nothing."
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null ? true : contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode)
    error_message = "The mode is GOVERNANCE or COMPLIANCE."
  }

  validation {
    condition     = var.object_lock == null ? true : var.object_lock.days >= 1
    error_message = "At least a day."
  }
}

variable "abort_uploads_after_days" {
  description = "When an upload that was never finished is given up."
  type        = number
  default     = 7

  validation {
    condition     = var.abort_uploads_after_days >= 1
    error_message = "At least a day: Logpush tries again for that long."
  }
}

variable "old_versions_days" {
  description = "How long a deleted or overwritten version can be brought back. What the law wants gone is gone only then."
  type        = number
  default     = 30

  validation {
    condition     = var.old_versions_days >= 1
    error_message = "At least a day."
  }
}

variable "expiry" {
  description = "Prefixes whose objects S3 deletes after so many days."
  type = list(object({
    prefix     = string
    after_days = number
  }))
  default = []

  validation {
    condition     = alltrue([for expiry in var.expiry : endswith(expiry.prefix, "/")])
    error_message = "A prefix ends with a slash: an empty one would delete everything there is."
  }

  # A lock wins over expiry, so a shorter expiry would be a promise to delete that is not kept.
  validation {
    condition     = var.object_lock == null ? true : alltrue([for expiry in var.expiry : expiry.after_days > var.object_lock.days])
    error_message = "Objects must expire after their lock ends."
  }
}
