# What each part of gatelog may do, one policy for each. Access keys are not made here: they would lie in the state.
locals {
  source_objects = "${var.source_bucket_arn}/${var.log_prefix}/*"
  lake_objects   = "${var.lake_bucket_arn}/${var.lake_prefix}/*"

  policies = {
    source-reader  = data.aws_iam_policy_document.source_reader.json
    lake-writer    = data.aws_iam_policy_document.lake_writer.json
    gateway-writer = data.aws_iam_policy_document.gateway_writer.json
  }
  descriptions = {
    source-reader  = "gatelog ingest: list and read log objects, and take their notifications"
    lake-writer    = "gatelog ingest: everything below the prefix of the lake"
    gateway-writer = "gatelog gateway: add log objects"
  }
}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name        = "${var.name}-${each.key}"
  description = local.descriptions[each.key]
  policy      = each.value
}

# gatelog never changes or deletes a source object, so it cannot.
data "aws_iam_policy_document" "source_reader" {
  statement {
    sid       = "ListLogs"
    actions   = ["s3:ListBucket"]
    resources = [var.source_bucket_arn]

    # `gatelog check` lists the prefix without its slash.
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [var.log_prefix, "${var.log_prefix}/*"]
    }
  }

  statement {
    sid       = "ReadLogs"
    actions   = ["s3:GetObject"]
    resources = [local.source_objects]
  }

  statement {
    sid       = "TakeNotifications"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = [var.queue_arn]
  }
}

# Compaction and retention rewrite and delete files of the lake, below its prefix and nowhere else.
data "aws_iam_policy_document" "lake_writer" {
  statement {
    sid       = "ListLake"
    actions   = ["s3:ListBucket"]
    resources = [var.lake_bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [var.lake_prefix, "${var.lake_prefix}/*"]
    }
  }

  statement {
    sid       = "KeepLake"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = [local.lake_objects]
  }
}

# After a crash between upload and clean-up the gateway reads the object back to see whether it is its own, so it may read
# as well as add. Records are sealed: it cannot open what it reads.
data "aws_iam_policy_document" "gateway_writer" {
  statement {
    sid       = "AddLogs"
    actions   = ["s3:PutObject"]
    resources = [local.source_objects]
  }

  statement {
    sid       = "KnowItsOwn"
    actions   = ["s3:GetObject"]
    resources = [local.source_objects]
  }
}
