//! A small load generator: HTTP/1.1 keep-alive, one thread and one connection each,
//! the next request when the answer to the last is complete.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::clock;

/// A paused server must not hold a measurement for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a server answers the path with success.
pub(crate) fn answers(address: &str, path: &str) -> bool {
    Connection::open(address).and_then(|mut connection| connection.get(path)).is_ok()
}

/// Asks for `path` on so many connections for so long; answers how many were answered.
pub(crate) fn run(
    address: &str,
    path: &str,
    connections: usize,
    time: Duration,
) -> io::Result<u64> {
    repeat(|| Connection::open(address), |connection| connection.get(path), connections, time)
}

/// Opens so many connections and asks something on each of them again and again for so long;
/// answers how often it was asked.
pub(crate) fn repeat(
    open: impl Fn() -> io::Result<Connection> + Sync,
    ask: impl Fn(&mut Connection) -> io::Result<()> + Sync,
    connections: usize,
    time: Duration,
) -> io::Result<u64> {
    let end = clock::now() + time;
    let ask = || -> io::Result<u64> {
        let mut connection = open()?;
        // One that never had its turn says nothing of the server.
        for answered in 1.. {
            ask(&mut connection)?;
            if clock::now() >= end {
                return Ok(answered);
            }
        }
        Ok(0)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(ask)).collect();
        let panicked = |_| Err(io::Error::other("a load thread panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).sum()
    })
}

/// The same by few threads, each with so many connections: it says something on all of them, and
/// then hears all of them, as programs do that wait for many at once.
pub(crate) fn abreast(
    open: impl Fn() -> io::Result<Connection> + Sync,
    say: impl Fn(&mut Connection) -> io::Result<()> + Sync,
    (threads, connections): (usize, usize),
    time: Duration,
) -> io::Result<u64> {
    let end = clock::now() + time;
    let ask = || -> io::Result<u64> {
        let mut lines = (0..connections).map(|_| open()).collect::<io::Result<Vec<_>>>()?;
        let mut answered = 0;
        while answered == 0 || clock::now() < end {
            lines.iter_mut().try_for_each(&say)?;
            for line in &mut lines {
                match line.hear()? {
                    200 => answered += 1,
                    status => return Err(io::Error::other(format!("the answer was {status}"))),
                }
            }
        }
        Ok(answered)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
        let panicked = |_| Err(io::Error::other("a load thread panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).sum()
    })
}

/// One connection to a server.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    /// The headers of every request.
    headers: String,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let headers = "host: stockade\r\n".to_owned();
        Ok(Self { stream: BufReader::new(stream), headers, line: String::new(), body: Vec::new() })
    }

    /// The same, showing a key with every request.
    pub(crate) fn with_key(self, key: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {key}"))
    }

    /// The same, with a header more in every request.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// One request, its answer read to the end; anything but success is an error.
    fn get(&mut self, path: &str) -> io::Result<()> {
        match self.status(path)? {
            200..300 => Ok(()),
            status => Err(io::Error::other(format!("{path} is answered by {status}"))),
        }
    }

    /// One request, its answer read to the end; its status.
    pub(crate) fn status(&mut self, path: &str) -> io::Result<u16> {
        self.ask("GET", path, "", "")
    }

    /// The same, with a header that only this request has.
    pub(crate) fn status_with(&mut self, path: &str, name: &str, value: &str) -> io::Result<u16> {
        self.ask("GET", path, &format!("{name}: {value}\r\n"), "")
    }

    /// The same, with JSON.
    pub(crate) fn post(&mut self, path: &str, json: &str) -> io::Result<u16> {
        self.ask("POST", path, "content-type: application/json\r\n", json)
    }

    /// The same, with a form.
    pub(crate) fn post_form(&mut self, path: &str, form: &str) -> io::Result<u16> {
        self.ask("POST", path, "content-type: application/x-www-form-urlencoded\r\n", form)
    }

    /// The same, with JSON that is put somewhere.
    pub(crate) fn put(&mut self, path: &str, json: &str) -> io::Result<u16> {
        self.ask("PUT", path, "content-type: application/json\r\n", json)
    }

    fn ask(&mut self, method: &str, path: &str, more: &str, body: &str) -> io::Result<u16> {
        self.say(method, path, more, body)?;
        self.hear()
    }

    /// JSON that is posted; its answer is heard later.
    pub(crate) fn say_json(&mut self, path: &str, json: &str) -> io::Result<()> {
        self.say("POST", path, "content-type: application/json\r\n", json)
    }

    fn say(&mut self, method: &str, path: &str, more: &str, body: &str) -> io::Result<()> {
        let headers = &self.headers;
        let length = match body {
            "" => String::new(),
            _ => format!("content-length: {}\r\n", body.len()),
        };
        let request = format!("{method} {path} HTTP/1.1\r\n{headers}{more}{length}\r\n{body}");
        self.stream.get_mut().write_all(request.as_bytes())
    }

    /// The answer to what was said, read to the end; its status.
    pub(crate) fn hear(&mut self) -> io::Result<u16> {
        self.read_line()?;
        let status = self.line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status =
            status.ok_or_else(|| io::Error::other(format!("{:?} is no answer", self.line)))?;
        let mut length = 0;
        loop {
            self.read_line()?;
            match self.line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
                None => break,
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok(status)
    }

    fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        match self.stream.read_line(&mut self.line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Serves one connection with the same answer to every request.
    fn serve(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).unwrap() > 0 {
                if line == "\r\n" {
                    stream.get_mut().write_all(answer).unwrap();
                }
                line.clear();
            }
        });
        address
    }

    #[test]
    fn only_complete_successes_are_counted() {
        let good = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert!(run(&good, "/", 1, Duration::from_millis(20)).unwrap() > 0);
        let bad = serve(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        assert!(run(&bad, "/", 1, Duration::from_millis(20)).is_err());
    }
}
