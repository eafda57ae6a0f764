//! The programs of the page `check-your-own.md` that are told an address: one in each of ten languages.
//!
//! A language that is not installed is skipped, with a line that says so. Python is always tested.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program, what runs or compiles it, and whether that gives a program of its own.
const PROGRAMS: [(&str, &[&str], bool); 10] = [
    ("listen.py", &["python3"], false),
    ("listen.js", &["node"], false),
    ("Listen.java", &["java"], false),
    ("listen.c", &["cc", "-Wall", "-Werror", "-o"], true),
    ("listen.cpp", &["c++", "-Wall", "-Werror", "-o"], true),
    ("listen.go", &["go", "run"], false),
    ("listen.rs", &["rustc", "-o"], true),
    ("listen.php", &["php"], false),
    ("listen.rb", &["ruby"], false),
    ("listen.pl", &["perl"], false),
];

#[test]
fn a_program_in_each_of_ten_languages_listens_where_it_is_told() -> io::Result<()> {
    for (name, command, compiles) in PROGRAMS {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("listen").join(name);
        if which(command[0]).is_none() {
            assert_ne!(command[0], "python3", "there is no python3");
            println!("skipped: {name}, there is no {}", command[0]);
            continue;
        }
        let mut run = Command::new(command[0]);
        run.args(&command[1..]);
        if compiles {
            let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace('.', "-"));
            let compiled = run.arg(&program).arg(&source).output()?;
            assert!(compiled.status.success(), "{name}: {compiled:?}");
            run = Command::new(program);
        } else {
            run.arg(&source);
        }
        let port = free_port()?;
        let output = run.arg(format!("127.0.0.1:{port}")).output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {output:?}");
        assert!(printed.starts_with("listening on"), "{name}: {printed}");
        assert!(printed.contains(&port.to_string()), "{name}: {printed}");
    }
    Ok(())
}

/// A port that nobody has now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn which(command: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(command)).find(|path| path.is_file())
}
