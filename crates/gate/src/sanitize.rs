//! What is left of a value when the attack in it is taken away.
//!
//! What inspects clean is returned byte for byte, and what is returned inspects clean: so doing
//! it twice is the same as doing it once, and nothing that is taken out can make an attack of
//! what is left without being looked at again. Steps become stronger only as they have to: at
//! first characters that make the attack one go, only where it was found; then all of it there;
//! then the same everywhere; and at the last everything. No step makes a value longer, and there
//! is a fixed number of them, so the time taken stays linear.
//!
//! A value is made harmless for whoever reads it as text. What is then put into SQL or HTML is to
//! be bound or escaped there all the same.
//!
//! ```
//! # use flow::question::guard::Channel;
//! let inspector = gate::inspect::Inspector::default();
//! let of = |text| gate::sanitize(&inspector, text, Channel::Param).text;
//! assert_eq!(of("O'Brien & Sons; Ltd"), "O'Brien & Sons; Ltd");
//! assert_eq!(of("../../secret"), "secret");
//! ```

mod step;

use std::borrow::Cow;

use flow::question::guard::{Channel, Inspected, Sanitized};

use crate::inspect::{Inspector, LENGTH_MAX, peeled};
use step::Step;

/// What is done, one after the other, for as long as it does not inspect clean.
const STEPS: [Step; 17] = [
    Step::Loosen,
    Step::Loosen,
    Step::Loosen,
    Step::Strip,
    Step::Strip,
    Step::Strip,
    Step::Cut,
    Step::Cut,
    Step::Cut,
    Step::Cut,
    Step::LoosenAll,
    Step::StripAll,
    Step::Cut,
    Step::Words,
    Step::Cut,
    Step::Cut,
    Step::Nothing,
];

/// Encodings are taken off so often at most, over all steps.
const PEELS_MAX: u32 = 8;

/// Takes what is an attack out of a value.
pub fn sanitize(inspector: &Inspector, text: &str, channel: Channel) -> Sanitized {
    let found = inspector.inspect(text, channel);
    if is_clean(&found) {
        return Sanitized { text: text.to_owned(), changed: false, kinds: Vec::new() };
    }
    let kinds = found.kinds.clone();
    let text = harmless(inspector, shortened(text), channel);
    Sanitized { text: text.into_owned(), changed: true, kinds }
}

/// What nobody reads cannot be called harmless.
fn shortened(text: &str) -> Cow<'_, str> {
    let end = text.floor_char_boundary(LENGTH_MAX);
    Cow::Borrowed(text.get(..end).unwrap_or(text))
}

fn harmless<'t>(inspector: &Inspector, mut text: Cow<'t, str>, channel: Channel) -> Cow<'t, str> {
    let mut peels = 0;
    for step in STEPS {
        let mut found = inspector.inspect(&text, channel);
        // What an attack hides behind goes first: its evidence is then where it is.
        while peels < PEELS_MAX
            && found.evidence.iter().any(|held| !held.decoded.is_empty())
            && let Some(plain) = peeled(&text)
        {
            peels += 1;
            text = Cow::Owned(plain);
            found = inspector.inspect(&text, channel);
        }
        if is_clean(&found) {
            return text;
        }
        text = Cow::Owned(step.take(&text, &found.evidence));
    }
    Cow::Borrowed("")
}

fn is_clean(found: &Inspected) -> bool {
    found.verdict == "clean"
}

#[cfg(test)]
mod tests;
