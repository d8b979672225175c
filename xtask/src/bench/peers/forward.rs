//! Ours, asked as a proxy asks whether a request may pass, and a server that says yes to everybody.

use std::io;

use crate::bench::load::Connection;
use crate::bench::peers::Guard;
use crate::bench::peers::value::{Question, Requests};
use crate::bench::server::Server;
use crate::bench::spine::built;

const KEY: &str = "the-key-of-a-measurement-that-is-long-enough";
const DOOR: &str = "/forward-auth";

/// Our server, with a key that is known.
pub(crate) struct Ours {
    server: Server,
    _data: tempfile::TempDir,
}

impl Ours {
    /// Starts it; nothing when it has no such door, or does not let pass what is innocent.
    pub(crate) fn start(requests: &Requests) -> Result<Option<Self>, Box<dyn std::error::Error>> {
        let stockade = built(&["stockade"])?.join("stockade");
        let data = tempfile::tempdir()?;
        let place = data.path().display().to_string();
        let free = "127.0.0.1:0";
        let args = ["serve", "--data", &place, "--http", free, "--resp", free];
        // Thousands of attacks from one address are the point here, and no reason to slow down.
        let set = [
            ("STOCKADE_BOOTSTRAP_KEY", KEY),
            ("STOCKADE_GATE__LIMITS__MODE", "shadow"),
            ("STOCKADE_GATE__LIMITS__EXEMPT", "[\"127.0.0.1/32\"]"),
            ("STOCKADE_LOG__LEVEL", "error"),
        ];
        let server = Server::start_with(&stockade, &args, &set, "/healthz")?;
        let ours = Self { server, _data: data };
        let status = ours.ask(&mut ours.open()?, &requests.get)?;
        if !matches!(status, 200..300) {
            eprintln!("{DOOR} answers {status}: ours is measured in process alone");
            return Ok(None);
        }
        Ok(Some(ours))
    }
}

impl Guard for Ours {
    fn open(&self) -> io::Result<Connection> {
        let connection = Connection::open(self.server.address())?.with_key(KEY);
        Ok(connection.with_header("x-original-method", "GET"))
    }

    /// nginx keeps bodies to itself, so a form is asked about as if it were a query.
    fn ask(&self, connection: &mut Connection, question: &Question) -> io::Result<u16> {
        match question {
            Question::Get(path) => connection.status_with(DOOR, "x-original-uri", path),
            Question::Post(form) => {
                connection.status_with(DOOR, "x-original-uri", &format!("/?{form}"))
            }
        }
    }

    fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// The least a server on the same HTTP library can be, asked the same: what ours takes beyond
/// this is the gate.
pub(crate) struct Bare {
    server: Server,
}

impl Bare {
    /// Starts it.
    pub(crate) fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let bare = built(&["bare-hyper"])?.join("bare-hyper");
        Ok(Self { server: Server::start(&bare, &[], DOOR)? })
    }
}

impl Guard for Bare {
    fn open(&self) -> io::Result<Connection> {
        let connection = Connection::open(self.server.address())?.with_key(KEY);
        Ok(connection.with_header("x-original-method", "GET"))
    }

    fn ask(&self, connection: &mut Connection, question: &Question) -> io::Result<u16> {
        let (Question::Get(path) | Question::Post(path)) = question;
        connection.status_with(DOOR, "x-original-uri", path)
    }

    fn pid(&self) -> u32 {
        self.server.pid()
    }
}
