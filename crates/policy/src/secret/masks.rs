//! Places that are secret because the configuration says so.

/// One step of such a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The member of this name.
    Name(Box<str>),
    /// Whatever there is.
    Any,
}

impl Step {
    fn is(&self, name: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Name(own) => name.is_some_and(|name| **own == *name),
        }
    }
}

/// The places that nobody is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Masks(Vec<Vec<Step>>);

impl Masks {
    pub(crate) fn new(places: &[String]) -> Self {
        let step = |step: &str| match step {
            "*" => Step::Any,
            name => Step::Name(name.into()),
        };
        let place = |place: &String| place.split('.').map(step).collect();
        Self(places.iter().filter(|place| !place.is_empty()).map(place).collect())
    }

    pub(crate) fn steps(&self) -> Vec<&[Step]> {
        self.0.iter().map(Vec::as_slice).collect()
    }
}

/// What is left of masks behind a name, or behind the place of something in a list.
pub(crate) fn within<'m>(masks: &[&'m [Step]], name: Option<&str>) -> Vec<&'m [Step]> {
    let split = masks.iter().filter_map(|mask| mask.split_first());
    split.filter(|(step, _)| step.is(name)).map(|(_, rest)| rest).collect()
}

/// Whether one of them ends here.
pub(crate) fn ends(masks: &[&[Step]]) -> bool {
    masks.iter().any(|mask| mask.is_empty())
}
