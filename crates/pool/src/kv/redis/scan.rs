//! Where a scan goes on: Redis has a cursor per node, and nodes come and go.

use bytes::Bytes;

use crate::kv::Cursor;

/// Where a scan stands: a cursor, and in a cluster the node it belongs to.
pub(super) struct Scan {
    pub(super) node: Option<(String, u16)>,
    nodes: Vec<(String, u16)>,
    pub(super) cursor: Bytes,
}

impl Scan {
    /// Reads `cursor` or `host port cursor`.
    pub(super) fn new(cluster: bool, from: Option<Cursor>) -> Self {
        let from = from.map_or_else(|| Bytes::from_static(b"0"), |cursor| cursor.0);
        if !cluster {
            return Self { node: None, nodes: Vec::new(), cursor: from };
        }
        let text = String::from_utf8_lossy(&from).into_owned();
        let mut words = text.split(' ');
        let node = match (words.next(), words.next()) {
            (Some(host), Some(port)) => (host.to_owned(), port.parse().unwrap_or(0)),
            _ => (String::new(), 0),
        };
        let cursor = words.next().unwrap_or("0").to_owned();
        Self { node: Some(node), nodes: Vec::new(), cursor: cursor.into() }
    }

    /// Goes to the first node that is not before the one it stood at: nodes come
    /// and go while a scan is under way. False when there is none left.
    pub(super) fn settle(&mut self, nodes: Vec<(String, u16)>) -> bool {
        let Some(node) = &mut self.node else { return true };
        let Some(next) = nodes.iter().find(|known| *known >= node) else { return false };
        if next != node {
            *node = next.clone();
            self.cursor = Bytes::from_static(b"0");
        }
        self.nodes = nodes;
        true
    }

    pub(super) fn next(self, cursor: Bytes) -> Option<Cursor> {
        let over = &*cursor == b"0";
        let Some((host, port)) = self.node else {
            return (!over).then_some(Cursor(cursor));
        };
        let (host, port, cursor) = if over {
            let after = |known: &&(String, u16)| **known > (host.clone(), port);
            let (host, port) = self.nodes.iter().find(after)?.clone();
            (host, port, "0".into())
        } else {
            (host, port, String::from_utf8_lossy(&cursor).into_owned())
        };
        Some(Cursor(format!("{host} {port} {cursor}").into()))
    }
}

/// A pattern that matches what begins with `prefix`, whatever characters it has.
pub(super) fn pattern(prefix: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 8);
    for &byte in prefix {
        if b"*?[]\\^".contains(&byte) {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(from: Option<&str>, nodes: &[(&str, u16)], answered: &str) -> (String, Option<String>) {
        let nodes: Vec<_> = nodes.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        let from = from.map(|text| Cursor(text.to_owned().into()));
        let mut scan = Scan::new(true, from);
        if !scan.settle(nodes) {
            return ("over".into(), None);
        }
        let (host, port) = scan.node.clone().unwrap();
        let at = format!("{host} {port} {}", String::from_utf8_lossy(&scan.cursor));
        let next = scan.next(answered.to_owned().into());
        (at, next.map(|cursor| String::from_utf8_lossy(&cursor.0).into_owned()))
    }

    #[test]
    fn every_node_is_visited_in_order_though_they_come_and_go() {
        let both = [("a", 1), ("b", 1)];
        for (from, nodes, answered, at, next) in [
            (None, &both[..], "7", "a 1 0", Some("a 1 7")),
            (Some("a 1 7"), &both, "0", "a 1 7", Some("b 1 0")),
            (Some("b 1 0"), &both, "0", "b 1 0", None),
            // The node it stood at is gone: on with the one behind it.
            (Some("a 1 7"), &[("b", 1)], "0", "b 1 0", None),
            (Some("b 1 7"), &[("a", 1)], "0", "over", None),
        ] {
            let expected = (at.to_owned(), next.map(str::to_owned));
            assert_eq!(walk(from, nodes, answered), expected, "from {from:?}");
        }
    }

    #[test]
    fn a_prefix_is_taken_literally() {
        assert_eq!(pattern(b"a*[b]?\\:"), b"a\\*\\[b\\]\\?\\\\:*");
    }
}
