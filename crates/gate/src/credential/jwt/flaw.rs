//! Why a token is not accepted.

use flow::{Code, Error};

use crate::codes::{TOKEN_ENDED, TOKEN_OVER, UNKNOWN_TOKEN};

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// It is larger than allowed.
    Large,
    /// It does not have three parts.
    Parts,
    /// A part is not base64url without padding.
    Encoding,
    /// The header cannot be read, or says something twice.
    Header,
    /// The header demands an extension.
    Critical,
    /// The header names another algorithm than the key's.
    Algorithm,
    /// Signed by a key that is not known.
    Key,
    /// The signature is not that of the key.
    Signature,
    /// The claims cannot be read, say something twice, or lack something.
    Claims,
    /// It is of another kind than is asked for here.
    Kind,
    /// Somebody else issued it.
    Issuer,
    /// It is meant for somebody else.
    Audience,
    /// It is not yet valid.
    Early,
    /// Its time is over.
    Over,
    /// It was ended before its time.
    Ended,
}

impl Flaw {
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Large => "the token is too large",
            Self::Parts => "the token does not have three parts",
            Self::Encoding => "a part of the token is not base64url without padding",
            Self::Header => "the token's header cannot be read",
            Self::Critical => "the token's header demands an extension",
            Self::Algorithm => "the token is not signed by the algorithm of its key",
            Self::Key => "the token is signed by a key that is not known",
            Self::Signature => "the token's signature is wrong",
            Self::Claims => "the token's claims cannot be read",
            Self::Kind => "the token is not one for access",
            Self::Issuer => "the token's issuer is not known",
            Self::Audience => "the token is meant for somebody else",
            Self::Early => "the token is not valid yet",
            Self::Over => "the token's time is over",
            Self::Ended => "the token was ended",
        }
    }

    const fn code(self) -> &'static Code {
        match self {
            Self::Over => &TOKEN_OVER,
            Self::Ended => &TOKEN_ENDED,
            _ => &UNKNOWN_TOKEN,
        }
    }
}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Self {
        flaw.code().error(flaw.sentence())
    }
}
