//! Every wrong program in one binary, because one is built faster than fifty.
//! (cargo run -p exercises --example wrong -- ADDR NAME)
//!
//! The build script makes them from the solutions and from what `tests/wrong` says is changed.

include!(concat!(env!("OUT_DIR"), "/wrong.rs"));
