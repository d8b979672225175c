//! The parts of a request, read as those behind us read them.

mod body;
mod charset;
mod form;
mod frame;
mod graphql;
mod header;
mod json;
mod multipart;
mod packed;
mod path;
mod protobuf;
mod quoted;
mod xml;

use flow::question::guard::{Channel, Forward};

use super::search::Search;

/// Looks through a whole request.
pub(super) fn read(forward: &Forward<'_>, search: &mut Search<'_>) {
    path::read(forward.path().as_bytes(), search);
    for (name, value) in forward.headers {
        header::read(name, value, search);
    }
    search.next_part();
    form::query(forward.query().as_bytes(), search);
    search.next_part();
    body::read(forward, search);
}

/// From here on what has white space in it is what somebody wrote.
const PROSE: usize = 200;

/// Whether a value of a document is a parameter or what people or models write.
fn channel(value: &[u8]) -> Channel {
    let written = value.len() > PROSE && value.iter().any(u8::is_ascii_whitespace);
    if written { Channel::Text } else { Channel::Param }
}
