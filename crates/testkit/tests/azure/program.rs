//! The binary.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gatelog-testkit-azure");

#[test]
fn the_program_prints_its_endpoint_serves_and_stops_on_sigterm() {
    let mut child =
        Command::new(PROGRAM).args(["--workers", "1", "--behave", "503"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first_line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
    let address = first_line.trim_end().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: a\r\napi-key: k\r\nconnection: close\r\n\
                   content-length: 27\r\n\r\n{\"model\":\"m\",\"messages\":[]}";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_explains_itself_and_refuses_what_it_does_not_know() {
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for word in ["--listen", "--behave", "--workers", "cut-after-frames=N", "filter-prompt"] {
        assert!(help.contains(word), "{word}");
    }
    let refused = Command::new(PROGRAM).args(["--behave", "slow"]).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`slow` is no behaviour"));
}
