//! No text makes the address parser panic, and what it takes it also prints. (cargo +nightly fuzz run addr)

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match text.parse::<common::Addr>() {
    Ok(addr) => {
        let shown = addr.to_string();
        let again = shown.parse::<common::Addr>();
        assert_eq!(again.as_ref(), Ok(&addr), "{shown:?} is not the address that it shows");
    }
    Err(err) => {
        let error = err.to_string();
        assert_eq!(error.lines().count(), 1, "not one line: {error:?}");
        assert!(!error.contains(char::is_control), "it can drive a terminal: {error:?}");
    }
});
