//! Many networks, in which an address is found by halving.

use std::collections::HashMap;
use std::net::IpAddr;

use flow::Time;
use ipnet::IpNet;

/// What a feed says.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) networks: Vec<(IpNet, Time)>,
    pub(super) operators: Vec<(u32, Time)>,
    /// What is neither a network nor an operator of some.
    pub(super) passed_over: u64,
}

/// The same, to be looked up.
#[derive(Debug, Default)]
pub(super) struct Threats {
    /// INVARIANT: by their first address, and no two have one in common.
    v4: Vec<Range<u32>>,
    v6: Vec<Range<u128>>,
    operators: HashMap<u32, Time>,
    pub(super) passed_over: u64,
}

#[derive(Debug, Clone, Copy)]
struct Range<A> {
    first: A,
    last: A,
    until: Time,
}

impl Threats {
    pub(super) fn new(entries: Entries) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (network, until) in entries.networks {
            match network {
                IpNet::V4(network) => v4.push(Range {
                    first: network.network().to_bits(),
                    last: network.broadcast().to_bits(),
                    until,
                }),
                IpNet::V6(network) => v6.push(Range {
                    first: network.network().to_bits(),
                    last: network.broadcast().to_bits(),
                    until,
                }),
            }
        }
        let operators = entries.operators.into_iter().collect();
        let passed_over = entries.passed_over;
        Self { v4: apart(v4), v6: apart(v6), operators, passed_over }
    }

    pub(super) fn count(&self) -> usize {
        self.v4.len() + self.v6.len() + self.operators.len()
    }

    pub(super) fn has(&self, address: IpAddr, now: Time) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => find(&self.v4, address.to_bits(), now),
            IpAddr::V6(address) => find(&self.v6, address.to_bits(), now),
        }
    }

    pub(super) fn has_operator(&self, number: u32, now: Time) -> bool {
        self.operators.get(&number).is_some_and(|until| *until > now)
    }
}

fn find<A: Ord + Copy>(ranges: &[Range<A>], address: A, now: Time) -> bool {
    let after = ranges.partition_point(|range| range.first <= address);
    let range = after.checked_sub(1).and_then(|at| ranges.get(at));
    range.is_some_and(|range| address <= range.last && range.until > now)
}

/// Networks within others go: networks overlap in no other way. Of two the larger stays, for as
/// long as the longer-lived of them.
fn apart<A: Ord + Copy>(mut ranges: Vec<Range<A>>) -> Vec<Range<A>> {
    ranges.sort_by(|one, other| one.first.cmp(&other.first).then(other.last.cmp(&one.last)));
    let mut kept: Vec<Range<A>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match kept.last_mut() {
            Some(before) if range.last <= before.last => {
                before.until = before.until.max(range.until);
            }
            _ => kept.push(range),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use flow::Random;

    use super::*;

    #[test]
    fn an_address_is_found_exactly_where_one_of_many_networks_holds_it() {
        let random = Random::seeded(3);
        let networks: Vec<(IpNet, Time)> = (0..2_000)
            .map(|_| {
                let length = 12 + random.below(21) as u8;
                let base = std::net::Ipv4Addr::from_bits(random.number() as u32);
                let network = ipnet::Ipv4Net::new(base, length).unwrap().trunc();
                (IpNet::V4(network), Time(10))
            })
            .collect();
        let entries = Entries { networks: networks.clone(), ..Entries::default() };
        let threats = Threats::new(entries);
        let mut held = 0;
        for _ in 0..20_000 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(random.number() as u32));
            let expected = networks.iter().any(|(network, _)| network.contains(&address));
            assert_eq!(threats.has(address, Time(0)), expected, "{address}");
            assert!(!threats.has(address, Time(10)), "it is over");
            held += u32::from(expected);
        }
        assert!(held > 100, "{held}");
    }
}
