//! Overrides of single leaves from the environment.

use toml::Value;

use super::{Config, ConfigError, ENV_PREFIX};

/// Applies every variable that starts with [`ENV_PREFIX`], in order of name.
pub(super) fn apply(config: Config, variables: &[(String, String)]) -> Result<Config, ConfigError> {
    let mut overrides: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
    overrides.sort();
    let mut config = config;
    for (name, text) in overrides {
        config = apply_one(&config, name, text)?;
    }
    Ok(config)
}

fn apply_one(config: &Config, name: &str, text: &str) -> Result<Config, ConfigError> {
    let problem = |problem: String| ConfigError::Override { name: name.to_owned(), problem };
    let mut tree = Value::try_from(config).map_err(|error| problem(error.to_string()))?;
    let path: Vec<String> = name[ENV_PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
    let (leaf, sections) = path.split_last().expect("split gives at least one part");
    let mut table = &mut tree;
    for section in sections {
        table = table.get_mut(section).ok_or_else(|| problem(format!("names no section `{section}`")))?;
    }
    let Some(table) = table.as_table_mut() else {
        return Err(problem("names a key inside a value that is no section".to_owned()));
    };
    let value = parse(table.get(leaf), text).ok_or_else(|| problem(format!("cannot be read like `{leaf}`")))?;
    table.insert(leaf.clone(), value);
    tree.try_into().map_err(|error: toml::de::Error| problem(error.message().to_owned()))
}

/// Reads `text` as the type the leaf has now; a leaf that is not set takes it as a string.
fn parse(now: Option<&Value>, text: &str) -> Option<Value> {
    match now {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        Some(Value::Float(_)) => text.parse().ok().map(Value::Float),
        Some(Value::Array(_)) => {
            let document: toml::Table = format!("value = {text}").parse().ok()?;
            document.get("value").cloned()
        }
        Some(Value::Table(_) | Value::Datetime(_)) => None,
        Some(Value::String(_)) | None => Some(Value::String(text.to_owned())),
    }
}
