variable "account_id" {
  description = "Cloudflare account that owns the bucket."
  type        = string
}

variable "name" {
  description = "Name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "3 to 63 lower-case letters, digits and dashes."
  }
}

variable "location" {
  description = "Where R2 should put the bucket: a wish, heard only when the name is used for the first time. There is no African one."
  type        = string
  default     = "weur"

  validation {
    condition     = contains(["apac", "eeur", "enam", "oc", "weur", "wnam"], var.location)
    error_message = "One of apac, eeur, enam, oc, weur, wnam."
  }
}

variable "jurisdiction" {
  description = "Where R2 must keep the data; `us` since provider 5.23. Logpush reaches any but `default` through the S3 endpoint only."
  type        = string
  default     = "default"

  validation {
    condition     = contains(["default", "eu", "fedramp", "us"], var.jurisdiction)
    error_message = "One of default, eu, fedramp, us."
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

variable "locks" {
  description = "Prefixes whose objects can be neither changed nor deleted for so many days."
  type = list(object({
    prefix = string
    days   = number
  }))
  default = []

  validation {
    condition     = alltrue([for lock in var.locks : lock.days >= 1 && endswith(lock.prefix, "/")])
    error_message = "A lock lasts a day or longer, and its prefix ends with a slash: `logs` would lock `logs-old/` too."
  }
}

variable "expiry" {
  description = "Prefixes whose objects R2 deletes after so many days."
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
    condition = alltrue([
      for pair in setproduct(var.expiry, var.locks) :
      pair[0].after_days > pair[1].days || !startswith(pair[0].prefix, pair[1].prefix)
    ])
    error_message = "Objects must expire after their lock ends."
  }
}
