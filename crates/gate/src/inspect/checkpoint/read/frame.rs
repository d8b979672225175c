//! Messages in frames, as gRPC, gRPC-Web and Connect send them.

use std::borrow::Cow;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};

use super::super::search::Search;
use super::body;
use super::{json, packed, protobuf};

/// What is in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frames {
    /// Whether the messages are JSON, and not protocol buffers.
    json: bool,
    /// Whether all of it is written in base64.
    base64: bool,
}

/// Base64 that may be cut off anywhere.
const CUT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A frame whose message is packed says so with this.
const PACKED: u8 = 1;
/// The last frames of Connect and of gRPC-Web have no message in them, but lines.
const LAST: u8 = 0x82;

impl Frames {
    /// What stands behind `application/` of a content type, where it is one of frames.
    pub(super) fn said(kind: &[u8]) -> Option<Self> {
        let (outer, inner) = match memchr::memchr(b'+', kind) {
            Some(at) => (kind.get(..at)?, kind.get(at + 1..)?),
            None => (kind, &b"proto"[..]),
        };
        let base64 = outer == b"grpc-web-text";
        let framed = base64 || matches!(outer, b"grpc" | b"grpc-web") || outer == b"connect";
        let json = inner == b"json";
        (framed && (json || inner == b"proto")).then_some(Self { json, base64 })
    }

    /// Looks through the messages; false where the frames do not fit, or what is in one.
    pub(super) fn read(self, body: &[u8], search: &mut Search<'_>) -> bool {
        let Some(body) = self.plain(body) else { return false };
        let (mut rest, mut fits) = (&*body, true);
        let (mut most, mut again) = (search.bounds.body_max, search.bounds.body_max);
        let mut left = search.bounds.fields_max;
        while !rest.is_empty() && !search.over() {
            // Unpacking a little is as much work as unpacking much.
            if left == 0 {
                search.not_read("there are more messages than are read");
                body::text(rest, search);
                return true;
            }
            left -= 1;
            let Some((&[flags, ref length @ ..], behind)) = rest.split_first_chunk::<5>() else {
                return false;
            };
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let (held, behind) = behind.split_at_checked(length).unwrap_or((behind, &[]));
            let message = match flags & PACKED {
                0 => Cow::Borrowed(held),
                _ => Cow::Owned(packed::by_its_looks(held, most, search)),
            };
            most = most.saturating_sub(message.len());
            fits &= self.message(flags, &message, &mut again, search) && held.len() == length;
            rest = behind;
        }
        fits
    }

    fn message(
        self,
        flags: u8,
        message: &[u8],
        again: &mut usize,
        search: &mut Search<'_>,
    ) -> bool {
        if flags & LAST != 0 {
            body::text(message, search);
            return true;
        }
        match self.json {
            true => json::read(message, search),
            false => protobuf::read(message, again, search),
        }
    }

    /// The frames, where they are written in base64 decoded. Each may have been encoded by itself.
    fn plain(self, body: &[u8]) -> Option<Cow<'_, [u8]>> {
        if !self.base64 {
            return Some(Cow::Borrowed(body));
        }
        let mut plain = Vec::with_capacity(body.len() / 4 * 3);
        for piece in body.trim_ascii().split(|byte| *byte == b'=') {
            let whole = piece.len() - usize::from(piece.len() % 4 == 1);
            CUT.decode_vec(piece.get(..whole)?, &mut plain).ok()?;
        }
        Some(Cow::Owned(plain))
    }
}
