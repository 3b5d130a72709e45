output "policy_arns" {
  description = "ARNs of the policies source-reader, lake-writer and gateway-writer."
  value       = { for name, policy in aws_iam_policy.this : name => policy.arn }
}

output "role_arns" {
  description = "ARNs of the roles ingest and gateway; empty if nobody may take them on."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}
