output "name" {
  description = "Name of the bucket."
  value       = cloudflare_r2_bucket.this.name
}

output "endpoint" {
  description = "S3 endpoint of the bucket's jurisdiction."
  value       = "https://${var.account_id}.${var.jurisdiction == "default" ? "" : "${var.jurisdiction}."}r2.cloudflarestorage.com"
}
