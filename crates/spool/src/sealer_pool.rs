//! Sealers made before they are needed: wrapping an AES key for an RSA key does not depend on what is sealed, so it need
//! not be done while a request waits.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use gatelog_logpush::{LineSealer, SealError, SealingKey};
use tracing::error;

use crate::{background::give_way, metrics};

/// Sealers that are usually kept ready: a second's worth at 1,000 records a second, about 1 MB.
pub const SEALERS_DEFAULT: usize = 1_024;
/// Pause after the system gave no randomness.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// A bounded pool that a thread of its own keeps full; a clone is another handle. The thread ends with the last one.
#[derive(Debug, Clone)]
pub struct SealerPool {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    key: Arc<SealingKey>,
    capacity: usize,
    ready: Mutex<Ready>,
    /// Told when the pool has sunk to three quarters, or is closed.
    wake: Condvar,
    misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Ready {
    sealers: Vec<LineSealer>,
    is_closed: bool,
}

impl SealerPool {
    /// Starts filling a pool of at least one sealer.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn start(key: Arc<SealingKey>, capacity: usize) -> io::Result<Self> {
        let pool = Arc::new(Pool {
            key,
            capacity: capacity.max(1),
            ready: Mutex::default(),
            wake: Condvar::new(),
            misses: AtomicU64::new(0),
        });
        let filled = Arc::clone(&pool);
        // Not joined: it holds nothing that somebody could wait for.
        thread::Builder::new().name("sealers".to_owned()).spawn(move || filled.fill())?;
        Ok(Self { handle: Arc::new(Handle(pool)) })
    }

    /// A sealer that is ready, or `None`; never blocks for longer than a push.
    pub fn try_take(&self) -> Option<LineSealer> {
        self.pool().pop()
    }

    /// A sealer that is ready, or one made here and now, which takes an RSA operation.
    ///
    /// # Errors
    ///
    /// [`SealError`] when one has to be made and the system gives no randomness.
    pub fn take_in_place(&self) -> Result<LineSealer, SealError> {
        self.try_take().map_or_else(|| self.pool().make(), Ok)
    }

    /// A sealer that is ready, or one made on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`SealError`] when one has to be made and the system gives no randomness.
    pub async fn take(&self) -> Result<LineSealer, SealError> {
        if let Some(sealer) = self.try_take() {
            return Ok(sealer);
        }
        let pool = Arc::clone(self.pool());
        // An error is a panic or the end of the runtime; either way there is no sealer.
        tokio::task::spawn_blocking(move || pool.make()).await.unwrap_or(Err(SealError))
    }

    /// Sealers that had to be made while somebody waited.
    pub fn misses(&self) -> u64 {
        self.pool().misses.load(Ordering::Relaxed)
    }

    fn pool(&self) -> &Arc<Pool> {
        &self.handle.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.wake.notify_one();
    }
}

impl Pool {
    fn pop(&self) -> Option<LineSealer> {
        let mut ready = self.lock();
        let sealer = ready.sealers.pop();
        let is_low = self.is_low(&ready);
        drop(ready);
        if is_low {
            self.wake.notify_one();
        }
        sealer
    }

    /// Makes one while somebody waits.
    fn make(&self) -> Result<LineSealer, SealError> {
        self.misses.fetch_add(1, Ordering::Relaxed);
        metrics::sealer_missed();
        self.key.new_line()
    }

    fn is_low(&self, ready: &Ready) -> bool {
        ready.sealers.len() <= self.capacity / 4 * 3
    }

    /// Keeps the pool full until it is closed.
    fn fill(&self) {
        give_way();
        loop {
            let ready = self.lock();
            let waits = |ready: &mut Ready| !ready.is_closed && !self.is_low(ready);
            let is_closed = self.wake.wait_while(ready, waits).unwrap_or_else(PoisonError::into_inner).is_closed;
            if is_closed {
                return;
            }
            while self.add() {}
        }
    }

    /// Adds one sealer, made without the lock; false when the pool is full or closed.
    fn add(&self) -> bool {
        match self.key.new_line() {
            Ok(sealer) => {
                let mut ready = self.lock();
                ready.sealers.push(sealer);
                !ready.is_closed && ready.sealers.len() < self.capacity
            }
            Err(error) => {
                error!(%error, "cannot make a sealer");
                thread::sleep(FAILURE_PAUSE);
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use gatelog_logpush::{Field, KeyBits, KeyRing, Opener, generate_key_pair, parse_line};

    use super::*;

    fn pool(capacity: usize) -> (SealerPool, KeyRing) {
        let pair = generate_key_pair(KeyBits::Rsa2048).unwrap();
        let key = SealingKey::from_pem("public.pem", &pair.public).unwrap();
        let ring = KeyRing::from_pem([("private.pem", pair.private.as_str())]).unwrap();
        (SealerPool::start(Arc::new(key), capacity).unwrap(), ring)
    }

    fn wait_for(pool: &SealerPool, count: usize) {
        let begun = Instant::now();
        while pool.pool().lock().sealers.len() != count {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} sealers", pool.pool().lock().sealers.len());
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[tokio::test]
    async fn it_fills_up_to_its_bound_and_again_after_use() {
        let (pool, ring) = pool(8);
        wait_for(&pool, 8);
        let sealed = pool.take().await.unwrap().seal(b"text").unwrap();
        let line = format!("{{\"RequestBody\":{sealed}}}");
        let Field::Sealed(envelope) = parse_line(line.as_bytes()).unwrap().request_body else { panic!("it is sealed") };
        assert_eq!(Opener::new(Arc::new(ring)).open(&envelope).unwrap(), b"text");
        assert!(pool.try_take().is_some());
        wait_for(&pool, 8);
        assert_eq!(pool.misses(), 0);
    }

    #[tokio::test]
    async fn an_empty_pool_makes_one_and_counts() {
        let (pool, _) = pool(1);
        pool.handle.0.lock().is_closed = true;
        wait_for_end(&pool);
        pool.handle.0.lock().sealers.clear();
        assert!(pool.try_take().is_none());
        assert!(pool.take_in_place().is_ok() && pool.take().await.is_ok());
        assert_eq!(pool.misses(), 2);
    }

    #[test]
    fn the_thread_ends_with_the_last_handle() {
        let (pool, _) = pool(4);
        let inner = Arc::downgrade(pool.pool());
        drop(pool);
        let begun = Instant::now();
        while inner.upgrade().is_some() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Until the filling thread has let go of the pool.
    fn wait_for_end(pool: &SealerPool) {
        pool.pool().wake.notify_one();
        let begun = Instant::now();
        while Arc::strong_count(pool.pool()) > 1 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(1));
        }
    }
}
