//! Programs that are known to shells, by how likely their names are words of a sentence.

/// How a name of a program is used otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Nothing else is called so.
    Known,
    /// It is a word of English, or a short name of other things.
    English,
    /// It begins sentences and follows commas.
    Common,
}

/// What is known of a program by its name in lower case.
pub(super) fn sort(name: &[u8]) -> Option<Sort> {
    let name = name.strip_suffix(b".exe").unwrap_or(name);
    let found = PROGRAMS.binary_search_by(|(held, _)| held.as_bytes().cmp(name)).ok()?;
    PROGRAMS.get(found).map(|(_, sort)| *sort)
}

const PROGRAMS: &[(&str, Sort)] = &include!("programs.in");

#[cfg(test)]
mod tests {
    #[test]
    fn programs_are_in_order() {
        assert!(super::PROGRAMS.is_sorted_by(|one, other| one.0 < other.0));
    }
}
