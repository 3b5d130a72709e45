output "queue_url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "queue_arn" {
  description = "ARN of the queue, for the policy of who reads it."
  value       = aws_sqs_queue.this.arn
}

output "dead_letter_queue_arn" {
  description = "Where messages go that were handed out too often; something to put an alarm on."
  value       = aws_sqs_queue.dead_letters.arn
}
