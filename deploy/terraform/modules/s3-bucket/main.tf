# A private, encrypted, versioned S3 bucket in one region.
data "aws_region" "current" {}

# prevent_destroy: a destroy would otherwise take policy and lock away first and only then be refused a bucket that is not
# empty.
resource "aws_s3_bucket" "this" {
  bucket              = var.name
  object_lock_enabled = var.object_lock != null

  lifecycle {
    prevent_destroy = true

    # A wrong provider setting would silently store the data in another country.
    precondition {
      condition     = data.aws_region.current.region == var.region
      error_message = "The AWS provider points at ${data.aws_region.current.region}, but this bucket belongs in ${var.region}."
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# The bucket's owner owns what Logpush writes. Its ACL `bucket-owner-full-control` is the one that S3 still accepts then.
resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# Not a KMS key: Logpush would need to be let into the key's policy too.
resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}
