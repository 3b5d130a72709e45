//! One connection, one request at a time.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::answer::{Answer, Broken, Head};

/// Longest silence of a server.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Read at once at most, and the longest head.
const BUFFER_BYTES: usize = 64 << 10;

/// A connection that is made again when the server has closed it.
#[derive(Debug)]
pub(super) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The next request needs a new connection.
    is_spent: bool,
    reconnects: u64,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Self { address, stream: connect(address)?, buffer, is_spent: false, reconnects: 0 })
    }

    /// How often the server closed it.
    pub(super) fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// A second handle, to end it from another thread.
    pub(super) fn handle(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    /// Sends a request and reads its answer whole.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<Answer, Broken> {
        self.ask_with(request, |_begun| {})
    }

    /// The same; `begun` is told when the head is there.
    pub(super) fn ask_with(&mut self, request: &[u8], begun: impl FnOnce(Instant)) -> Result<Answer, Broken> {
        if self.is_spent {
            self.stream = connect(self.address)?;
            self.is_spent = false;
            self.reconnects += 1;
        }
        let asked = self.exchange(request, begun);
        if asked.is_err() {
            self.is_spent = true;
            // It may be closed already.
            let _closed = self.stream.shutdown(Shutdown::Both);
        }
        asked
    }

    fn exchange(&mut self, request: &[u8], tell: impl FnOnce(Instant)) -> Result<Answer, Broken> {
        self.stream.write_all(request)?;
        let (Head { status, mut body, is_last }, mut filled) = self.read_head(&mut 0)?;
        let begun = Instant::now();
        tell(begun);
        let mut is_closed = false;
        loop {
            body.take(&self.buffer[filled.clone()])?;
            if body.is_whole(is_closed) {
                break;
            }
            if is_closed {
                return Err(Broken::Closed);
            }
            let count = self.stream.read(&mut self.buffer)?;
            is_closed = count == 0;
            filled = 0..count;
        }
        self.is_spent = is_last || is_closed;
        Ok(Answer { status, body_bytes: body.bytes(), begun, ended: Instant::now() })
    }

    /// The head, and where in the buffer the bytes behind it are.
    fn read_head(&mut self, filled: &mut usize) -> Result<(Head, std::ops::Range<usize>), Broken> {
        loop {
            let count = self.stream.read(&mut self.buffer[*filled..])?;
            if count == 0 {
                return Err(if *filled == self.buffer.len() { Broken::NotHttp } else { Broken::Closed });
            }
            *filled += count;
            let there = &self.buffer[..*filled];
            if let Some(end) = there.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = Head::parse(&there[..end]).ok_or(Broken::NotHttp)?;
                return Ok((head, end + 4..*filled));
            }
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(stream)
}
