#![no_main]

#[path = "../bodies/cookie.rs"]
mod cookie;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cookie::check(input);
});
