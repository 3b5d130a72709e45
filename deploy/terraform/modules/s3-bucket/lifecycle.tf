resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  # Logpush uploads in parts; those of a failed upload cannot be listed as objects and are paid for.
  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_uploads_after_days
    }
  }

  # What was deleted or overwritten can be brought back for so long, and no longer.
  rule {
    id     = "remove-old-versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.old_versions_days
    }

    # What is left of an object whose last version is gone.
    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = var.expiry

    content {
      id     = "expire-${replace(trimsuffix(rule.value.prefix, "/"), "/", "-")}"
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      expiration {
        days = rule.value.after_days
      }
    }
  }

  # Rules about versions mean something only where there are versions.
  depends_on = [aws_s3_bucket_versioning.this]
}
