//! Commands about the connection itself.

use flow::question::Plane;
use flow::question::admin::Login;

use super::{Arguments, Wrong};
use crate::connection::Client;

pub(super) async fn auth<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let key = match arguments.len() {
        2 => arguments.text(1),
        3 => arguments.text(2),
        _ => return Err(Wrong::syntax()),
    };
    match log_in(client, key).await {
        Ok(()) => client.replies.ok(),
        Err(wrong) => return Err(wrong),
    }
    Ok(())
}

/// Shows a key to the gate. A wrong one leaves the connection to nobody.
async fn log_in<P: Plane>(client: &mut Client<P>, key: Option<&str>) -> Result<(), Wrong> {
    let key = key.ok_or_else(|| Wrong(WRONG_KEY.into()))?;
    client.show(Some(key));
    match client.ask(Login).await {
        Ok(_) => Ok(()),
        Err(error) => {
            client.show(None);
            Err(Wrong(match error.kind() {
                flow::Kind::Unknown => WRONG_KEY.into(),
                flow::Kind::Busy => format!("BUSY {}", error.detail()),
                _ => format!("ERR {}", error.detail()),
            }))
        }
    }
}

const WRONG_KEY: &str = "WRONGPASS invalid username-password pair or user is disabled.";

pub(super) async fn hello<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let resp3 = match arguments.text(1) {
        None if arguments.len() == 1 => client.replies.resp3,
        Some("2") => false,
        Some("3") => true,
        _ => return Err(Wrong("NOPROTO unsupported protocol version".into())),
    };
    let mut at = 2;
    while at < arguments.len() {
        if arguments.is(at, "AUTH") && at + 2 < arguments.len() {
            log_in(client, arguments.text(at + 2)).await?;
            at += 3;
        } else if arguments.is(at, "SETNAME") && at + 1 < arguments.len() {
            client.name = arguments.get(at + 1).unwrap_or_default().into();
            at += 2;
        } else {
            return Err(Wrong(format!(
                "ERR Syntax error in HELLO option '{}'",
                arguments.text(at).unwrap_or_default()
            )));
        }
    }
    if !client.is_known() {
        return Err(Wrong(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time"
                .into(),
        ));
    }
    client.replies.resp3 = resp3;
    let id = client.number;
    let replies = &mut client.replies;
    replies.map(7);
    replies.bulk(b"server");
    replies.bulk(b"stockade");
    replies.bulk(b"version");
    replies.bulk(env!("CARGO_PKG_VERSION").as_bytes());
    replies.bulk(b"proto");
    replies.integer(if resp3 { 3 } else { 2 });
    replies.bulk(b"id");
    replies.integer(id as i64);
    replies.bulk(b"mode");
    replies.bulk(b"standalone");
    replies.bulk(b"role");
    replies.bulk(b"master");
    replies.bulk(b"modules");
    replies.array(0);
    Ok(())
}

pub(super) fn ping<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    match (arguments.len(), arguments.get(1)) {
        (1, _) => client.replies.simple("PONG"),
        (2, Some(text)) => client.replies.bulk(text),
        _ => return Err(Wrong("ERR wrong number of arguments for 'ping' command".into())),
    }
    Ok(())
}

pub(super) fn echo<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    client.replies.bulk(arguments.get(1).unwrap_or_default());
    Ok(())
}

/// As many databases as Redis has by default.
const DATABASES: u8 = 16;

pub(super) fn select<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let number: i64 = arguments
        .text(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Wrong("ERR invalid DB index".into()))?;
    if !(0..i64::from(DATABASES)).contains(&number) {
        return Err(Wrong("ERR DB index is out of range".into()));
    }
    client.namespace = format!("db{number}");
    client.replies.ok();
    Ok(())
}

pub(super) fn client<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    if arguments.is(1, "SETNAME") && arguments.len() == 3 {
        client.name = arguments.get(2).unwrap_or_default().into();
        client.replies.ok();
    } else if arguments.is(1, "GETNAME") {
        let name = client.name.clone();
        client.replies.bulk(&name);
    } else if arguments.is(1, "ID") {
        client.replies.integer(client.number as i64);
    } else if arguments.is(1, "SETINFO") && arguments.len() == 4 {
        client.replies.ok();
    } else {
        let name = arguments.text(1).unwrap_or_default();
        return Err(Wrong(format!(
            "ERR unknown subcommand '{}'. Try CLIENT HELP.",
            name.chars().take(128).collect::<String>()
        )));
    }
    Ok(())
}

/// Clients ask for the table of commands to complete and to route; what they do
/// without one is what they do with this.
pub(super) fn command<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    match arguments.is(1, "DOCS") {
        true => client.replies.map(0),
        false => client.replies.array(0),
    }
    Ok(())
}

pub(super) fn info<P: Plane>(client: &mut Client<P>) -> Result<(), Wrong> {
    if !client.is_known() {
        return Err(Wrong("NOAUTH Authentication required.".into()));
    }
    let text = format!(
        "# Server\r\nredis_version:7.0.0\r\nserver_name:stockade\r\nstockade_version:{}\r\n\
         redis_mode:standalone\r\nprocess_id:{}\r\n",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    );
    client.replies.bulk(text.as_bytes());
    Ok(())
}

pub(super) fn reset<P: Plane>(client: &mut Client<P>) -> Result<(), Wrong> {
    client.show(None);
    client.namespace = "db0".into();
    client.name = Box::default();
    client.replies.resp3 = false;
    client.replies.simple("RESET");
    Ok(())
}
