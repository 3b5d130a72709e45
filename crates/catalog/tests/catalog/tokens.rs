//! Gateway tokens.

use gatelog_model::{Digest, TenantId};

use crate::common::Fixture;

#[tokio::test]
async fn a_token_is_good_until_it_is_revoked() {
    let fixture = Fixture::new().await;
    let catalog = &fixture.catalog;
    let (digest, tenant) = (Digest([7; 32]), TenantId::parse("acme").unwrap());
    assert!(catalog.create_token("ci", &digest, Some(&tenant), &["prod".to_owned()]).await.unwrap());
    assert!(!catalog.create_token("ci", &Digest([8; 32]), None, &[]).await.unwrap(), "a name is given once");
    assert!(catalog.create_token("other", &digest, None, &[]).await.is_err(), "a digest has one name");

    let found = catalog.find_token(&digest).await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.tenant.as_deref()), ("ci", Some("acme")));
    assert_eq!(found.gateways, ["prod"]);
    assert!(catalog.find_token(&Digest([8; 32])).await.unwrap().is_none());

    assert!(catalog.revoke_token("ci").await.unwrap());
    assert!(!catalog.revoke_token("ci").await.unwrap());
    assert!(catalog.find_token(&digest).await.unwrap().is_none());
    let listed = catalog.list_tokens().await.unwrap();
    assert!(listed.len() == 1 && listed[0].revoked_at.is_some(), "it stays as evidence");
}
