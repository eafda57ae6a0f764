//! No text makes the session parser panic, and every error says where. It begins with the sessions of the course:
//!
//! ```sh
//! mkdir -p fuzz/corpus/session
//! cargo +nightly fuzz run session fuzz/corpus/session ../stage*/sessions ../stage*/behaviours
//! ```

#![no_main]

use std::path::Path;

use lab::course::session::Session;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match Session::parse(Path::new("a.session"), text) {
    Ok(session) => {
        let lines = text.lines().count();
        assert_eq!(session.source.len(), lines);
        for step in &session.steps {
            assert!((1..=lines).contains(&step.line), "no such line: {step:?}");
        }
    }
    Err(err) => {
        let error = err.to_string();
        let line = error
            .strip_prefix("a.session:")
            .and_then(|rest| rest.split_once(": "))
            .and_then(|(line, _)| line.parse::<usize>().ok());
        // An empty file lacks its title in line 1, one without steps lacks them in the line after the last.
        let last = text.lines().count() + 1;
        assert!(line.is_some_and(|line| (1..=last).contains(&line)), "no file and line: {error:?}");
        assert_eq!(error.lines().count(), 1, "not one line: {error:?}");
        assert!(!error.contains(char::is_control), "it can drive a terminal: {error:?}");
    }
});
