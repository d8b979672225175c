//! The commands: each reads its arguments, asks its question, writes its reply.

mod connection;
mod key;
mod string;

use std::ops::Range;

use flow::question::Plane;

use crate::connection::Client;

/// One command as it stands in the buffer.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    buffer: &'a [u8],
    places: &'a [Range<usize>],
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(buffer: &'a [u8], places: &'a [Range<usize>]) -> Self {
        Self { buffer, places }
    }

    /// How many, the command's name included.
    fn len(&self) -> usize {
        self.places.len()
    }

    fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.buffer.get(self.places.get(index)?.clone())
    }

    /// All from `index` on.
    fn from(&self, index: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (buffer, places) = (self.buffer, self.places.get(index..).unwrap_or(&[]));
        places.iter().filter_map(|place| buffer.get(place.clone()))
    }

    fn text(&self, index: usize) -> Option<&'a str> {
        std::str::from_utf8(self.get(index)?).ok()
    }

    fn is(&self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|own| own.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// What a command wants to say to the client; the rest was already said.
pub(crate) enum Said {
    /// Its reply is written.
    Replied,
    /// Its reply is written, and it was the last.
    Last,
}

/// An error in a command's form.
struct Wrong(String);

impl Wrong {
    fn syntax() -> Self {
        Self("ERR syntax error".into())
    }

    fn not_a_number() -> Self {
        Self("ERR value is not an integer or out of range".into())
    }
}

const NAME_MAX: usize = 32;

/// Carries out one command.
pub(crate) async fn carry_out<P: Plane>(client: &mut Client<P>, arguments: Arguments<'_>) -> Said {
    let Some(name) = arguments.get(0) else { return Said::Replied };
    let mut upper = [0u8; NAME_MAX];
    let upper = match upper.get_mut(..name.len()) {
        Some(upper) => {
            upper.copy_from_slice(name);
            upper.make_ascii_uppercase();
            &*upper
        }
        None => name,
    };
    let least = match upper {
        b"SETNX" => 3,
        b"SETEX" | b"PSETEX" => 4,
        b"GET" | b"SET" | b"DEL" | b"UNLINK" | b"EXISTS" | b"MGET" | b"TTL" | b"PTTL"
        | b"EXPIRE" | b"PEXPIRE" | b"PERSIST" | b"SELECT" | b"ECHO" | b"AUTH" | b"CLIENT"
        | b"STOCKADE.PURGE" => match upper {
            b"SET" | b"EXPIRE" | b"PEXPIRE" => 3,
            _ => 2,
        },
        _ => 1,
    };
    let exactly = matches!(
        upper,
        b"GET"
            | b"SETNX"
            | b"SETEX"
            | b"PSETEX"
            | b"TTL"
            | b"PTTL"
            | b"PERSIST"
            | b"SELECT"
            | b"ECHO"
    );
    if arguments.len() < least || (exactly && arguments.len() != least) {
        let name = String::from_utf8_lossy(name).to_lowercase();
        let text = format!("ERR wrong number of arguments for '{name}' command");
        client.replies.error(&text);
        return Said::Replied;
    }
    let done = match upper {
        b"GET" => string::get(client, arguments).await,
        b"SET" => string::set(client, arguments).await,
        b"SETNX" => string::set_if_absent(client, arguments).await,
        b"SETEX" => string::set_for(client, arguments, 1000).await,
        b"PSETEX" => string::set_for(client, arguments, 1).await,
        b"MGET" => string::get_many(client, arguments).await,
        b"DEL" | b"UNLINK" => key::delete(client, arguments).await,
        b"EXISTS" => key::exists(client, arguments).await,
        b"TTL" => key::ttl(client, arguments, 1000).await,
        b"PTTL" => key::ttl(client, arguments, 1).await,
        b"EXPIRE" => key::expire(client, arguments, 1000).await,
        b"PEXPIRE" => key::expire(client, arguments, 1).await,
        b"PERSIST" => key::persist(client, arguments).await,
        b"STOCKADE.PURGE" => key::purge(client, arguments).await,
        b"AUTH" => connection::auth(client, arguments).await,
        b"HELLO" => connection::hello(client, arguments).await,
        b"PING" => connection::ping(client, arguments),
        b"ECHO" => connection::echo(client, arguments),
        b"SELECT" => connection::select(client, arguments),
        b"CLIENT" => connection::client(client, arguments),
        b"COMMAND" => connection::command(client, arguments),
        b"INFO" => connection::info(client),
        b"RESET" => connection::reset(client),
        b"QUIT" => {
            client.replies.ok();
            return Said::Last;
        }
        _ => Err(unknown(arguments)),
    };
    if let Err(Wrong(text)) = done {
        client.replies.error(&text);
    }
    Said::Replied
}

fn unknown(arguments: Arguments<'_>) -> Wrong {
    let cut =
        |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..128).unwrap_or(bytes)).into_owned();
    let name = arguments.get(0).map(cut).unwrap_or_default();
    let mut text = format!("ERR unknown command '{name}', with args beginning with: ");
    for argument in arguments.from(1) {
        if text.len() > 256 {
            break;
        }
        text.push_str(&format!("'{}' ", cut(argument)));
    }
    Wrong(text)
}
