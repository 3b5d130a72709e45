locals {
  # Source: Cloudflare's page on Logpush to Amazon S3.
  logpush_user_arn = "arn:aws:iam::391854517948:user/cloudflare-logpush"
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # Logpush may add objects below its prefix. It may neither read, nor list, nor delete.
  dynamic "statement" {
    for_each = var.logpush_prefix == null ? [] : [var.logpush_prefix]

    content {
      sid       = "LogpushWrites"
      effect    = "Allow"
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.this.arn}/${statement.value}/*"]

      principals {
        type        = "AWS"
        identifiers = [local.logpush_user_arn]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  # Before the block S3 could take a policy for public that is not yet looked at.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
