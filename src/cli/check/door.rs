//! The doors, from outside.

use std::io::ErrorKind;
use std::net::{TcpListener, ToSocketAddrs};
use std::time::Duration;

use flow::{Clock, Code, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Finding, since};
use crate::cli::failure::Failure;
use crate::serve::Doors;

static SHUT: Code = Code::new(
    Kind::Missing,
    "cli-door-shut",
    "Nobody answers at a door",
    "look at the log of the server, and at what stands between: a firewall, another network",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&SHUT];

/// A door that says nothing for so long is shut.
const PATIENCE: Duration = Duration::from_secs(2);

/// A door: its name, the setting behind it, where it is, and whom it expects.
type Known<'d> = (&'static str, &'static str, Option<&'d str>, Tongue);

fn each(doors: &Doors) -> Vec<Known<'_>> {
    let http = if doors.tls { Tongue::Tls } else { Tongue::Http };
    let mut each = vec![
        ("http door", "listen.http", doors.http.as_deref(), http),
        ("resp door", "listen.resp", doors.resp.as_deref(), Tongue::Redis),
    ];
    // Whoever has no Envoy closes it without missing anything.
    let grpc = doors.grpc.as_deref();
    each.extend(grpc.map(|at| ("grpc door", "listen.grpc", Some(at), Tongue::Tls)));
    // It is closed unless somebody wanted it open.
    let within = doors.resp_tls.as_deref();
    each.extend(within.map(|at| ("resp door, TLS", "listen.resp_tls", Some(at), Tongue::Tls)));
    each
}

/// What is spoken behind a door.
enum Tongue {
    /// Nothing that is worth speaking only to see whether somebody is there.
    Tls,
    Http,
    Redis,
}

/// Whether each door answers, whatever it says: who asks is not the question here.
pub(super) async fn reach(doors: &Doors) -> Vec<Finding> {
    let clock = Clock::system();
    let mut findings = Vec::new();
    for (name, key, address, tongue) in each(doors) {
        let Some(address) = address else {
            findings.push(Finding::unseen(name, format!("closed by `{key}`")));
            continue;
        };
        let begun = clock.moment();
        let knocked = match tongue {
            Tongue::Tls => knock(address, b"", b"").await,
            Tongue::Http => {
                let ask = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
                knock(address, ask, b"HTTP/1.1 200").await
            }
            // Whether it asks for a key or not, a Redis door says so in its own tongue.
            Tongue::Redis => knock(address, b"PING\r\n", b"").await,
        };
        let took = since(&clock, begun);
        let result = knocked
            .map(|()| address.to_owned())
            .map_err(|why| Failure::from(SHUT.error(format!("at `{address}` {why}"))));
        findings.push(Finding::timed(name, took, result));
    }
    findings
}

/// Says something and looks how the answer begins; with nothing to say, being let in
/// is enough.
async fn knock(address: &str, say: &[u8], expected: &[u8]) -> Result<(), String> {
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        if say.is_empty() {
            return Ok(None);
        }
        stream.write_all(say).await?;
        let mut heard = vec![0; expected.len().max(1)];
        stream.read_exact(&mut heard).await?;
        std::io::Result::Ok(Some(heard))
    };
    match Clock::system().within(PATIENCE, talk).await {
        None => Err(format!("nothing was said for {} s", PATIENCE.as_secs())),
        Some(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Err("nobody listens".into())
        }
        Some(Err(error)) => Err(format!("nobody answers: {error}")),
        Some(Ok(Some(heard))) if !expected.is_empty() && heard != expected => {
            Err("something else answers".into())
        }
        Some(Ok(_)) => Ok(()),
    }
}

/// Whether a server could open its doors.
pub(super) fn free(doors: &Doors) -> Vec<Finding> {
    let open = |(name, key, address, _)| Some((name, key, address?));
    let wanted = each(doors).into_iter().filter_map(open);
    wanted
        .map(|(name, key, address)| match bind(address) {
            Ok(()) => Finding::well(name, format!("{address} is free")),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                Finding::ill(name, format!("another program listens at {address}; change `{key}`"))
            }
            Err(error) => Finding::ill(
                name,
                format!("nothing can listen at `{address}`: {error}; change `{key}`"),
            ),
        })
        .collect()
}

fn bind(address: &str) -> std::io::Result<()> {
    let addresses: Vec<_> = address.to_socket_addrs()?.collect();
    TcpListener::bind(addresses.as_slice()).map(drop)
}
