//! A provider that sends random streams over bare TCP, cut anywhere: in chunks of any size, in writes of any size.

use std::{io, net::SocketAddr};

use fastrand::Rng;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::stream::RandomStream;

/// The header that says which stream is wanted.
pub(crate) const STREAM: &str = "x-stream";
/// Most pieces that a long stream is cut into; a short one may come byte by byte.
const CUTS_MAX: usize = 40;
/// Longest stream that may come byte by byte.
const BYTEWISE_BYTES_MAX: usize = 400;

/// How a message shows its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Chunked,
    Length,
    Close,
}

/// Listens until it is dropped.
pub(crate) struct Provider {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Provider {
    /// A provider of the streams of `seed`.
    pub(crate) async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                // An error is the gateway closing a connection that it needs no more.
                tokio::spawn(async move { serve(stream, seed).await.ok() });
            }
        });
        Self { address, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers one request after the other.
async fn serve(stream: TcpStream, seed: u64) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(index) = request(&mut stream).await? {
        let answer = RandomStream::new(seed, index);
        let mut random = Rng::with_seed(seed.wrapping_add(index).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let framing = match random.u8(0..20) {
            0 => Framing::Close,
            1..4 => Framing::Length,
            _ => Framing::Chunked,
        };
        let wire = wire(&answer.bytes, framing, &mut random);
        let mut from = 0;
        for to in cuts(wire.len(), &mut random) {
            stream.write_all(&wire[from..to]).await?;
            stream.flush().await?;
            // The gateway has its turn to read just this.
            tokio::task::yield_now().await;
            from = to;
        }
        if framing == Framing::Close {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a request and says which stream it wants; `None` when no more come.
async fn request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<u64>> {
    let (mut wanted, mut length) = (None, 0);
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name {
            STREAM => wanted = value.parse().ok(),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok(Some(wanted.expect("the gateway passes other headers on")))
}

/// The answer as it goes over the wire.
fn wire(body: &[u8], framing: Framing, random: &mut Rng) -> Vec<u8> {
    let content_type = ["text/event-stream", "text/event-stream; charset=utf-8"][random.usize(0..2)];
    let end = match framing {
        Framing::Chunked => "transfer-encoding: chunked".to_owned(),
        Framing::Length => format!("content-length: {}", body.len()),
        Framing::Close => "connection: close".to_owned(),
    };
    let mut wire = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{end}\r\n\r\n").into_bytes();
    if framing != Framing::Chunked {
        wire.extend_from_slice(body);
        return wire;
    }
    let mut from = 0;
    for to in cuts(body.len(), random) {
        wire.extend_from_slice(format!("{:x}\r\n", to - from).as_bytes());
        wire.extend_from_slice(&body[from..to]);
        wire.extend_from_slice(b"\r\n");
        from = to;
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

/// Where to cut so many bytes: rising, none empty, the last at the end.
fn cuts(length: usize, random: &mut Rng) -> Vec<usize> {
    if length == 0 {
        return Vec::new();
    }
    if length <= BYTEWISE_BYTES_MAX && random.u8(0..8) == 0 {
        return (1..=length).collect();
    }
    let mut cuts: Vec<usize> = (0..random.usize(0..CUTS_MAX)).map(|_| random.usize(1..=length)).collect();
    cuts.push(length);
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}
