//! What was decided, left to be compared with what candidates say.

use flow::question::policy::Decide;

use super::{Decider, Input, Known, Whose};
use crate::book::Edition;
use crate::shadow::Seen;

impl Decider {
    /// Leaves decisions about what stands in a text, where there are candidates.
    pub(super) fn cast_text(
        &self,
        (tenant, decision): Whose<'_>,
        edition: &Edition,
        asked: &Decide<'_>,
        results: &[Known],
    ) {
        if let Some(shadow) = edition.shadow()
            && let Some(shadows) = &self.shadows
        {
            let Decide { path, text, posed, strict, .. } = *asked;
            shadows.text(shadow, (text, posed), &Seen { tenant, path, strict, results, decision });
        }
    }

    /// Leaves a decision about a value.
    pub(super) fn cast(
        &self,
        (tenant, decision): Whose<'_>,
        (edition, path): (&Edition, &str),
        (strict, known): (bool, &Known),
        input: &Input<'_>,
    ) {
        if let Some(shadow) = edition.shadow()
            && let Some(shadows) = &self.shadows
            && let Input::Value(value) = input
        {
            let results = std::slice::from_ref(known);
            shadows.value(shadow, value, &Seen { tenant, path, strict, results, decision });
        }
    }
}
