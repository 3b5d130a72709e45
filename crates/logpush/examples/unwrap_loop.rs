//! A bare loop of RSA-4096-OAEP unwraps: what `make bench` measures the ingest of sealed logs against.
//!
//! `unwrap_loop KEY.pem THREADS UNWRAPS` takes a PKCS#8 key and prints the seconds that the loop took.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    thread,
    time::Instant,
};

use aws_lc_rs::{
    error::Unspecified,
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Different wrapped keys, taken in turn.
const WRAPPED_KEYS: u8 = 64;
/// What is wrapped: an AES-256 key.
const AES_KEY_BYTES: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [key_file, threads, unwraps] = &arguments[..] else {
        return Err("usage: unwrap_loop KEY.pem THREADS UNWRAPS".into());
    };
    let (threads, unwraps): (usize, usize) = (threads.parse()?, unwraps.parse()?);
    let private = PrivateDecryptingKey::from_pkcs8(&der_of(&fs::read_to_string(key_file)?)?)?;
    let wrapped = wrapped_keys(&private)?;
    let private = OaepPrivateDecryptingKey::new(private)?;

    let started = Instant::now();
    let results: Vec<Result<(), Unspecified>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|index| {
                let share = unwraps / threads + usize::from(index < unwraps % threads);
                let (private, wrapped) = (&private, &wrapped);
                scope.spawn(move || unwrap_all(private, wrapped.iter().cycle().take(share)))
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap_or(Err(Unspecified))).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    results.into_iter().collect::<Result<(), Unspecified>>()?;
    writeln!(io::stdout(), "{seconds:.3}")?;
    Ok(())
}

fn der_of(pem: &str) -> Result<Vec<u8>, base64::DecodeError> {
    BASE64_STANDARD.decode(pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>())
}

fn wrapped_keys(private: &PrivateDecryptingKey) -> Result<Vec<Vec<u8>>, Unspecified> {
    let public = OaepPublicEncryptingKey::new(private.public_key())?;
    (0..WRAPPED_KEYS)
        .map(|number| {
            let mut wrapped = vec![0; public.ciphertext_size()];
            let key = [number; AES_KEY_BYTES];
            public.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut wrapped, None).map(|written| written.to_vec())
        })
        .collect()
}

fn unwrap_all<'k>(
    private: &OaepPrivateDecryptingKey,
    wrapped: impl Iterator<Item = &'k Vec<u8>>,
) -> Result<(), Unspecified> {
    let mut key = vec![0; private.min_output_size()];
    for wrapped in wrapped {
        private.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut key, None)?;
    }
    Ok(())
}
