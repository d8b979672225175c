//! Which reply belongs to which command, on a client's own connection.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::scan::{NoReply, Scan};

/// What the client is to hear next, in order.
#[derive(Debug, PartialEq, Eq)]
enum Slot {
    /// So many replies as they come.
    Relayed(u64),
    /// A reply will come, and this is said instead of it.
    Instead(Box<[u8]>),
    /// This, of which Redis knows nothing.
    Here(Box<[u8]>),
    /// A reply as it comes, after which something is different.
    Then(Then),
}

/// What is different after a reply, if it is a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Another database is selected.
    Selected(u32),
    /// Another version is spoken.
    Agreed {
        /// Whether it is the third.
        resp3: bool,
    },
    /// Databases have changed places, and nobody is told.
    Swapped,
}

/// The replies that are awaited.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    scan: Scan,
    slots: VecDeque<Slot>,
    /// Whether what comes answers nothing in particular.
    loose: bool,
}

impl Relay {
    pub(crate) fn is_idle(&self) -> bool {
        self.slots.is_empty() && !self.loose
    }

    pub(crate) fn is_loose(&self) -> bool {
        self.loose
    }

    /// Whether nothing can be said before the last reply has come.
    pub(crate) fn is_barred(&self) -> bool {
        matches!(self.slots.back(), Some(Slot::Then(_)))
    }

    /// From now on everything is relayed as it comes, and nothing counted.
    pub(crate) fn loosen(&mut self) {
        self.loose = true;
    }

    /// A reply will come that is to be relayed.
    pub(crate) fn expect(&mut self) {
        match self.slots.back_mut() {
            _ if self.loose => {}
            Some(Slot::Relayed(count)) => *count += 1,
            _ => self.slots.push_back(Slot::Relayed(1)),
        }
    }

    /// A reply will come, after which something is different.
    pub(crate) fn expect_then(&mut self, then: Then) {
        self.slots.push_back(Slot::Then(then));
    }

    /// A reply will come that is not to be relayed, but this.
    pub(crate) fn expect_instead(&mut self, text: &[u8]) {
        self.slots.push_back(Slot::Instead(text.into()));
    }

    /// Says something when its turn has come.
    pub(crate) fn say(&mut self, text: &[u8], down: &mut BytesMut) {
        match self.slots.is_empty() {
            true => down.extend_from_slice(text),
            false => self.slots.push_back(Slot::Here(text.into())),
        }
    }

    /// Relays what came.
    pub(crate) fn pass(
        &mut self,
        mut bytes: &[u8],
        down: &mut BytesMut,
        mut then: impl FnMut(Then),
    ) -> Result<(), NoReply> {
        if self.loose {
            down.extend_from_slice(bytes);
            return Ok(());
        }
        while !bytes.is_empty() {
            let piece = self.scan.next(bytes)?;
            let (part, rest) = bytes.split_at_checked(piece.length).ok_or(NoReply)?;
            bytes = rest;
            if piece.is_push() || !matches!(self.slots.front(), Some(Slot::Instead(_))) {
                down.extend_from_slice(part);
            }
            if piece.ends && !piece.is_push() {
                self.ended(piece.kind, down, &mut then);
            }
        }
        Ok(())
    }

    fn ended(&mut self, kind: u8, down: &mut BytesMut, then: &mut impl FnMut(Then)) {
        match self.slots.front_mut() {
            Some(Slot::Relayed(count)) if *count > 1 => {
                *count -= 1;
                return;
            }
            Some(Slot::Instead(text)) => down.extend_from_slice(text),
            Some(Slot::Then(what)) if kind != b'-' => then(*what),
            _ => {}
        }
        self.slots.pop_front();
        while let Some(Slot::Here(text)) = self.slots.front() {
            down.extend_from_slice(text);
            self.slots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_said_in_order() {
        let (mut relay, mut down, mut thens) = (Relay::default(), BytesMut::new(), Vec::new());
        relay.say(b"+first\r\n", &mut down);
        relay.expect();
        relay.expect();
        relay.say(b"-NOPERM\r\n", &mut down);
        relay.expect_instead(b"-refused\r\n");
        relay.expect();
        relay.expect_then(Then::Selected(1));
        assert!(relay.is_barred());
        let came = "$1\r\na\r\n>1\r\n+push\r\n*0\r\n-ERR unknown\r\n:5\r\n+OK\r\n";
        for byte in came.bytes() {
            relay.pass(&[byte], &mut down, |then| thens.push(then)).unwrap();
        }
        assert_eq!(
            String::from_utf8_lossy(&down),
            "+first\r\n$1\r\na\r\n>1\r\n+push\r\n*0\r\n-NOPERM\r\n-refused\r\n:5\r\n+OK\r\n"
        );
        assert_eq!(thens, [Then::Selected(1)]);
        assert!(relay.is_idle());
    }

    #[test]
    fn what_was_not_done_changes_nothing() {
        let (mut relay, mut down) = (Relay::default(), BytesMut::new());
        relay.expect_then(Then::Selected(1));
        relay.pass(b"-ERR DB index\r\n", &mut down, |_| panic!("nothing is selected")).unwrap();
        assert!(relay.is_idle());
    }
}
