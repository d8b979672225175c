//! `rego_json` of the crate, on what the fuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::rego_json(bytes));
