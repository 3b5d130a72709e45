# Tells an SQS queue of each new log object. Notifications may come twice or out of order: listing stays the truth.
data "aws_caller_identity" "current" {}

resource "aws_sqs_queue" "this" {
  name                       = var.queue_name
  message_retention_seconds  = var.retention_seconds
  visibility_timeout_seconds = var.visibility_timeout_seconds
  # Long polling: an empty queue costs one request in 20 seconds.
  receive_wait_time_seconds = 20
  sqs_managed_sse_enabled   = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.deliveries_max
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name = "${var.queue_name}-dead"
  # 14 days, the most there is: somebody has to look at them.
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}

# S3 is let in for this bucket of this account only; anybody's bucket could fill the queue otherwise.
data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "BucketSends"
    effect    = "Allow"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.this.arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [var.bucket_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.this.arn]

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
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  policy    = data.aws_iam_policy_document.queue.json
}

# Owns all notifications of the bucket.
resource "aws_s3_bucket_notification" "this" {
  bucket = var.bucket_name

  # The suffix leaves out Logpush's test files and its ownership challenge.
  queue {
    id            = "new-log-objects"
    queue_arn     = aws_sqs_queue.this.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "${var.log_prefix}/"
    filter_suffix = ".log.gz"
  }

  # S3 tries the queue when the notification is made.
  depends_on = [aws_sqs_queue_policy.this]
}
