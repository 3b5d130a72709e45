"""What the configuration must say for the audit trail to be one, whatever else changes.

Every rule fails where it finds nothing to look at: a check of nothing would pass for ever.
"""

from __future__ import annotations

from collections.abc import Callable

from rules_buckets import (
    REGION,
    buckets_outlive_a_destroy,
    data_stays_in_cape_town,
    incomplete_uploads_end,
    logs_are_locked_and_the_lake_is_not,
)
from rules_gateway import (
    gateway_keeps_the_trail,
    no_logpush_job_of_the_gateway,
    private_keys_are_refused,
    spend_rules_have_ids,
)
from rules_notifications import notifications_match_log_keys, queue_is_pulled
from rules_policy import logpush_only_writes, plain_http_is_refused
from rules_secrets import no_secret_is_made, secrets_are_sensitive
from selection import Modules

Rule = Callable[[Modules], list[str]]

RULES: dict[str, Rule] = {
    "gateway: logs, Logpush with a public key and authentication are on": gateway_keeps_the_trail,
    "gateway: a private key is refused": private_keys_are_refused,
    "gateway: each spend-limit rule has an id of its own": spend_rules_have_ids,
    "secrets: variables and outputs that sound like one are sensitive": secrets_are_sensitive,
    "secrets: none is made, and none is written into a provider": no_secret_is_made,
    "logpush: the job is left to gatelog, and outputs say so": no_logpush_job_of_the_gateway,
    "s3: the bucket policy allows Logpush to put objects, and nothing else": logpush_only_writes,
    "s3: plain HTTP is refused": plain_http_is_refused,
    "notifications: created objects below the log prefix that end in .log.gz": notifications_match_log_keys,
    "notifications: R2's queue is pulled over HTTP and has dead letters": queue_is_pulled,
    "buckets: logs are locked, the lake is not": logs_are_locked_and_the_lake_is_not,
    "buckets: a destroy is refused": buckets_outlive_a_destroy,
    "buckets: incomplete uploads are given up": incomplete_uploads_end,
    f"residency: everything of the S3 example is in {REGION}": data_stays_in_cape_town,
}
