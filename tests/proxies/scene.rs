//! A server, an application, and what is asked of the proxy between them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::echo::Echo;
use crate::server::{Answer, Server};

/// What is configured for all of them.
const CONFIG: &str = r#"
http.proxies.trusted = ["127.0.0.1/32"]
gate.strangers.loopback = false

[[gate.inspect.routes]]
path = "/open"
strangers = true

[[gate.inspect.routes]]
path = "/comments"
mode = "flag"
"#;

/// An attack, as a client sends it in a query.
pub(crate) const ATTACK: &str = "id=1%27%20OR%20%271%27=%271";

/// Everything but the proxy.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) echo: Echo,
    place: TempDir,
}

/// A key that was made.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// The same with more configuration.
    pub(crate) fn with(more: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("stockade.toml"), format!("{CONFIG}\n{more}")).unwrap();
        let server = Server::start_with(&place.path().join("data"), |command| {
            command.current_dir(place.path());
        });
        Self { server, echo: Echo::start(), place }
    }

    /// A proxy's configuration out of a guide: the first block in this language that has `mark`,
    /// with our addresses in place of the guide's.
    pub(crate) fn guide(&self, name: &str, language: &str, mark: &str) -> String {
        let block = block(name, language, mark);
        let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
        let Self { server, echo, .. } = self;
        block
            .replace("127.0.0.1:8080", "{address}")
            .replace("http://:8080", "http://:{port}")
            .replace("port_value: 8080", "port_value: {port}")
            .replace("127.0.0.1:7400", &server.http)
            .replace("port_value: 7403", &format!("port_value: {}", port(&server.grpc)))
            .replace("127.0.0.1:9000", &echo.address)
            .replace("port_value: 9000", &format!("port_value: {}", port(&echo.address)))
    }

    pub(crate) fn key(&self, principal: &str, role: &str) -> Key {
        let body = json!({ "principal": principal, "kind": "service", "roles": [role] });
        let made = self.server.http("POST", "/v1/auth/keys", body.to_string().as_bytes()).json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Key { id: text("id"), secret: text("secret") }
    }

    /// The newest fact about a request that a proxy held.
    pub(crate) fn facts(&self) -> Vec<Value> {
        let path = "/v1/events?limit=1000&type=request.forward";
        let page = self.server.http("GET", path, b"").json();
        page["events"].as_array().unwrap_or_else(|| panic!("{page}")).clone()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }
}

/// The first block of a guide in this language that has `mark` in it.
pub(crate) fn block(name: &str, language: &str, mark: &str) -> String {
    let path = format!("{}/docs/guides/{name}.md", env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    let blocks = guide.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap());
    let found = blocks.into_iter().find(|block| block.contains(mark));
    found.unwrap_or_else(|| panic!("`{name}` has no {language} with {mark}")).to_owned()
}

/// One client of a proxy, on a connection that is kept.
pub(crate) struct Client(BufReader<TcpStream>);

/// What a client sends.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// A GET without anything.
pub(crate) fn get(target: &str) -> Sent<'_> {
    Sent { method: "GET", target, key: None, headers: &[], body: b"" }
}

impl<'a> Sent<'a> {
    pub(crate) fn by(self, key: &'a Key) -> Self {
        Self { key: Some(&key.secret), ..self }
    }

    pub(crate) fn with(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    pub(crate) fn post(self, body: &'a [u8]) -> Self {
        Self { method: "POST", body, ..self }
    }

    /// On a connection of its own.
    pub(crate) fn to(self, address: &str) -> Answer {
        Client::new(address).ask(self)
    }
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn ask(&mut self, sent: Sent<'_>) -> Answer {
        let Sent { method, target, key, headers, body } = sent;
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: shop.example\r\n");
        let key = key.map(|key| ("authorization", format!("Bearer {key}")));
        for (name, value) in key.iter().map(|(name, value)| (*name, &**value)) {
            head += &format!("{name}: {value}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            head += &format!("content-length: {}\r\n", body.len());
        }
        head += "\r\n";
        let stream = self.0.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        // Refused early, the rest is not wanted.
        let _ = stream.write_all(body);
        self.answer(method)
    }

    fn answer(&mut self, method: &str) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).unwrap();
            assert!(read > 0, "no whole answer: {head}");
        }
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status == 100 {
            return self.answer(method);
        }
        let lower = head.to_lowercase();
        let find = |name: &str| lower.lines().find_map(|line| line.strip_prefix(name));
        let mut body = Vec::new();
        if method == "HEAD" || status == 204 {
        } else if find("transfer-encoding: chunked").is_some() {
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).unwrap();
                let len = u64::from_str_radix(line.trim(), 16).unwrap();
                let mut piece = vec![0; len as usize + 2];
                self.0.read_exact(&mut piece).unwrap();
                body.extend_from_slice(&piece[..len as usize]);
                if len == 0 {
                    break;
                }
            }
        } else if let Some(len) = find("content-length: ") {
            body.resize(len.trim().parse().unwrap(), 0);
            self.0.read_exact(&mut body).unwrap();
        } else {
            self.0.read_to_end(&mut body).unwrap();
        }
        Answer { status, head: head.trim_end().to_owned(), body }
    }
}

/// A header of an answer.
pub(crate) fn header(answer: &Answer, wanted: &str) -> Option<String> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.next().map(|(_, value)| value.trim().to_owned())
}

/// What the application was told of a request that passed.
pub(crate) fn told(answer: &Answer, name: &str) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["headers"][&format!("x-stockade-{name}")].as_str().unwrap_or_default().to_owned()
}
