//! Having the processor fetch what will be read soon.
#![expect(unsafe_code, reason = "the one instruction for it takes a pointer, and reads nothing")]

/// How much is fetched at once.
const LINE: usize = 64;
/// What is longer is fetched by whoever reads it, in order.
const LINES_MAX: usize = 4;

/// Has the processor fetch the beginning of something, without waiting for it.
#[inline]
pub fn fetch<T: ?Sized>(place: &T) {
    let start = std::ptr::from_ref(place).cast::<u8>();
    let lines = size_of_val(place).div_ceil(LINE).min(LINES_MAX);
    (0..lines).for_each(|line| fetch_line(start.wrapping_add(line * LINE)));
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch_line(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: it is a hint that may name any address and touches none.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn fetch_line(_: *const u8) {}
