"""Ways to break the configuration, each with what must then be reported. A check that never fails proves nothing."""

from __future__ import annotations

from dataclasses import dataclass

GATEWAY = "modules/gateway/main.tf"
GATEWAY_VARIABLES = "modules/gateway/variables.tf"
R2 = "modules/r2-bucket/main.tf"
R2_NOTIFICATIONS = "modules/r2-notifications/main.tf"
S3 = "modules/s3-bucket/main.tf"
S3_POLICY = "modules/s3-bucket/policy.tf"
S3_NOTIFICATIONS = "modules/s3-notifications/main.tf"
R2_EXAMPLE = "examples/r2/main.tf"
S3_EXAMPLE = "examples/s3-af-south-1/main.tf"


@dataclass(frozen=True)
class Breakage:
    """`old` becomes `new` in one file; an empty `old` adds at the end."""

    title: str
    file: str
    old: str
    new: str
    reported: str

    def apply(self, files: dict[str, str]) -> dict[str, str]:
        before = files[self.file]
        after = before.replace(self.old, self.new, 1) if self.old else f"{before}\n{self.new}\n"
        if after == before:
            raise ValueError(f"{self.title}: `{self.old}` is not in {self.file}")
        return {**files, self.file: after}


ARGUMENTS = [
    Breakage(
        "unknown argument",
        GATEWAY,
        "collect_logs ",
        "collect_log ",
        "cloudflare_ai_gateway.collect_log: unknown argument",
    ),
    Breakage(
        "required argument missing",
        GATEWAY,
        "  cache_ttl                  = var.cache_ttl_seconds\n",
        "",
        "cloudflare_ai_gateway.cache_ttl: missing",
    ),
    Breakage(
        "required argument null",
        GATEWAY,
        "= var.cache_ttl_seconds",
        "= null",
        "cloudflare_ai_gateway.cache_ttl: missing",
    ),
    Breakage(
        "value that is not allowed",
        GATEWAY,
        '"DELETE_OLDEST"',
        '"DROP_WHEN_FULL"',
        "is none of STOP_INSERTING, DELETE_OLDEST",
    ),
    Breakage(
        "unknown argument in a loop", GATEWAY, "ai_gateway_provider =", "provider =", "rules.provider: unknown argument"
    ),
    Breakage(
        "required argument missing in a loop", GATEWAY, '      limit_type = "cost"\n', "", "rules.limit_type: missing"
    ),
    Breakage(
        "value not allowed behind a condition",
        GATEWAY,
        'mode = "partition"',
        'mode = "split"',
        "is none of partition, filter",
    ),
    Breakage(
        "block where an object belongs",
        R2_NOTIFICATIONS,
        "settings = {\n    # HTTP",
        "settings {\n    # HTTP",
        "not a block",
    ),
    Breakage("file that is no HCL", R2_NOTIFICATIONS, "rules = [{", "rules = {", "modules/r2-notifications/main.tf: "),
    Breakage(
        "object where a list belongs",
        R2,
        "rules = [for lock in var.locks : {",
        "rules = true ? {} : [for lock in var.locks : {",
        "must be a list",
    ),
    Breakage(
        "unknown argument in a joined list",
        R2,
        "max_age = local.day_seconds * var",
        "maximum_age = local.day_seconds * var",
        "condition.maximum_age: unknown argument",
    ),
    Breakage(
        "argument where a block belongs",
        S3,
        "versioning_configuration {",
        "versioning_configuration = {",
        "is a block, not an argument",
    ),
    Breakage("unknown block", S3, "apply_server_side_encryption_by_default {", "apply_encryption {", "unknown block"),
    Breakage(
        "value not allowed in a dynamic block",
        "modules/s3-bucket/lifecycle.tf",
        'status = "Enabled"\n\n      filter',
        'status = "On"\n\n      filter',
        "is none of Enabled, Disabled",
    ),
    Breakage(
        "resource that nothing is known about",
        S3,
        "",
        'resource "aws_s3_bucket_acl" "this" {}',
        "aws_s3_bucket_acl is not in provider_arguments.json",
    ),
    Breakage("event that R2 does not know", R2_NOTIFICATIONS, '"PutObject"', '"ObjectCreated"', "is none of PutObject"),
]
REFERENCES = [
    Breakage("dangling variable", GATEWAY, "var.gateway_id", "var.gateway", "var.gateway: no such variable"),
    Breakage("dangling local", R2, "local.day_seconds * lock", "local.day * lock", "local.day: no such local"),
    Breakage(
        "dangling resource", R2, "cloudflare_r2_bucket.this.name", "cloudflare_r2_bucket.that.name", "no such resource"
    ),
    Breakage(
        "attribute that the resource lacks",
        S3_NOTIFICATIONS,
        "aws_sqs_queue.dead_letters.arn",
        "aws_sqs_queue.dead_letters.anr",
        "has no attribute `anr`",
    ),
    Breakage(
        "dangling output of a module",
        R2_EXAMPLE,
        "module.logs.name",
        "module.logs.bucket",
        "the module has no such output",
    ),
    Breakage(
        "dangling reference in a heredoc",
        "examples/r2/outputs.tf",
        '"${module.lake.endpoint}"',
        '"${module.lake.url}"',
        "module.lake.url: the module has no such output",
    ),
    Breakage("dangling data source", S3_POLICY, "document.bucket.json", "document.buckets.json", "no such data source"),
    Breakage(
        "variable of a loop used outside",
        R2,
        "enabled   = true\n    prefix    = lock.prefix",
        "enabled   = true\n    prefix    = lok.prefix",
        "lok.prefix: no such resource",
    ),
    Breakage(
        "variable that nobody uses",
        GATEWAY_VARIABLES,
        "",
        'variable "spare" {\n  description = "Spare."\n  type = string\n}',
        "variable.spare: never used",
    ),
    Breakage(
        "variable without a description",
        GATEWAY_VARIABLES,
        'description = "Cloudflare account that owns the gateway."\n',
        "",
        "no description",
    ),
    Breakage(
        "call without a required variable",
        R2_EXAMPLE,
        "  queue_name   =",
        "  #",
        "the variable `queue_name` is required",
    ),
    Breakage(
        "call with an unknown variable",
        R2_EXAMPLE,
        "spend_limits       =",
        "limits =",
        "the module has no variable `limits`",
    ),
    Breakage("call of nothing", R2_EXAMPLE, "../../modules/gateway", "../../modules/gate", "its source is no module"),
    Breakage("provider without a version", "modules/gateway/versions.tf", '"~> 5.22"', '">= 5"', "no `~>` version"),
    Breakage(
        "provider that is not declared",
        "modules/s3-access/versions.tf",
        "aws = {",
        "amazon = {",
        "provider aws is not in required_providers",
    ),
]
RULES = [
    Breakage(
        "Logpush off", GATEWAY, "logpush            = true", "logpush            = false", "`logpush` must be true"
    ),
    Breakage("no public key", GATEWAY, "trimspace(var.logpush_public_key)", "null", "`logpush_public_key` must be set"),
    Breakage(
        "no authentication", GATEWAY, "authentication = true", "authentication = false", "`authentication` must be true"
    ),
    Breakage(
        "full storage stops the log",
        GATEWAY,
        '"DELETE_OLDEST"',
        '"STOP_INSERTING"',
        "`log_management_strategy` must be DELETE_OLDEST",
    ),
    Breakage(
        "private keys let through",
        GATEWAY_VARIABLES,
        '!strcontains(var.logpush_public_key, "PRIVATE")',
        "true",
        "no validation refuses a private key",
    ),
    Breakage(
        "spend-limit rule without id", GATEWAY, "      id         = rule.id\n", "", "a spend-limit rule has no `id`"
    ),
    Breakage("one id for all rules", GATEWAY, "= rule.id\n", '= "6fb25042"\n', "every spend-limit rule has the id"),
    Breakage(
        "two defaults with one id",
        "examples/r2/variables.tf",
        'id = "tenant-per-day"',
        'id = "all-per-day"',
        "repeats the id `all-per-day`",
    ),
    Breakage(
        "ids that are not compared",
        GATEWAY_VARIABLES,
        "length(distinct([for rule in var.spend_limits : rule.id]))",
        "length(var.spend_limits)",
        "no validation compares the ids",
    ),
    Breakage(
        "secret that is not sensitive",
        "examples/r2/variables.tf",
        "",
        'variable "r2_secret_access_key" {\n  description = "Key."\n  type = string\n}',
        "sounds like a secret and is not `sensitive`",
    ),
    Breakage(
        "token in a provider",
        R2_EXAMPLE,
        'provider "cloudflare" {}',
        'provider "cloudflare" {\n  api_token = "x"\n}',
        "`api_token` belongs in the environment",
    ),
    Breakage(
        "access key in the state",
        "modules/s3-access/main.tf",
        "",
        'resource "aws_iam_access_key" "this" {\n  user = "x"\n}',
        "its secret would lie in the state",
    ),
    Breakage(
        "Logpush job of the dataset",
        R2_EXAMPLE,
        "",
        'resource "cloudflare_logpush_job" "this" {\n  destination_conf = "r2://x"\n  dataset = "ai_gateway_events"\n}',
        "the provider refuses the dataset",
    ),
    Breakage(
        "policy with a second action",
        S3_POLICY,
        '["s3:PutObject"]',
        '["s3:PutObject", "s3:GetObject"]',
        "allows more than s3:PutObject",
    ),
    Breakage(
        "policy for the whole bucket",
        S3_POLICY,
        '/${statement.value}/*"',
        '/*"',
        "more than what is below the log prefix",
    ),
    Breakage("policy for another account", S3_POLICY, "391854517948", "391854517949", "not Logpush alone"),
    Breakage("policy for everybody", S3_POLICY, "[local.logpush_user_arn]", '["*"]', "not Logpush alone"),
    Breakage("plain HTTP let in", S3_POLICY, "aws:SecureTransport", "aws:SourceVpc", "plain HTTP is not refused"),
    Breakage("other suffix on R2", R2_NOTIFICATIONS, '".log.gz"', '".gz"', "suffix is not .log.gz"),
    Breakage("other suffix on S3", S3_NOTIFICATIONS, '".log.gz"', '".log"', "filter_suffix is not .log.gz"),
    Breakage(
        "prefix without its slash",
        R2_NOTIFICATIONS,
        '"${var.log_prefix}/"',
        '"${var.log_prefix}"',
        "prefix is not the log prefix",
    ),
    Breakage("worker instead of pull", R2_NOTIFICATIONS, '"http_pull"', '"worker"', "`type` must be http_pull"),
    Breakage(
        "no dead letters",
        R2_NOTIFICATIONS,
        "  dead_letter_queue = cloudflare_queue.dead_letters.queue_name\n",
        "",
        "handed out too often are lost",
    ),
    Breakage(
        "lock on another prefix",
        R2_EXAMPLE,
        'locks        = [{ prefix = "${var.log_prefix}/"',
        'locks        = [{ prefix = "other/"',
        "the lock is not on the log prefix",
    ),
    Breakage(
        "lock on the lake",
        S3_EXAMPLE,
        "  name   = var.lake_bucket_name\n",
        "  name   = var.lake_bucket_name\n  object_lock = var.object_lock\n",
        "stops its maintenance",
    ),
    Breakage(
        "bucket that a destroy takes",
        S3,
        "prevent_destroy = true",
        "prevent_destroy = false",
        "a destroy would take it",
    ),
    Breakage(
        "uploads that never end",
        "modules/s3-bucket/lifecycle.tf",
        "abort_incomplete_multipart_upload {\n      days_after_initiation = var.abort_uploads_after_days\n    }",
        "expiration {\n      days = var.abort_uploads_after_days\n    }",
        "S3: uploads that never end",
    ),
    Breakage(
        "another region", S3_EXAMPLE, 'region = "af-south-1"', 'region = "eu-west-1"', "local.region is not af-south-1"
    ),
    Breakage(
        "provider in another region",
        S3_EXAMPLE,
        'provider "aws" {\n  region = local.region',
        'provider "aws" {\n  region = "eu-west-1"',
        "its region is not local.region",
    ),
    Breakage(
        "region that is not compared",
        S3,
        "data.aws_region.current.region == var.region",
        "true",
        "does not compare its region",
    ),
]
BREAKAGES = [*ARGUMENTS, *REFERENCES, *RULES]
