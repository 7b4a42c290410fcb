#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| p2sp_fuzz::targets::doors::run(bytes));
