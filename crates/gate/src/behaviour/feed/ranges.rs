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
    index: Index,
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
        let (v4, v6) = (apart(v4), apart(v6));
        Self { index: Index::new(&v4), v4, v6, operators, passed_over }
    }

    pub(super) fn count(&self) -> usize {
        self.v4.len() + self.v6.len() + self.operators.len()
    }

    pub(super) fn has(&self, address: IpAddr, now: Time) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let address = address.to_bits();
                let (from, to) = self.index.near(address);
                holds(&self.v4, (from, to), address, now)
            }
            IpAddr::V6(address) => holds(&self.v6, (0, self.v6.len()), address.to_bits(), now),
        }
    }

    pub(super) fn has_operator(&self, number: u32, now: Time) -> bool {
        self.operators.get(&number).is_some_and(|until| *until > now)
    }
}

/// Whether one of the ranges holds the address; those that begin before `from` begin before the
/// address, and those from `to` on behind it.
fn holds<A: Ord + Copy>(
    ranges: &[Range<A>],
    (from, to): (usize, usize),
    address: A,
    now: Time,
) -> bool {
    let near = ranges.get(from..to).unwrap_or_default();
    let after = from + near.partition_point(|range| range.first <= address);
    let range = after.checked_sub(1).and_then(|at| ranges.get(at));
    range.is_some_and(|range| address <= range.last && range.until > now)
}

/// Where ranges of IPv4 are whose first addresses begin with the same bits: about one range for
/// each place. Halving all of them touches memory a dozen times more.
#[derive(Debug, Default)]
struct Index {
    shift: u32,
    /// How many ranges begin before each place, and at the end how many there are.
    before: Box<[u32]>,
}

impl Index {
    fn new(ranges: &[Range<u32>]) -> Self {
        let bits = ranges.len().next_power_of_two().ilog2().clamp(1, 16);
        let shift = u32::BITS - bits;
        let mut before = Vec::with_capacity((1 << bits) + 1);
        let mut passed = 0;
        for place in 0..1u32 << bits {
            let rest = ranges.get(passed..).unwrap_or_default();
            passed += rest.iter().take_while(|range| range.first >> shift < place).count();
            before.push(passed as u32);
        }
        before.push(ranges.len() as u32);
        Self { shift, before: before.into() }
    }

    /// The ranges that begin where the address does.
    fn near(&self, address: u32) -> (usize, usize) {
        let place = address.checked_shr(self.shift).unwrap_or_default() as usize;
        match self.before.get(place..place + 2) {
            Some(&[from, to]) => (from as usize, to as usize),
            _ => (0, 0),
        }
    }
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
        for networks in [0, 1, 2, 2_000] {
            found_exactly(&random, networks);
        }
    }

    fn found_exactly(random: &Random, networks: usize) {
        let networks: Vec<(IpNet, Time)> = (0..networks)
            .map(|_| {
                let length = 10 + random.below(23) as u8;
                let base = std::net::Ipv4Addr::from_bits(random.number() as u32);
                let network = ipnet::Ipv4Net::new(base, length).unwrap().trunc();
                (IpNet::V4(network), Time(10))
            })
            .collect();
        let entries = Entries { networks: networks.clone(), ..Entries::default() };
        let threats = Threats::new(entries);
        let mut held = 0;
        let edges =
            networks.iter().flat_map(|(network, _)| [network.network(), network.broadcast()]);
        let drawn =
            (0..20_000).map(|_| IpAddr::V4(std::net::Ipv4Addr::from_bits(random.number() as u32)));
        for address in edges.chain(drawn) {
            let expected = networks.iter().any(|(network, _)| network.contains(&address));
            assert_eq!(threats.has(address, Time(0)), expected, "{address}");
            assert!(!threats.has(address, Time(10)), "it is over");
            held += u32::from(expected);
        }
        assert!(held as usize >= networks.len() * 2, "{held}");
    }
}
