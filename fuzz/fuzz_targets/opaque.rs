#![no_main]

#[path = "../bodies/opaque.rs"]
mod opaque;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    opaque::check(input);
});
