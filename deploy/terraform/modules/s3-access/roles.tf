# Roles for machines that have an identity of their own; none are made without somebody to take them on.
locals {
  roles = length(var.trusted_principal_arns) == 0 ? {} : {
    ingest  = ["source-reader", "lake-writer"]
    gateway = ["gateway-writer"]
  }
  attachments = merge([for role, policies in local.roles : {
    for policy in policies : "${role}/${policy}" => { role = role, policy = policy }
  }]...)
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.trusted_principal_arns
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.attachments

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}
