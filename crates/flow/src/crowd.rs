//! How many connections every address has open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::network::client;

/// How many connections every address has open.
#[derive(Debug)]
pub struct Crowd {
    open: Mutex<HashMap<IpAddr, usize>>,
    max: usize,
}

impl Crowd {
    /// Each address may have so many.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), max })
    }

    /// One more connection from there, unless it has too many.
    pub fn join(self: &Arc<Self>, address: IpAddr) -> Option<Member> {
        let address = client(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Member { crowd: self.clone(), address })
    }
}

/// A connection that counts for its address until this is dropped.
#[derive(Debug)]
pub struct Member {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut open = self.crowd.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_as_clients_hold_them() {
        let crowd = Crowd::new(1);
        let join = |text: &str| crowd.join(text.parse().unwrap());
        let (first, _other) = (join("2001:db8::1"), join("2001:db8:0:1::1"));
        assert!(first.is_some() && join("2001:db8::2").is_none(), "one /64 is one client");
        drop(first);
        let _mapped = join("::ffff:192.0.2.1").unwrap();
        assert!(join("192.0.2.1").is_none() && join("192.0.2.2").is_some());
        assert!(join("2001:db8::2").is_some());
    }
}
