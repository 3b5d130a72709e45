//! Listing a bucket's folder in key order, a page at a time.

use std::{collections::BTreeSet, fs, io, path::Path, time::SystemTime};

/// Most entries of a page, as in S3.
const PAGE_MAX: usize = 1_000;

/// What a page is asked for.
#[derive(Debug, Default)]
pub(super) struct ListQuery {
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    /// Only keys and common prefixes after this one, in byte order; `None` from the start.
    pub(super) after: Option<String>,
    pub(super) max_keys: usize,
}

/// A file found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: String,
    pub(super) size_bytes: u64,
    pub(super) modified: SystemTime,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) found: Vec<Found>,
    pub(super) common_prefixes: Vec<String>,
    /// The last entry, when there are more.
    pub(super) next: Option<String>,
}

/// Reads one page. Only the folder that the prefix names is walked, and only the files of the page are looked at.
pub(super) fn list(bucket: &Path, query: &ListQuery) -> io::Result<Page> {
    let max_keys = query.max_keys.min(PAGE_MAX);
    let mut page = Page::default();
    let mut last = String::new();
    let mut count = 0;
    for key in keys_below(bucket, &query.prefix)? {
        let entry = entry_of(&key, query);
        let seen = query.after.as_deref().is_some_and(|after| entry <= after) || (count > 0 && entry == last);
        if seen {
            continue;
        }
        if count == max_keys {
            page.next = Some(last).filter(|last| !last.is_empty());
            break;
        }
        if entry.len() < key.len() {
            page.common_prefixes.push(entry.to_owned());
        } else {
            match fs::metadata(bucket.join(&key)) {
                Ok(file) => {
                    page.found.push(Found { key: key.clone(), size_bytes: file.len(), modified: file.modified()? });
                }
                // Deleted since the walk.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
        }
        entry.clone_into(&mut last);
        count += 1;
    }
    Ok(page)
}

/// The key, or the common prefix it is folded into.
fn entry_of<'key>(key: &'key str, query: &ListQuery) -> &'key str {
    let Some(delimiter) = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()) else { return key };
    match key[query.prefix.len()..].find(delimiter) {
        Some(index) => &key[..query.prefix.len() + index + delimiter.len()],
        None => key,
    }
}

/// Every key that starts with the prefix, in byte order.
fn keys_below(bucket: &Path, prefix: &str) -> io::Result<BTreeSet<String>> {
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    // A prefix is text, not a path: `..` or `//` in it names no folder.
    let is_plain = folder.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let mut keys = BTreeSet::new();
    if !folder.is_empty() && !is_plain {
        return Ok(keys);
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(bucket.join(&folder)) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() && (key.starts_with(prefix) || prefix.starts_with(&key)) {
                folders.push(key);
            } else if kind.is_file() && key.starts_with(prefix) {
                keys.insert(key);
            }
        }
    }
    Ok(keys)
}

/// Encodes a key the way `encoding-type=url` asks for.
pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/' | b'*') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Decodes `%XX`; anything else stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let escaped = (byte == b'%').then(|| text.get(index + 1..index + 3)).flatten();
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                index += 3;
            }
            None => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(keys: &[&str]) -> tempfile::TempDir {
        let bucket = tempfile::tempdir().unwrap();
        for key in keys {
            let path = bucket.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, key).unwrap();
        }
        bucket
    }

    fn names(page: &Page) -> Vec<&str> {
        page.found.iter().map(|found| found.key.as_str()).collect()
    }

    #[test]
    fn pages_follow_byte_order_across_folders() {
        // `-` sorts before `/`: the order of keys is not the order of a folder walk.
        let bucket = bucket(&["a/2", "a-1", "a/1", "b"]);
        let mut query = ListQuery { max_keys: 2, ..ListQuery::default() };
        let first = list(bucket.path(), &query).unwrap();
        assert_eq!((names(&first), first.next.as_deref()), (vec!["a-1", "a/1"], Some("a/1")));
        query.after = first.next;
        let second = list(bucket.path(), &query).unwrap();
        assert_eq!((names(&second), &second.next), (vec!["a/2", "b"], &None));
    }

    #[test]
    fn a_prefix_is_text_and_not_a_folder() {
        let bucket = bucket(&["day/1", "day/2", "day2/1", "other"]);
        let with = |prefix: &str| ListQuery { prefix: prefix.to_owned(), max_keys: 9, ..ListQuery::default() };
        assert_eq!(names(&list(bucket.path(), &with("day")).unwrap()), ["day/1", "day/2", "day2/1"]);
        assert_eq!(names(&list(bucket.path(), &with("day/")).unwrap()), ["day/1", "day/2"]);
        assert_eq!(names(&list(bucket.path(), &with("day/2")).unwrap()), ["day/2"]);
        assert!(names(&list(bucket.path(), &with("../")).unwrap()).is_empty());
    }

    #[test]
    fn a_delimiter_folds_folders_and_pages_count_them() {
        let bucket = bucket(&["a/1", "a/2", "b/1", "c"]);
        let delimiter = Some("/".to_owned());
        let mut query = ListQuery { delimiter, max_keys: 1, ..ListQuery::default() };
        let first = list(bucket.path(), &query).unwrap();
        assert_eq!((first.common_prefixes, first.next.as_deref()), (vec!["a/".to_owned()], Some("a/")));
        query.after = first.next;
        query.max_keys = 9;
        let rest = list(bucket.path(), &query).unwrap();
        assert_eq!((names(&rest), &rest.common_prefixes[..]), (vec!["c"], &["b/".to_owned()][..]));
    }

    #[test]
    fn percent_coding_round_trips() {
        let key = "a b+c%d/é*";
        assert_eq!(percent_encode(key), "a%20b%2Bc%25d/%C3%A9*");
        assert_eq!(percent_decode(&percent_encode(key)), key);
        assert_eq!(percent_decode("100%"), "100%");
    }
}
