output "queue_id" {
  description = "Id of the queue that gatelog pulls from."
  value       = cloudflare_queue.this.queue_id
}

output "dead_letter_queue_name" {
  description = "Where messages go that were handed out too often; something to look into."
  value       = cloudflare_queue.dead_letters.queue_name
}
