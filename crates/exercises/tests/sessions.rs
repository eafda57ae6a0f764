//! Every file in `sessions` is a test.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::test_sessions(env!("CARGO_MANIFEST_DIR"))
}
