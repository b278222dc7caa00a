#![no_main]

#[path = "../bodies/jwk.rs"]
mod jwk;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    jwk::check(input);
});
