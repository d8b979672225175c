//! What a consumer settles an event with.

use std::fmt;
use std::str::FromStr;

use flow::{Error, Id};

use crate::codes::INVALID;

/// Proof that an event was leased to whoever has it, written `12-01J…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// Of the event.
    pub(super) position: u64,
    /// Of the take.
    pub(super) take: Id,
}

impl Receipt {
    /// The position of the event.
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.position, self.take)
    }
}

impl FromStr for Receipt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('-');
        let parts = parts.and_then(|(position, take)| {
            Some(Self { position: position.parse().ok()?, take: take.parse().ok()? })
        });
        parts.ok_or_else(|| {
            INVALID.error(format!(
                "`{}` is no receipt: send back the one that came with the event",
                text.escape_debug()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_as_it_is_written() {
        let receipt = Receipt { position: 12, take: Id(77) };
        assert_eq!(receipt.to_string().parse::<Receipt>().unwrap(), receipt);
        for text in ["", "-", "12", "12-", "x-00000000000000000000000000", "12-7"] {
            let error = text.parse::<Receipt>().unwrap_err().to_string();
            assert!(error.contains("is no receipt"), "{error}");
        }
    }
}
