output "gateway_id" {
  description = "Id of the gateway, for `gateways` of Cloudflare's side and for the base URL."
  value       = cloudflare_ai_gateway.this.id
}

output "azure_openai_base_url" {
  description = "What applications put before RESOURCE/DEPLOYMENT."
  value       = "https://gateway.ai.cloudflare.com/v1/${var.account_id}/${cloudflare_ai_gateway.this.id}/azure-openai"
}
