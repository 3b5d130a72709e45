output "name" {
  description = "Name of the bucket."
  # Through the policy, so that who uses the name waits until plain HTTP is refused.
  value = aws_s3_bucket_policy.this.bucket
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "region" {
  description = "Region of the bucket."
  value       = data.aws_region.current.region
}
