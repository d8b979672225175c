//! Contenders that take short turns, so that a busy machine is busy for all of them.

use flow::Clock;

const ROUNDS: usize = 101;

/// Nanoseconds for one `act`, the middle of several rounds by turns.
pub(crate) fn by_turns<const N: usize>(times: u32, mut acts: [&mut dyn FnMut(); N]) -> [f64; N] {
    let clock = Clock::system();
    let mut measured = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (act, measured) in acts.iter_mut().zip(&mut measured) {
            let since = clock.moment();
            (0..times).for_each(|_| act());
            let took = clock.moment().since(since).as_nanos() as f64;
            measured.push(took / f64::from(times));
        }
    }
    measured.map(|mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    })
}
