//! What gatelog relies on, of any S3.

use bytes::Bytes;
use gatelog_objects::{ErrorKind, ListedObject, PutOutcome, Store};

/// More than two pages, so that a page in the middle is seen too.
const MANY: usize = 2_005;
/// Writes under way at once while the pages are filled.
const WRITERS: usize = 16;
/// Everything lies below this, and a run removes what an earlier one left.
const ROOT: &str = "conformance/";

/// Runs every check; panics at the first that fails.
pub(crate) async fn run(store: &Store) {
    clear(store).await;
    objects_come_back_as_written(store).await;
    etags_guard_reads(store).await;
    conditional_writes_find_what_is_there(store).await;
    ranges_are_exact(store).await;
    missing_objects_are_not_found(store).await;
    odd_keys_come_back_from_a_listing(store).await;
    pages_cover_every_key_once(store).await;
    clear(store).await;
}

pub(crate) async fn list_all(store: &Store, prefix: &str) -> Vec<ListedObject> {
    let mut objects = Vec::new();
    let mut next = None;
    loop {
        let page = store.list_page(prefix, None, next.as_deref()).await.unwrap();
        assert!(page.objects.len() <= 1_000);
        objects.extend(page.objects);
        next = page.next;
        if next.is_none() {
            return objects;
        }
    }
}

async fn clear(store: &Store) {
    for object in list_all(store, ROOT).await {
        store.delete(&object.key).await.unwrap();
    }
    assert_eq!(list_all(store, ROOT).await, []);
}

async fn put(store: &Store, key: &str, bytes: &'static [u8]) -> String {
    store.put(key, Bytes::from_static(bytes), "application/octet-stream").await.unwrap()
}

async fn objects_come_back_as_written(store: &Store) {
    let key = format!("{ROOT}a.gz");
    let bytes: Bytes = (0..3_000_000_u32).map(|index| index.to_le_bytes()[0] ^ index.to_le_bytes()[1]).collect();
    let etag = store.put(&key, bytes.clone(), "application/gzip").await.unwrap();

    let mut body = store.get(&key, Some(&etag)).await.unwrap();
    assert_eq!((body.size_bytes, &body.etag), (3_000_000, &etag));
    let mut read = Vec::new();
    while let Some(chunk) = body.next_chunk().await.unwrap() {
        read.extend_from_slice(&chunk);
    }
    assert!(read == bytes, "the bytes differ");

    let meta = store.head(&key).await.unwrap();
    assert_eq!((meta.size_bytes, &meta.etag), (3_000_000, &etag));
    let listed = list_all(store, &key).await;
    assert_eq!((listed[0].size_bytes, &listed[0].etag), (3_000_000, &etag), "a listing shows the same version");
    assert!(!etag.contains('"'));

    let error = store.get_bytes(&key, 2_999_999).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert_eq!(store.get_bytes(&key, 3_000_000).await.unwrap(), bytes);
    assert_eq!(put(store, &format!("{ROOT}empty"), b"").await, store.head(&format!("{ROOT}empty")).await.unwrap().etag);
    assert_eq!(store.get_bytes(&format!("{ROOT}empty"), 0).await.unwrap(), Bytes::new());
}

async fn etags_guard_reads(store: &Store) {
    let key = format!("{ROOT}guarded");
    let old = put(store, &key, b"old").await;
    let new = put(store, &key, b"new!").await;
    assert_ne!(old, new);
    let error = store.get(&key, Some(&old)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PreconditionFailed);
    assert!(!error.is_transient());
    assert_eq!(store.get(&key, Some(&new)).await.unwrap().collect(9).await.unwrap(), "new!");
}

async fn conditional_writes_find_what_is_there(store: &Store) {
    let key = format!("{ROOT}once");
    let write = |bytes: &'static [u8]| store.put_if_absent(&key, Bytes::from_static(bytes), "text/plain");
    assert!(matches!(write(b"first").await.unwrap(), PutOutcome::Created { .. }));
    assert_eq!(write(b"second").await.unwrap(), PutOutcome::Exists);
    assert_eq!(store.get_bytes(&key, 99).await.unwrap(), "first");
}

async fn ranges_are_exact(store: &Store) {
    let key = format!("{ROOT}range");
    put(store, &key, b"0123456789").await;
    assert_eq!(store.get_range(&key, 0..1).await.unwrap(), "0");
    assert_eq!(store.get_range(&key, 3..10).await.unwrap(), "3456789");
    let beyond = store.get_range(&key, 5..11).await.unwrap_err();
    assert_eq!(beyond.kind, ErrorKind::Invalid, "a short answer is not taken for a whole one");
    assert_eq!(store.get_range(&key, 10..11).await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(store.get_range(&key, 4..4).await.unwrap_err().kind, ErrorKind::Invalid);
}

async fn missing_objects_are_not_found(store: &Store) {
    let key = format!("{ROOT}missing");
    assert_eq!(store.get(&key, None).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.get_range(&key, 0..1).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.head(&key).await.unwrap_err().kind, ErrorKind::NotFound);
    store.delete(&key).await.unwrap();
}

async fn odd_keys_come_back_from_a_listing(store: &Store) {
    let root = format!("{ROOT}odd/");
    let names =
        ["a b", "a%20b", "a+b", "a&b=c", "a'b\"c", "a<b>", "100%", "émigré", "日本語/ログ", "a*b?c#d", "~!@$(),;:"];
    for name in names {
        let key = format!("{root}{name}");
        store.put(&key, Bytes::from(name), "text/plain").await.unwrap();
    }
    let mut expected: Vec<String> = names.iter().map(|name| format!("{root}{name}")).collect();
    expected.sort();
    let listed = list_all(store, &root).await;
    assert_eq!(listed.iter().map(|object| object.key.clone()).collect::<Vec<_>>(), expected);
    for object in listed {
        let text = store.get(&object.key, Some(&object.etag)).await.unwrap().collect(99).await.unwrap();
        assert_eq!(object.key.strip_prefix(&root).unwrap(), text);
    }
}

async fn pages_cover_every_key_once(store: &Store) {
    let key =
        |index: usize| format!("{ROOT}many/20260418T{index:06}Z_{:08x}.log.gz", index * 2_654_435_761 % (1 << 32));
    let writers: Vec<_> = (0..WRITERS)
        .map(|first| {
            let (store, keys) = (store.clone(), (first..MANY).step_by(WRITERS).map(key).collect::<Vec<_>>());
            tokio::spawn(async move {
                for key in keys {
                    store.put(&key, Bytes::from_static(b"x"), "text/plain").await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let listed: Vec<String> = list_all(store, &format!("{ROOT}many/")).await.into_iter().map(|o| o.key).collect();
    assert_eq!(listed, (0..MANY).map(key).collect::<Vec<_>>());

    let page = store.list_page(&format!("{ROOT}many/"), Some(&key(MANY - 3)), None).await.unwrap();
    let rest: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(rest, [key(MANY - 2), key(MANY - 1)]);
    assert_eq!(page.next, None);
}
