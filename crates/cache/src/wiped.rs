//! Bytes that are overwritten before their memory is given back.
//!
//! What is wiped, in a confidential namespace: the bytes of a value in this node's memory and of
//! every answer made of them, when the last who holds them lets go; what is read from a tier
//! behind and what is written there, in the form it has there; what a seal was opened to. What is not:
//! the buffers of connections, in which a value comes in and goes out, so that what is not to be
//! found there has to be sealed; what a codec needs while it compresses; a copy somebody else keeps
//! of what they handed in; keys; values of a program's own types; and of a value with parts, its parts
//! while it is in memory or is taken apart, but only the whole of it, as it is written. A value that was purged by tag or
//! pattern, or whose life is over, is let go when memory is swept next or somebody asks for it.

use bytes::{Bytes, BytesMut};
use zeroize::Zeroize;

/// The same bytes, to be wiped when the last who holds them lets go. Nobody else has them
/// already, or they are copied and the others keep theirs.
pub(crate) fn wiped(bytes: Bytes) -> Bytes {
    let buffer = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    #[cfg(test)]
    tests::held(&buffer);
    Bytes::from_owner(Wiped(buffer))
}

struct Wiped(BytesMut);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut().zeroize();
        #[cfg(test)]
        tests::let_go(&self.0);
    }
}

#[cfg(test)]
mod tests;
