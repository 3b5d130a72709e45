variable "name" {
  description = "What the names of policies and roles begin with."
  type        = string
}

variable "source_bucket_arn" {
  description = "ARN of the bucket with the logs."
  type        = string
}

variable "log_prefix" {
  description = "What stands before the day folders, without a slash at its end."
  type        = string
}

variable "lake_bucket_arn" {
  description = "ARN of the bucket with the lake; may be the same bucket."
  type        = string
}

variable "lake_prefix" {
  description = "Prefix of everything the lake writes, without a slash at its end; `lake.prefix` of gatelog.toml."
  type        = string
}

variable "queue_arn" {
  description = "ARN of the queue with the notifications."
  type        = string
}

variable "trusted_principal_arns" {
  description = "Who may take on the roles, such as the role of an instance; empty makes policies and no roles."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.trusted_principal_arns : can(regex("^arn:aws:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "Each is the ARN of one role or user: a whole account is more than this needs."
  }
}
