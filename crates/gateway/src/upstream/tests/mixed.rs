//! Nobody ever gets an answer that was meant for somebody else, whatever providers and callers do.

use super::*;

const CALLERS: u64 = 32;
const REQUESTS: u64 = 60;

/// What one request and its answer are like.
#[derive(Debug, Clone, Copy)]
struct Plan {
    is_chunked: bool,
    pieces: usize,
    has_hints: bool,
    /// The provider breaks off in the middle.
    is_cut: bool,
    /// It says that it closes, and does.
    is_last: bool,
    /// It goes on with an answer that nobody asked for.
    has_more: bool,
    /// It closes without a word.
    closes: bool,
    /// Pieces that the caller reads before it hangs up.
    reads: Option<usize>,
}

fn plan(number: u64) -> Plan {
    let mut random = fastrand::Rng::with_seed(number);
    let mut one_in = |times: u32| random.u32(..times) == 0;
    Plan {
        is_chunked: one_in(2),
        has_hints: one_in(8),
        is_cut: one_in(12),
        is_last: one_in(12),
        has_more: one_in(12),
        closes: one_in(12),
        reads: one_in(8).then_some(1),
        pieces: if one_in(3) { 1 } else { 5 },
    }
}

fn said(number: u64) -> String {
    format!("answer {number} ").repeat(20)
}

async fn answer(stream: &mut TcpStream, number: u64) -> std::io::Result<bool> {
    let plan = plan(number);
    if plan.closes {
        return Ok(false);
    }
    let body = said(number);
    let mut head = String::new();
    if plan.has_hints {
        head.push_str("HTTP/1.1 103 Early Hints\r\n\r\n");
    }
    head.push_str("HTTP/1.1 200 OK\r\n");
    if plan.is_last {
        head.push_str("connection: close\r\n");
    }
    if plan.is_chunked {
        head.push_str("transfer-encoding: chunked\r\n\r\n");
    } else {
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    }
    let mut pending = head;
    let pieces: Vec<_> = body.as_bytes().chunks(body.len().div_ceil(plan.pieces)).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let piece = std::str::from_utf8(piece).unwrap();
        if plan.is_chunked {
            pending.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
        } else {
            pending.push_str(piece);
        }
        let is_end = index + 1 == pieces.len();
        if is_end && plan.is_cut {
            pending.truncate(pending.len() - 5);
        } else if is_end && plan.is_chunked {
            pending.push_str("0\r\n\r\n");
        }
        if is_end && plan.has_more && !plan.is_cut {
            pending.push_str("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother");
        }
        stream.write_all(std::mem::take(&mut pending).as_bytes()).await?;
        tokio::task::yield_now().await;
    }
    Ok(!plan.is_cut && !plan.is_last)
}

/// The number is the body of the request, 20 digits.
async fn converse(mut stream: TcpStream) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n")
                && read.len() >= end + 24
            {
                break end + 24;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        let number = std::str::from_utf8(&read[end - 20..end]).unwrap().parse().unwrap();
        read.drain(..end);
        if !answer(&mut stream, number).await? {
            return Ok(());
        }
    }
}

/// What became of one request: whether all of its answer came.
async fn ask(client: &Upstream, uri: &Uri, number: u64) -> bool {
    let request = UpstreamRequest {
        method: Method::POST,
        uri: uri.clone(),
        headers: HeaderMap::new(),
        body: Bytes::from(format!("{number:020}")),
    };
    let (plan, expected) = (plan(number), said(number));
    let Ok(answer) = client.send(request).await else { return false };
    let mut body = answer.into_body();
    let mut text = Vec::new();
    for _ in 0..plan.reads.unwrap_or(usize::MAX) {
        match body.frame().await {
            Some(Ok(frame)) => text.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(_)) => break,
            None => {
                assert_eq!(String::from_utf8(text).unwrap(), expected, "{number}: {plan:?}");
                return true;
            }
        }
    }
    assert!(expected.as_bytes().starts_with(&text), "{number}: {plan:?}");
    false
}

#[tokio::test]
async fn answers_and_callers_are_never_mixed_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(converse(stream));
        }
    });
    let client = client();
    let callers = (0..CALLERS).map(|caller| {
        let (client, uri) = (client.clone(), uri.clone());
        tokio::spawn(async move {
            let mut whole = 0;
            for request in 0..REQUESTS {
                let number = caller * REQUESTS + request;
                let is_good = {
                    let plan = plan(number);
                    !plan.is_cut && !plan.closes && plan.reads.is_none()
                };
                let came = ask(&client, &uri, number).await;
                assert!(!(plan(number).is_cut || plan(number).closes) || !came, "{number}");
                whole += u64::from(came && is_good);
            }
            whole
        })
    });
    let whole: u64 = futures::future::join_all(callers).await.into_iter().map(Result::unwrap).sum();
    let asked = CALLERS * REQUESTS;
    let good = (0..asked).map(plan).filter(|plan| !plan.is_cut && !plan.closes && plan.reads.is_none()).count() as u64;
    // Only a connection that closes just then may cost a good request its answer.
    assert!(whole * 100 >= good * 95, "{whole} of {good}");
    let connections = connections.load(Ordering::SeqCst) as u64;
    assert!(connections < asked * 2 / 3, "{connections} connections for {asked} requests");
}
