variable "account_id" {
  description = "Cloudflare account that owns the gateway."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.account_id))
    error_message = "An account id is 32 lower-case hex digits."
  }
}

variable "gateway_id" {
  description = "Id of the gateway: the part of its URL after the account."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9_-]{1,64}$", var.gateway_id))
    error_message = "A gateway id is 1 to 64 lower-case letters, digits, dashes and underscores."
  }
}

variable "logpush_public_key" {
  description = "Public half, in PEM, of the key that `gatelog keygen` made. Logpush seals prompts and answers with it."
  type        = string

  # State and plans are no place for a private key, and a mix-up of the two files is easy.
  validation {
    condition     = can(regex("^\\s*-----BEGIN PUBLIC KEY-----", var.logpush_public_key)) && !strcontains(var.logpush_public_key, "PRIVATE")
    error_message = "This must be a PEM public key (BEGIN PUBLIC KEY), never the private half."
  }
}

variable "cache_ttl_seconds" {
  description = "How long answers are cached for requests that do not say; 0 caches none of those."
  type        = number
  default     = 0

  validation {
    condition     = var.cache_ttl_seconds == 0 || (var.cache_ttl_seconds >= 60 && var.cache_ttl_seconds <= 2592000)
    error_message = "0, or 60 seconds to one month."
  }
}

variable "rate_limit" {
  description = "Requests per interval for the whole gateway, all tenants together; zeros are no limit."
  type = object({
    requests         = number
    interval_seconds = number
    technique        = optional(string, "sliding")
  })
  default = {
    requests         = 0
    interval_seconds = 0
  }

  validation {
    condition     = (var.rate_limit.requests > 0) == (var.rate_limit.interval_seconds > 0)
    error_message = "A limit needs both requests and interval_seconds."
  }

  validation {
    condition     = contains(["fixed", "sliding"], var.rate_limit.technique)
    error_message = "The technique is fixed or sliding."
  }
}

variable "retry" {
  description = "Tries of a request that does not say, the wait before the second, and how it grows."
  type = object({
    attempts = optional(number, 3)
    delay_ms = optional(number, 500)
    backoff  = optional(string, "exponential")
  })
  default = {}

  validation {
    condition     = var.retry.attempts >= 1 && var.retry.attempts <= 5
    error_message = "1 to 5 attempts."
  }

  validation {
    condition     = var.retry.delay_ms >= 0 && var.retry.delay_ms <= 5000
    error_message = "A delay of 0 to 5000 ms."
  }

  validation {
    condition     = contains(["constant", "linear", "exponential"], var.retry.backoff)
    error_message = "The backoff is constant, linear or exponential."
  }
}

variable "stored_logs_max" {
  description = "Logs that Cloudflare itself keeps, of accounts with its older log store; null leaves it to Cloudflare."
  type        = number
  default     = 10000

  validation {
    condition     = var.stored_logs_max == null ? true : var.stored_logs_max >= 10000 && var.stored_logs_max <= 10000000
    error_message = "10,000 to 10,000,000, or null."
  }
}

variable "spend_limits" {
  description = "Limits in USD. `per_metadata_key` gives each value of that cf-aig-metadata entry a limit of its own."
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
  default = []

  validation {
    condition     = length(distinct([for rule in var.spend_limits : rule.id])) == length(var.spend_limits)
    error_message = "Each rule needs an id of its own: rules with one id share one counter."
  }

  validation {
    condition     = alltrue([for rule in var.spend_limits : can(regex("^[A-Za-z0-9_-]{1,64}$", rule.id))])
    error_message = "An id is 1 to 64 letters, digits, dashes and underscores."
  }

  validation {
    condition     = length(var.spend_limits) <= 20
    error_message = "A gateway has at most 20 rules."
  }

  validation {
    condition     = alltrue([for rule in var.spend_limits : rule.limit_usd > 0 && rule.window_seconds > 0])
    error_message = "Limit and window must be positive."
  }

  validation {
    condition     = alltrue([for rule in var.spend_limits : contains(["fixed", "sliding"], rule.technique)])
    error_message = "The technique is fixed or sliding."
  }
}
