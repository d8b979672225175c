//! What stands behind a proxy: it answers with the request as it came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Map, Value, json};

/// An application that echoes.
pub(crate) struct Echo {
    pub(crate) address: String,
    asked: Arc<AtomicUsize>,
}

impl Echo {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = count.clone();
                std::thread::spawn(move || serve(stream, &count));
            }
        });
        Self { address, asked }
    }

    /// How many requests came through.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

/// Answers requests until the other side has no more.
fn serve(mut stream: TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (line, headers) = head(&mut reader)?;
        count.fetch_add(1, SeqCst);
        let body = body(&mut reader, &headers)?;
        let mut words = line.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let answer =
            json!({ "method": method, "target": target, "headers": headers, "body": body });
        let answer = answer.to_string();
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        if method != "HEAD" {
            stream.write_all(answer.as_bytes()).ok()?;
        }
    }
}

/// The first line, and the headers by name in lower case.
fn head(reader: &mut impl BufRead) -> Option<(String, Map<String, Value>)> {
    let mut lines = std::iter::from_fn(|| {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    });
    let first = lines.next()?;
    let mut headers = Map::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match headers.get_mut(&name.to_lowercase()) {
            // Sent twice is what a forger would do.
            Some(Value::String(known)) => *known = format!("{known} + {value}"),
            _ => drop(headers.insert(name.to_lowercase(), value.into())),
        }
    }
    Some((first, headers))
}

/// How long the body was.
fn body(reader: &mut impl BufRead, headers: &Map<String, Value>) -> Option<u64> {
    let text = |name| headers.get(name).and_then(Value::as_str);
    let skip = |reader: &mut dyn BufRead, len: u64| {
        std::io::copy(&mut reader.take(len), &mut std::io::sink()).ok()
    };
    if text("transfer-encoding") != Some("chunked") {
        return skip(reader, text("content-length").map_or(0, |len| len.parse().unwrap()));
    }
    let mut whole = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let len = u64::from_str_radix(line.trim(), 16).ok()?;
        whole += skip(reader, len)?;
        skip(reader, 2)?;
        if len == 0 {
            return Some(whole);
        }
    }
}
