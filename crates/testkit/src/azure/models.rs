//! Which model answers for a deployment.

use std::collections::HashMap;

use gatelog_model::Operation;

use crate::corpus::DEPLOYMENTS;

/// Parts of deployment names and the model behind them as Azure spells it in answers; the first that fits counts.
const GUESSES: [(&str, &str); 19] = [
    ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("gpt-4o", "gpt-4o-2024-11-20"),
    ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
    ("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"),
    ("gpt-4.1", "gpt-4.1-2025-04-14"),
    ("gpt-5-mini", "gpt-5-mini-2025-08-07"),
    ("gpt-5-nano", "gpt-5-nano-2025-08-07"),
    ("gpt-5", "gpt-5-2025-08-07"),
    ("o4-mini", "o4-mini-2025-04-16"),
    ("o3-mini", "o3-mini-2025-01-31"),
    ("o3", "o3-2025-04-16"),
    ("o1", "o1-2024-12-17"),
    ("instruct", INSTRUCT),
    ("embedding-3-large", "text-embedding-3-large"),
    ("embedding-ada", "text-embedding-ada-002"),
    ("embed", EMBEDDING),
    ("mini", "gpt-4o-mini-2024-07-18"),
    ("reason", "o4-mini-2025-04-16"),
    ("gpt", CHAT),
];

const CHAT: &str = "gpt-4o-2024-11-20";
const EMBEDDING: &str = "text-embedding-3-small";
const INSTRUCT: &str = "gpt-35-turbo-instruct";

/// The deployments of a server; if none is named, any name is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Models {
    named: HashMap<String, String>,
}

impl Models {
    pub(super) fn new(named: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { named: named.into_iter().collect() }
    }

    /// The model as the answers spell it; `None` if there is no such deployment.
    pub(super) fn answering<'a>(&'a self, deployment: &str, operation: Operation) -> Option<&'a str> {
        if !self.named.is_empty() {
            return self.named.get(deployment).map(String::as_str);
        }
        let of_corpus = DEPLOYMENTS.iter().find(|known| known.deployment == deployment).map(|known| known.answers_as);
        let guessed = || GUESSES.iter().find(|(part, _)| deployment.contains(part)).map(|(_, model)| *model);
        Some(of_corpus.or_else(guessed).unwrap_or(match operation {
            Operation::Embeddings => EMBEDDING,
            Operation::Completions => INSTRUCT,
            Operation::Chat | Operation::Responses | Operation::Other => CHAT,
        }))
    }
}

/// Whether part of a model's output is reasoning.
pub(super) fn is_reasoning(model: &str) -> bool {
    model.starts_with('o') || model.starts_with("gpt-5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_deployments_have_models() {
        let any = Models::default();
        for (deployment, operation, model) in [
            ("gpt-4o-sa", Operation::Chat, "gpt-4o-2024-11-20"),
            ("experiment", Operation::Chat, "gpt-4o-2024-11-20"),
            ("my-gpt-4o-mini-eu", Operation::Responses, "gpt-4o-mini-2024-07-18"),
            ("embed-small", Operation::Embeddings, "text-embedding-3-small"),
            ("vectors", Operation::Embeddings, "text-embedding-3-small"),
            ("x", Operation::Completions, "gpt-35-turbo-instruct"),
            ("x", Operation::Chat, "gpt-4o-2024-11-20"),
        ] {
            assert_eq!(any.answering(deployment, operation), Some(model), "{deployment}");
        }
        let named = Models::new([("a".to_owned(), "m".to_owned())]);
        assert_eq!(named.answering("a", Operation::Chat), Some("m"));
        assert_eq!(named.answering("gpt-4o", Operation::Chat), None);
    }
}
