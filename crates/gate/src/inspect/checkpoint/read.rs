//! The parts of a request, read as those behind us read them.

mod form;
mod header;
mod path;

use flow::question::guard::Forward;

use super::search::Search;

/// Looks through a whole request.
pub(super) fn read(forward: &Forward<'_>, search: &mut Search<'_>) {
    path::read(forward.path().as_bytes(), search);
    form::query(forward.query().as_bytes(), search);
    for (name, value) in forward.headers {
        header::read(name, value, search);
    }
}
