//! A bucket and a pointer table in memory, for tests.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use gatelog_model::TimestampMicros;

use crate::ports::{ListPage, ListedObject, ObjectIo, ObjectIoError, PointerError, PointerStore, TableName};

/// Objects on a page of a listing: few, so that tests see more than one page.
const PAGE_OBJECTS: usize = 100;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here leaves a map half changed, so one panicking test thread does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bucket in memory. Objects get the time last given to [`MemoryObjects::set_time`].
#[derive(Debug)]
pub struct MemoryObjects {
    objects: Mutex<BTreeMap<String, (Bytes, TimestampMicros)>>,
    now: Mutex<TimestampMicros>,
}

impl MemoryObjects {
    /// An empty bucket.
    pub fn new(now: TimestampMicros) -> Self {
        Self { objects: Mutex::default(), now: Mutex::new(now) }
    }

    /// Sets the time that objects written from here on get.
    pub fn set_time(&self, now: TimestampMicros) {
        *lock(&self.now) = now;
    }

    /// Every key, in order.
    pub fn keys(&self) -> Vec<String> {
        lock(&self.objects).keys().cloned().collect()
    }
}

#[async_trait]
impl ObjectIo for MemoryObjects {
    async fn get(&self, key: &str) -> Result<Bytes, ObjectIoError> {
        let found = lock(&self.objects).get(key).map(|(bytes, _)| bytes.clone());
        found.ok_or_else(|| ObjectIoError::NotFound { key: key.to_owned() })
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectIoError> {
        let now = *lock(&self.now);
        lock(&self.objects).insert(key.to_owned(), (bytes, now));
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<Option<u64>, ObjectIoError> {
        Ok(lock(&self.objects).get(key).map(|(bytes, _)| bytes.len() as u64))
    }

    async fn list(&self, prefix: &str, from: Option<&str>) -> Result<ListPage, ObjectIoError> {
        let objects = lock(&self.objects);
        let matching =
            objects.iter().filter(|(key, _)| key.starts_with(prefix) && from.is_none_or(|from| key.as_str() >= from));
        let mut matching = matching.peekable();
        let mut page = ListPage::default();
        while page.objects.len() < PAGE_OBJECTS {
            let Some((key, (bytes, modified))) = matching.next() else { break };
            let object = ListedObject { key: key.clone(), size_bytes: bytes.len() as u64, modified: *modified };
            page.objects.push(object);
        }
        page.next = matching.peek().map(|(key, _)| (*key).clone());
        Ok(page)
    }

    async fn delete(&self, key: &str) -> Result<(), ObjectIoError> {
        lock(&self.objects).remove(key);
        Ok(())
    }
}

/// A pointer table in memory.
#[derive(Debug, Default)]
pub struct MemoryPointers {
    pointers: Mutex<HashMap<TableName, String>>,
}

impl MemoryPointers {
    /// Moves a pointer if it still is `old`, as the commit's `UPDATE ... WHERE metadata_location = old` does.
    pub fn swap(&self, table: &TableName, old: &str, new: &str) -> bool {
        let mut pointers = lock(&self.pointers);
        match pointers.get_mut(table) {
            Some(pointer) if pointer == old => {
                new.clone_into(pointer);
                true
            }
            Some(_) | None => false,
        }
    }
}

#[async_trait]
impl PointerStore for MemoryPointers {
    async fn load(&self, table: &TableName) -> Result<Option<String>, PointerError> {
        Ok(lock(&self.pointers).get(table).cloned())
    }

    async fn create(&self, table: &TableName, pointer: &str) -> Result<bool, PointerError> {
        let mut pointers = lock(&self.pointers);
        let free = !pointers.contains_key(table);
        if free {
            pointers.insert(*table, pointer.to_owned());
        }
        Ok(free)
    }
}
