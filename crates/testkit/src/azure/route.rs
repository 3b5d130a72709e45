//! Paths of Azure OpenAI, old and new, and of OpenAI itself.

use gatelog_model::Operation;

/// Whose dialect is spoken: errors, filters and headers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// `/openai/...`
    Azure,
    /// `/v1/...`
    OpenAi,
}

/// A path that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) api: Api,
    pub(super) operation: Operation,
    /// Where the path names none, the body's model does.
    pub(super) deployment: Option<&'a str>,
    /// Whether the query must have an `api-version`.
    pub(super) is_dated: bool,
}

impl<'a> Route<'a> {
    /// Takes a path apart; `None` for one that nobody serves.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let (api, deployment, is_dated, rest) = match path.strip_prefix("/openai/") {
            None => (Api::OpenAi, None, false, path.strip_prefix("/v1/")?),
            Some(azure) => match (azure.strip_prefix("deployments/"), azure.strip_prefix("v1/")) {
                (Some(named), _) => {
                    let (deployment, rest) = named.split_once('/').filter(|(name, _)| !name.is_empty())?;
                    (Api::Azure, Some(deployment), true, rest)
                }
                (None, Some(rest)) => (Api::Azure, None, false, rest),
                (None, None) => (Api::Azure, None, true, (azure == "responses").then_some(azure)?),
            },
        };
        let operation = match rest {
            "chat/completions" => Operation::Chat,
            "completions" => Operation::Completions,
            "embeddings" => Operation::Embeddings,
            "responses" => Operation::Responses,
            _ => return None,
        };
        Some(Self { api, operation, deployment, is_dated })
    }
}

/// The value of `api-version` in a query.
pub(super) fn api_version(query: &str) -> Option<&str> {
    let version = query.split('&').find_map(|pair| pair.strip_prefix("api-version="))?;
    Some(version).filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_paths_are_taken_apart() {
        let azure = |operation, deployment, is_dated| Some(Route { api: Api::Azure, operation, deployment, is_dated });
        let openai = |operation| Some(Route { api: Api::OpenAi, operation, deployment: None, is_dated: false });
        for (path, expected) in [
            ("/openai/deployments/gpt-4o/chat/completions", azure(Operation::Chat, Some("gpt-4o"), true)),
            ("/openai/deployments/old/completions", azure(Operation::Completions, Some("old"), true)),
            ("/openai/deployments/e/embeddings", azure(Operation::Embeddings, Some("e"), true)),
            ("/openai/deployments/r/responses", azure(Operation::Responses, Some("r"), true)),
            ("/openai/responses", azure(Operation::Responses, None, true)),
            ("/openai/v1/chat/completions", azure(Operation::Chat, None, false)),
            ("/openai/v1/responses", azure(Operation::Responses, None, false)),
            ("/v1/embeddings", openai(Operation::Embeddings)),
            ("/openai/chat/completions", None),
            ("/openai/deployments/gpt-4o/images/generations", None),
            ("/openai/deployments//chat/completions", None),
            ("/openai/deployments/gpt-4o", None),
            ("/chat/completions", None),
            ("/", None),
        ] {
            assert_eq!(Route::parse(path), expected, "{path}");
        }
    }

    #[test]
    fn azure_versions_are_found_in_queries() {
        for (query, expected) in [
            ("api-version=2024-10-21", Some("2024-10-21")),
            ("a=1&api-version=x&b", Some("x")),
            ("api-version=", None),
            ("xapi-version=1", None),
            ("", None),
        ] {
            assert_eq!(api_version(query), expected, "{query}");
        }
    }
}
