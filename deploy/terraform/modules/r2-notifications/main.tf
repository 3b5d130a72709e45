# Tells a queue of each new log object; gatelog pulls from it over HTTP and need not wait for the next listing.
# Notifications may be lost or come twice: listing stays the truth.
resource "cloudflare_queue" "this" {
  account_id = var.account_id
  queue_name = var.queue_name
  settings = {
    message_retention_period = var.retention_seconds
  }
}

resource "cloudflare_queue" "dead_letters" {
  account_id = var.account_id
  queue_name = "${var.queue_name}-dead"
  settings = {
    message_retention_period = var.retention_seconds
  }
}

resource "cloudflare_queue_consumer" "this" {
  account_id        = var.account_id
  queue_id          = cloudflare_queue.this.queue_id
  type              = "http_pull"
  dead_letter_queue = cloudflare_queue.dead_letters.queue_name
  settings = {
    # HTTP pull hands out at most 100 at once.
    batch_size            = 100
    max_retries           = var.deliveries_max
    visibility_timeout_ms = var.visibility_timeout_seconds * 1000
  }
}

resource "cloudflare_r2_bucket_event_notification" "this" {
  account_id   = var.account_id
  bucket_name  = var.bucket_name
  jurisdiction = var.jurisdiction
  queue_id     = cloudflare_queue.this.queue_id

  # One rule: R2 refuses rules that overlap. Together the three actions are what it calls object-create. The suffix
  # leaves out Logpush's test files.
  rules = [{
    description = "New log objects of Logpush"
    actions     = ["PutObject", "CompleteMultipartUpload", "CopyObject"]
    prefix      = "${var.log_prefix}/"
    suffix      = ".log.gz"
  }]

  # Without the consumer the first messages would only grow old.
  depends_on = [cloudflare_queue_consumer.this]
}
