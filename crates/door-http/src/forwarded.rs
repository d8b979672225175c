//! Who is behind a proxy.
//!
//! What a proxy says of its caller is believed only of proxies that are trusted, and read from
//! the right: each hop wrote down whom it saw, so the first address from the right that is no
//! trusted proxy is the caller. What stands further left the caller may have made up.

use std::net::{IpAddr, SocketAddr};

use flow::Network;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::{Forwarding, Proxies};

static FORWARDED: HeaderName = HeaderName::from_static("forwarded");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address a request comes from, of a connection from `peer`.
pub(crate) fn caller(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    let trusted =
        |address: IpAddr| proxies.trusted.iter().any(|net: &Network| net.contains(address));
    let mut caller = peer;
    if !trusted(caller) {
        return caller;
    }
    let hops = match proxies.header {
        Forwarding::XForwardedFor => hops(headers, &X_FORWARDED_FOR, Some),
        Forwarding::Forwarded => hops(headers, &FORWARDED, said_for),
    };
    for hop in hops.into_iter().rev() {
        // A hop that cannot be read hides what is behind it.
        let Some(address) = hop else { return caller };
        caller = address;
        if !trusted(caller) {
            return caller;
        }
    }
    caller
}

/// The hops in the order they were passed; `None` for one that cannot be read.
fn hops<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    address_of: impl Fn(&'h str) -> Option<&'h str>,
) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(name).into_iter().map(HeaderValue::to_str);
    let read = |line: Result<&'h str, _>| match line {
        Ok(line) => line.split(',').map(|hop| address_of(hop.trim()).and_then(address)).collect(),
        Err(_) => vec![None],
    };
    lines.flat_map(read).collect()
}

/// The part of a hop that says for whom it is: `for="[2001:db8::1]:4711";proto=https`.
fn said_for(hop: &str) -> Option<&str> {
    hop.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then(|| value.trim_matches('"'))
    })
}

/// An address as proxies write it, with or without brackets and a port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, header: Forwarding, lines: &[&str], expected: &str) {
        let name = match header {
            Forwarding::XForwardedFor => &X_FORWARDED_FOR,
            Forwarding::Forwarded => &FORWARDED,
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap()).into();
        let proxies = Proxies { trusted, header };
        let caller = caller(peer.parse().unwrap(), &headers, &proxies);
        assert_eq!(caller, expected.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
    }

    #[test]
    fn the_first_from_the_right_that_is_not_trusted() {
        use Forwarding::{Forwarded, XForwardedFor};
        for (peer, lines, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["1.1.1.1, rubbish"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, "], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.0.0.1", &["[2001:db9::1]:4711"], "2001:db9::1"),
            ("10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ] {
            check(peer, XForwardedFor, lines, expected);
        }
        for (peer, lines, expected) in [
            ("10.0.0.1", &["for=198.51.100.7;proto=https"][..], "198.51.100.7"),
            ("10.0.0.1", &["For=\"[2001:db9::1]:4711\", for=10.0.0.2"], "2001:db9::1"),
            ("10.0.0.1", &["for=1.1.1.1, for=unknown"], "10.0.0.1"),
            ("10.0.0.1", &["for=1.1.1.1, proto=https"], "10.0.0.1"),
            ("10.0.0.1", &["by=\"a,b\";for=1.1.1.1"], "1.1.1.1"),
        ] {
            check(peer, Forwarded, lines, expected);
        }
    }
}
