//! What the provider path tells: the operation, and on Azure the resource and the deployment.

use gatelog_model::Operation;

/// Which API a body belongs to.
pub type OperationHint = Operation;

/// The Azure names in an endpoint, as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AzurePath<'a> {
    /// Name of the resource.
    pub resource: &'a str,
    /// Name of the deployment; `None` where the path leaves it to the body.
    pub deployment: Option<&'a str>,
}

/// The operation that an endpoint stands for, from the end of its path.
pub fn operation_of(endpoint: &str) -> OperationHint {
    let mut segments = path(endpoint).rsplit('/').filter(|segment| !segment.is_empty());
    let last = segments.next().unwrap_or_default();
    let is_chat = segments.next().is_some_and(|segment| segment.eq_ignore_ascii_case("chat"));
    match last.to_ascii_lowercase().as_str() {
        "completions" if is_chat => Operation::Chat,
        "completions" => Operation::Completions,
        "embeddings" => Operation::Embeddings,
        "responses" => Operation::Responses,
        _ => Operation::Other,
    }
}

/// Takes `{resource}/{deployment}/{rest}` apart, also with Azure's own `openai/deployments/` after the resource.
///
/// In Azure's `{resource}/openai/v1/...` and `{resource}/openai/responses` the body's model names the deployment.
pub fn azure_endpoint(endpoint: &str) -> Option<AzurePath<'_>> {
    let path = path(endpoint);
    let (resource, rest) = path.strip_prefix('/').unwrap_or(path).split_once('/')?;
    // Azure's own path without the resource in front of it.
    if resource.is_empty() || (resource == "openai" && rest.starts_with("deployments/")) {
        return None;
    }
    let named = match rest.strip_prefix("openai/") {
        None => rest,
        Some(azure) => match azure.strip_prefix("deployments/") {
            Some(named) => named,
            None => return (!azure.is_empty()).then_some(AzurePath { resource, deployment: None }),
        },
    };
    let (deployment, rest) = named.split_once('/')?;
    (!deployment.is_empty() && !rest.is_empty()).then_some(AzurePath { resource, deployment: Some(deployment) })
}

fn path(endpoint: &str) -> &str {
    endpoint.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        for (endpoint, operation) in [
            ("contoso/gpt4o/chat/completions?api-version=2024-10-21", Operation::Chat),
            ("/v1/Chat/Completions/", Operation::Chat),
            ("contoso/gpt4o/completions", Operation::Completions),
            ("contoso/emb/embeddings?x=/chat/completions", Operation::Embeddings),
            ("contoso/openai/v1/responses", Operation::Responses),
            ("contoso/gpt4o/audio/transcriptions", Operation::Other),
            ("v1/responses/resp_1/cancel", Operation::Other),
            ("", Operation::Other),
            ("?", Operation::Other),
        ] {
            assert_eq!(operation_of(endpoint), operation, "{endpoint}");
        }
    }

    #[test]
    fn azure_paths() {
        let chat = Some(AzurePath { resource: "contoso", deployment: Some("gpt4o") });
        let unnamed = Some(AzurePath { resource: "contoso", deployment: None });
        for (endpoint, expected) in [
            ("contoso/gpt4o/chat/completions?api-version=2024-10-21", chat),
            ("/contoso/gpt4o/embeddings", chat),
            ("contoso/openai/deployments/gpt4o/chat/completions", chat),
            ("contoso/openai/v1/responses", unnamed),
            ("contoso/openai/responses?api-version=preview", unnamed),
            ("contoso/openai/", None),
            ("openai/deployments/gpt4o/chat/completions", None),
            ("contoso/gpt4o", None),
            ("contoso/gpt4o/", None),
            ("contoso//chat/completions", None),
            ("//gpt4o/chat/completions", None),
            ("", None),
        ] {
            assert_eq!(azure_endpoint(endpoint), expected, "{endpoint}");
        }
    }
}
