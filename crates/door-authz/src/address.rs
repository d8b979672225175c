//! Where a request comes from that a proxy holds.

use std::net::IpAddr;

use flow::Network;

use crate::message::Peer;

/// The client's address as the proxy says it, if it is believed; otherwise the proxy's.
pub(crate) fn caller(proxy: IpAddr, source: Option<&Peer>, trusted: &[Network]) -> IpAddr {
    let said = || source?.address.as_ref()?.socket.as_ref()?.address.parse().ok();
    let believed = trusted.iter().any(|network| network.contains(proxy));
    let caller = Some(believed).filter(|believed| *believed).and_then(|_| said());
    caller.map_or(proxy, |address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Address, SocketAddress};

    #[test]
    fn only_a_trusted_proxy_says_where_its_client_is() {
        let trusted: Vec<Network> = vec!["127.0.0.0/8".parse().unwrap()];
        for (proxy, said, expected) in [
            ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
            ("127.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
            ("127.0.0.1", "somewhere", "127.0.0.1"),
            ("198.51.100.1", "192.0.2.7", "198.51.100.1"),
        ] {
            let socket = Some(SocketAddress { address: said.into() });
            let peer = Peer { address: Some(Address { socket }) };
            let caller = caller(proxy.parse().unwrap(), Some(&peer), &trusted);
            assert_eq!(caller, expected.parse::<IpAddr>().unwrap(), "{proxy} {said}");
        }
        let proxy = "127.0.0.1".parse().unwrap();
        assert_eq!(caller(proxy, None, &trusted), proxy);
    }
}
