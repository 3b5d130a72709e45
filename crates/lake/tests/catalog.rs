//! Iceberg's own transactions through our catalog, and what it refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::HashMap, sync::Arc};

use common::{DAY, World, event, files};
use gatelog_lake::{EVENTS, IcebergCatalog, S3Storage};
use iceberg::{
    Catalog, ErrorKind, NamespaceIdent, TableIdent,
    io::Storage,
    transaction::{ApplyTransactionAction, Transaction},
};

fn ident() -> TableIdent {
    TableIdent::from_strs(["gatelog", "events"]).unwrap()
}

#[tokio::test]
async fn an_update_is_staged_and_visible_only_after_the_swap() {
    let world = World::new().await;
    let catalog = IcebergCatalog::new(&world.lake);
    let table = catalog.load_table(&ident()).await.unwrap();
    let transaction = Transaction::new(&table);
    let action = transaction.update_table_properties().set("comment".to_owned(), "audited".to_owned());
    action.apply(transaction).unwrap().commit(&catalog).await.unwrap();

    let comment = |table: &iceberg::table::Table| table.metadata().properties().get("comment").cloned();
    assert_eq!(comment(&catalog.load_table(&ident()).await.unwrap()), None);
    let staged = catalog.take_staged().unwrap();
    assert_eq!(catalog.take_staged(), None);
    assert!(world.pointers.swap(&EVENTS, &staged.old, &staged.new));
    assert_eq!(comment(&catalog.load_table(&ident()).await.unwrap()).as_deref(), Some("audited"));

    let appended = world.append(&files(vec![event(DAY, 1)], 1), 1).await;
    assert_eq!(appended.old_pointer, staged.new, "appends build on the update");
}

#[tokio::test]
async fn it_knows_its_one_table_and_makes_no_others() {
    let world = World::new().await;
    let catalog = IcebergCatalog::new(&world.lake);
    let namespace = NamespaceIdent::new("gatelog".to_owned());
    assert_eq!(catalog.list_namespaces(None).await.unwrap(), std::slice::from_ref(&namespace));
    assert_eq!(catalog.list_tables(&namespace).await.unwrap(), [ident()]);
    assert!(catalog.table_exists(&ident()).await.unwrap());
    let other = TableIdent::from_strs(["gatelog", "other"]).unwrap();
    assert!(!catalog.table_exists(&other).await.unwrap());
    assert_eq!(catalog.load_table(&other).await.unwrap_err().kind(), ErrorKind::TableNotFound);
    for refused in [
        catalog.drop_table(&ident()).await.unwrap_err(),
        catalog.purge_table(&ident()).await.unwrap_err(),
        catalog.rename_table(&ident(), &other).await.unwrap_err(),
        catalog.create_namespace(&namespace, HashMap::new()).await.unwrap_err(),
    ] {
        assert_eq!(refused.kind(), ErrorKind::FeatureUnsupported);
    }
}

#[tokio::test]
async fn storage_neither_deletes_nor_leaves_its_bucket() {
    let world = World::new().await;
    let io = S3Storage::file_io("lake", world.objects.clone(), Arc::default());
    let pointer = world.lake.pointer().await.unwrap();
    assert_eq!(io.delete(&pointer).await.unwrap_err().kind(), ErrorKind::FeatureUnsupported);
    assert!(io.exists(&pointer).await.unwrap());
    assert!(io.exists("s3://other/key").await.is_err());
    assert!(io.exists("/etc/passwd").await.is_err());
}

#[tokio::test]
async fn a_storage_that_was_sent_elsewhere_says_that_it_has_no_client() {
    let sent: Box<dyn Storage> = serde_json::from_str(r#"{"type":"S3Storage","bucket":"lake"}"#).unwrap();
    let error = sent.exists("s3://lake/key").await.unwrap_err();
    assert!(error.message().contains("has no client"), "{error}");
}
