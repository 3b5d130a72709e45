//! Seals or opens one field, for the interop tests: `envelope seal PUBLIC_PEM < text`, `envelope open PRIVATE_PEM < json`.
#![expect(clippy::unwrap_used, reason = "a test tool fails by panicking")]

use std::{
    env, fs,
    io::{self, Read, Write},
    process::ExitCode,
    sync::Arc,
};

use gatelog_logpush::{Field, KeyRing, Opener, SealingKey, parse_line};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let [_, mode, file] = arguments.as_slice() else { return ExitCode::from(2) };
    let pem = fs::read_to_string(file).unwrap();
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).unwrap();
    let output = match mode.as_str() {
        "seal" => seal(file, &pem, &input),
        "open" => open(file, &pem, &input),
        _ => return ExitCode::from(2),
    };
    io::stdout().write_all(&output).unwrap();
    ExitCode::SUCCESS
}

fn seal(file: &str, pem: &str, text: &[u8]) -> Vec<u8> {
    SealingKey::from_pem(file, pem).unwrap().new_line().unwrap().seal(text).unwrap().into_bytes()
}

/// Goes the way of a real line, so that what tells envelopes from plain values is tested too.
fn open(file: &str, pem: &str, envelope: &[u8]) -> Vec<u8> {
    let line = [b"{\"RequestBody\":", envelope, b"}"].concat();
    let record = parse_line(&line).unwrap();
    let Field::Sealed(envelope) = &record.request_body else { panic!("no envelope: {record:?}") };
    Opener::new(Arc::new(KeyRing::from_pem([(file, pem)]).unwrap())).open(envelope).unwrap()
}
