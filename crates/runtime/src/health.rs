//! Asking a process for its readiness, for health checks of machines that have no HTTP client.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A process that takes longer to say whether it is ready is not.
const LIMIT: Duration = Duration::from_secs(5);
/// Longest reason that is read.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// Asks the process that serves its status on `listen`; the reason if it is not ready.
///
/// # Errors
///
/// When there is no answer in five seconds.
pub async fn ask_readiness(listen: SocketAddr) -> io::Result<Result<(), String>> {
    tokio::time::timeout(LIMIT, ask(reachable(listen))).await?
}

/// An address to listen on everywhere is reached at this machine.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        let here = if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        listen.set_ip(here);
    }
    listen
}

async fn ask(address: SocketAddr) -> io::Result<Result<(), String>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let request = Request::get("/readyz").header("host", address.to_string());
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(io::Error::other)?;
        let text = String::from_utf8_lossy(&body.to_bytes()).trim().to_owned();
        Ok(if status.is_success() { Ok(()) } else { Err(text) })
    };
    tokio::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        // The connection may end before the answer is read out of it.
        _ended = connection => answered.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Readiness, Shutdown, init_metrics, serve_status};

    #[tokio::test]
    async fn a_process_is_asked_and_says_why_not() {
        let (readiness, shutdown) = (Readiness::default(), Shutdown::default());
        let other = Readiness::of("ingest");
        let both = vec![readiness.clone(), other.clone()];
        let anywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let server = serve_status(anywhere, init_metrics().unwrap(), both, &shutdown).await.unwrap();
        assert_eq!(
            ask_readiness(server.address).await.unwrap(),
            Err("not ready: starting; ingest: starting".to_owned())
        );
        readiness.set_ready();
        assert_eq!(ask_readiness(server.address).await.unwrap(), Err("not ready: ingest: starting".to_owned()));
        other.set_ready();
        assert_eq!(ask_readiness(server.address).await.unwrap(), Ok(()));
        readiness.set_unready("the bucket is gone");
        assert_eq!(ask_readiness(server.address).await.unwrap(), Err("not ready: the bucket is gone".to_owned()));
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(ask_readiness(nobody).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
