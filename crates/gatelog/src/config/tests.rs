use super::*;

fn load(text: &str, overrides: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatelog.toml");
    fs::write(&path, text).unwrap();
    let overrides: Vec<_> = overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(Some(&path), &overrides)
}

#[test]
fn an_unknown_key_shows_its_line_and_what_is_allowed() {
    let error = load("[ingest]\npoll_interval = 3\n", &[]).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
    assert!(error.contains("poll_interval_seconds"), "{error}");
}

#[test]
fn every_kind_of_leaf_can_be_overridden() {
    let config = load(
        "[lake]\nprefix = \"a\"\n",
        &[
            ("GATELOG__LAKE__PREFIX", "b"),
            ("GATELOG__INGEST__LOOKBACK_DAYS", "5"),
            ("GATELOG__INGEST__ROLLUP_USERS", "false"),
            ("GATELOG__SOURCE__PREFIXES", r#"["x", "y"]"#),
            ("GATELOG__SOURCE__BUCKET__SECRET_ACCESS_KEY_FILE", "/run/secret"),
            ("GATELOG__DATABASE__URL", "postgres://u:p@h/d"),
            ("PATH", "ignored"),
        ],
    )
    .unwrap();
    assert_eq!(config.lake.prefix, "b");
    assert_eq!(config.ingest.lookback_days, 5);
    assert!(!config.ingest.rollup_users);
    assert_eq!(config.source.prefixes, ["x", "y"]);
    assert_eq!(config.source.bucket.secret_access_key_file, Some(PathBuf::from("/run/secret")));
    assert_eq!(config.database.url().unwrap().expose(), "postgres://u:p@h/d");
}

#[test]
fn a_wrong_override_names_its_variable() {
    for (name, value) in
        [("GATELOG__INGEST__LOOKBACK_DAYS", "many"), ("GATELOG__NOWHERE__KEY", "1"), ("GATELOG__INGEST__NO_SUCH", "1")]
    {
        let error = load("", &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let config = load("", &[("GATELOG__DATABASE__URL", "postgres://u:hunter2@h/d")]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

fn example(name: &str) -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    Config::load(Some(&path), &[]).unwrap()
}

#[test]
fn the_examples_in_deploy_are_good() {
    example("gatelog.toml");
    let config = example("gateway.toml");
    assert_eq!(config.budgets.budgets(&config.reporting.time_zone).unwrap().len(), 2);
    // The files with keys are not on this machine; everything else is as it will be.
    let mut section = config.gateway;
    section.targets.iter_mut().for_each(|target| target.api_key_file = None);
    let options = section.options(&config.metadata.tenant_key).unwrap();
    assert_eq!((options.targets.len(), options.fallbacks.len(), options.residency.len()), (2, 1, 1));
    section.audit.spool_options("ai-gateway").unwrap();
}

#[test]
fn the_schema_in_deploy_is_the_schema_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/gatelog.schema.json");
    let written: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(written, Config::schema(), "run `gatelog config schema > deploy/gatelog.schema.json`");
}
