# Each new object is kept for so long, whoever asks for its removal. In COMPLIANCE mode nobody can shorten that, the account's
# root neither; in GOVERNANCE mode a right of its own can.
resource "aws_s3_bucket_object_lock_configuration" "this" {
  count = var.object_lock == null ? 0 : 1

  bucket = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode = var.object_lock.mode
      days = var.object_lock.days
    }
  }

  # Object Lock needs versions.
  depends_on = [aws_s3_bucket_versioning.this]
}
