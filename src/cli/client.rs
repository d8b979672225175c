//! Talking to the running server.
//!
//! The one on the data directory is found by its socket there, and knows whoever may
//! open that socket as an administrator. Any other is named by its URL and shown the
//! key in `STOCKADE_KEY`.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flow::unit::{Size, Span};
use flow::{Body, Clock, Code, Error, Kind, Random};
use pool::http::{Answer, Ask, Direct, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::failure::{Complaint, Failure};
use super::globals::{Choice, Globals};
use crate::config::{Environment, KEY, SERVER};

pub(super) static NO_SERVER: Code = Code::new(
    Kind::Missing,
    "cli-no-server",
    "No server runs on the data directory",
    "start one with `stockade serve`, or name another with `--server URL` or `--data DIR`",
);

pub(super) static NOT_OURS: Code = Code::new(
    Kind::Refused,
    "cli-not-ours",
    "The data directory belongs to somebody else",
    "run the command as the user the server runs as, or use `--server URL` with a key",
);

static NO_KEY: Code = Code::new(
    Kind::Unknown,
    "cli-no-key",
    "There is no key to show to the server",
    "put one into the environment: `export STOCKADE_KEY=…`; `stockade key create` makes them",
);

static ANSWER: Code = Code::new(
    Kind::Internal,
    "cli-answer",
    "The server's answer cannot be read",
    "is it a Stockade server of this release? `stockade check` tells",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&NO_SERVER, &NOT_OURS, &NO_KEY, &ANSWER];

/// The socket of a server in its data directory.
pub(super) const SOCKET: &str = "stockade.sock";

/// Room for a body with a secret in it, so that it is not copied while it grows.
const SECRETS: usize = 8 << 10;

/// Where the server is.
pub(super) enum Whereabouts {
    /// On this data directory.
    Here(PathBuf),
    /// At this URL, with this key.
    There(String, String),
}

/// A connection to the server, and what to show it.
pub(super) struct Client {
    direct: Direct,
    key: Option<String>,
}

impl Whereabouts {
    /// Whether a server at a URL is meant.
    pub(super) fn is_there(globals: &Globals) -> bool {
        Self::named(globals, &Environment::of_process()).is_some()
    }

    fn named(globals: &Globals, environment: &Environment) -> Option<String> {
        globals.server.clone().or_else(|| match globals.data {
            Some(_) => None,
            None => environment.get(SERVER).map(str::to_owned),
        })
    }

    /// What is typed counts first: a server, then a directory; then the environment.
    pub(super) fn find(globals: &Globals) -> Result<Self, Failure> {
        let environment = Environment::of_process();
        match Self::named(globals, &environment) {
            Some(url) => {
                let missing = || NO_KEY.error(format!("there is no key to show to `{url}`"));
                let key = environment.get(KEY).ok_or_else(missing)?.to_owned();
                Ok(Self::There(url, key))
            }
            None => Ok(Self::Here(globals.load(&Choice::default(), Vec::new())?.config.data)),
        }
    }
}

impl Client {
    /// A connection to the server this command line means.
    pub(super) async fn connect(globals: &Globals) -> Result<Self, Failure> {
        Self::connect_to(&Whereabouts::find(globals)?).await
    }

    /// A connection to this server.
    pub(super) async fn connect_to(server: &Whereabouts) -> Result<Self, Failure> {
        let clock = Clock::system();
        match server {
            Whereabouts::There(url, key) => {
                let direct = Direct::to(url, patient(), clock).await?;
                Ok(Self { direct, key: Some(key.clone()) })
            }
            Whereabouts::Here(data) => {
                let socket = data.join(SOCKET);
                let direct = Direct::local(&socket, patient(), clock).await;
                Ok(Self { direct: direct.map_err(|error| not_here(data, error))?, key: None })
            }
        }
    }

    /// Asks; an answer that is a problem is a failure.
    pub(super) async fn ask(&mut self, method: &str, path: &str) -> Result<Answer, Failure> {
        let ask = self.question(method, path)?;
        self.send(ask).await
    }

    /// Asks with JSON.
    pub(super) async fn post(
        &mut self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Answer, Failure> {
        let ask = self.question("POST", path)?.header("content-type", "application/json")?;
        self.send(ask.body(body.to_string())).await
    }

    /// Asks with JSON that holds a secret, which is wiped once it was sent.
    pub(super) async fn tell(
        &mut self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, Failure> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRETS));
        // Our own types always have a JSON form.
        let _ = serde_json::to_writer(&mut *bytes, body);
        let ask = self.question(method, path)?.header("content-type", "application/json")?;
        self.send(ask.body(Bytes::from_owner(bytes))).await
    }

    /// A request with the key on it.
    pub(super) fn question(&self, method: &str, path: &str) -> Result<Ask, Failure> {
        let ask = self.direct.ask(method, path)?;
        match &self.key {
            Some(secret) if gate::is_secret(secret) => {
                let proof = gate::prove(secret, &Clock::system(), &Random::system())?;
                Ok(ask.header("authorization", &format!("Bearer {}", *proof))?)
            }
            Some(key) => Ok(ask.header("authorization", &format!("Bearer {key}"))?),
            None => Ok(ask),
        }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&mut self, ask: Ask) -> Result<Answer, Failure> {
        Ok(self.open(ask).await?.whole().await?)
    }

    /// Sends a request; the answer is read piece by piece.
    pub(super) async fn open(&mut self, ask: Ask) -> Result<Reply, Failure> {
        let reply = self.direct.open(ask).await?;
        fine(reply).await
    }

    /// Sends a request with a body that is read on the way.
    pub(super) async fn upload(&mut self, ask: Ask, body: Body) -> Result<Answer, Failure> {
        let reply = self.direct.send(ask, body).await?;
        Ok(fine(reply).await?.whole().await?)
    }
}

/// Why nobody is reached on a data directory.
fn not_here(data: &Path, error: Error) -> Error {
    let cause =
        std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>());
    let shown = data.display();
    let story = match cause.map(io::Error::kind) {
        Some(io::ErrorKind::PermissionDenied) => {
            NOT_OURS.error(format!("the data directory `{shown}` belongs to somebody else"))
        }
        _ => NO_SERVER.error(format!("no server is running on `{shown}`")).with_advice(format!(
            "start one with `stockade serve --data {shown}`, or name another with `--server URL` \
             or `--data DIR`"
        )),
    };
    story.because(error)
}

/// Reads an answer.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    let read = serde_json::from_slice(&answer.body);
    Ok(read.map_err(|error| ANSWER.error("the server answered something else").because(error))?)
}

/// Percent-encodes one step of a path, or one value of a query.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A command waits as long as a server may take; answers are as large as values.
fn patient() -> pool::http::Config {
    pool::http::Config {
        answer_timeout: Span::secs(60),
        largest_answer: Size::mib(256),
        ..pool::http::Config::default()
    }
}

async fn fine(reply: Reply) -> Result<Reply, Failure> {
    if reply.status.is_success() {
        return Ok(reply);
    }
    let answer = reply.whole().await?;
    Err(problem(&answer).into())
}

/// What the server says is wrong, in its own words.
fn problem(answer: &Answer) -> Complaint {
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| document.get(name).and_then(serde_json::Value::as_str);
    let code = text("type").and_then(|name| name.rsplit(':').next());
    let Some(code) = code else {
        let error = ANSWER.error(format!("the server answered with status {}", answer.status));
        return Complaint::from(&error);
    };
    Complaint {
        code: code.to_owned(),
        detail: text("detail").unwrap_or_default().to_owned(),
        advice: text("advice").unwrap_or_default().to_owned(),
        story: format!("{code}, request {}", text("instance").unwrap_or("unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_path_are_encoded() {
        for (text, expected) in
            [("ann", "ann"), ("a/b?c#d", "a%2Fb%3Fc%23d"), ("ä %", "%C3%A4%20%25"), ("..", "..")]
        {
            assert_eq!(encoded(text), expected);
        }
    }
}
