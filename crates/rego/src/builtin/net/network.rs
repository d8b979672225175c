//! Networks by their addresses. Those of version 4 are kept as the addresses of version 6 they
//! are mapped to, so that both are numbers of one kind.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where addresses of version 4 are mapped to.
const MAPPED: u128 = 0xffff_0000_0000;

/// A network: the address it was given by, and how many bits its addresses share.
#[derive(Clone, Debug)]
pub(super) struct Network {
    address: u128,
    shared: u32,
    four: bool,
}

/// The address of a text.
pub(super) fn address(text: &str) -> Option<u128> {
    match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(four) => Some(of_four(four)),
        IpAddr::V6(six) => Some(u128::from(six)),
    }
}

fn of_four(address: Ipv4Addr) -> u128 {
    MAPPED | u128::from(u32::from(address))
}

/// An address as text.
pub(super) fn shown(address: u128) -> String {
    let six = Ipv6Addr::from(address);
    six.to_ipv4_mapped().map_or_else(|| six.to_string(), |four| four.to_string())
}

impl Network {
    /// The network of a text: `10.0.0.0/8`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (start, bits) = text.split_once('/')?;
        if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let bits: u32 = bits.parse().ok()?;
        let width = match start.parse::<IpAddr>().ok()? {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        let shared = (bits <= width).then_some(bits + 128 - width)?;
        let address = address(start)? & mask(shared);
        Some(Self { address, shared, four: shared >= 96 && address >> 32 == MAPPED >> 32 })
    }

    /// The network that an address of version 4 was in when there were classes.
    pub(super) fn of_class(address: u128) -> Option<Self> {
        if address >> 32 != MAPPED >> 32 {
            return None;
        }
        let shared = match address >> 24 & 0xff {
            0..0x80 => 8,
            0x80..0xc0 => 16,
            _ => 24,
        };
        Some(Self { address, shared: 96 + shared, four: true })
    }

    pub(super) fn has(&self, address: u128) -> bool {
        let four = address >> 32 == MAPPED >> 32;
        four == self.four && (address ^ self.address) & mask(self.shared) == 0
    }

    pub(super) fn first(&self) -> u128 {
        self.address & mask(self.shared)
    }

    pub(super) fn last(&self) -> u128 {
        self.address | !mask(self.shared)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = u128> + use<> {
        self.first()..=self.last()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.four { self.shared - 96 } else { self.shared };
        write!(f, "{}/{bits}", shown(self.address))
    }
}

fn mask(shared: u32) -> u128 {
    u128::MAX.checked_shl(128 - shared).unwrap_or(0)
}

/// Addresses in a row. It is still the network it was if it is one network only.
struct Range {
    first: u128,
    last: u128,
    network: Option<Network>,
}

/// Networks that lie side by side or in one another, as few as hold the same addresses.
pub(super) fn merged(networks: Vec<Network>) -> Vec<Network> {
    let mut ranges: Vec<Range> = networks
        .into_iter()
        .map(|network| Range {
            first: network.first(),
            last: network.last(),
            network: Some(network),
        })
        .collect();
    ranges.sort_by_key(|range| (range.last, range.first));
    let mut joined: Vec<Range> = Vec::new();
    for mut range in ranges {
        while let Some(before) = joined.pop_if(|before| range.touches(before)) {
            range.first = range.first.min(before.first);
            range.network = None;
        }
        joined.push(range);
    }
    joined.into_iter().flat_map(Range::networks).collect()
}

impl Range {
    /// Whether another one, which ends no later, ends inside of this one or just before it.
    fn touches(&self, before: &Self) -> bool {
        let lowest = self.first == 0 || self.first == MAPPED;
        let previous = if lowest { self.first } else { self.first - 1 };
        previous <= before.last
    }

    fn networks(self) -> Vec<Network> {
        if let Some(network) = self.network {
            return vec![network];
        }
        let four = self.first >> 32 == MAPPED >> 32;
        let mut networks = Vec::new();
        let mut next = Some(self.first);
        while let Some(first) = next.filter(|first| *first <= self.last) {
            let most = if four { 32 } else { 128 };
            let fits = |free: &u32| {
                let rest = !mask(128 - free);
                first & rest == 0 && self.last - first >= rest
            };
            let free = (0..=most).rev().find(fits).unwrap_or(0);
            networks.push(Network { address: first, shared: 128 - free, four });
            next = (first | !mask(128 - free)).checked_add(1);
        }
        networks
    }
}
