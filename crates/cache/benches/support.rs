//! Medians, and figures as `cargo xtask bench` reads them.

/// The middle of what was measured.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One figure beside its peers', the goal beside the first of them.
pub(crate) fn figure(name: &str, value: f64, unit: &str, goal: &str, peers: &[(&str, f64)]) {
    if peers.is_empty() {
        println!("{name}\t{value}\t{unit}\t{goal}");
    }
    for (index, (peer, theirs)) in peers.iter().enumerate() {
        let goal = if index == 0 { goal } else { "" };
        println!("{name}\t{value}\t{unit}\t{goal}\t{peer}\t{theirs}");
    }
}
