//! What a command line is about to start, and why it cannot be.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nix::unistd::{AccessFlags, access};

/// The bytes in which the kernel looks for the interpreter of a script (execve(2)).
const FIRST_BYTES: u64 = 256;

/// The program that the first word of a command stands for.
///
/// # Errors
///
/// There is none, or the system cannot start it; the message says why, and what to write instead.
pub(crate) fn program(words: &[String]) -> Result<PathBuf> {
    let name = words.first().map_or("", String::as_str);
    let path = if name.contains('/') {
        env::current_dir()?.join(name)
    } else {
        let folders = env::var_os("PATH").unwrap_or_default();
        let mut found = env::split_paths(&folders).map(|folder| folder.join(name));
        match found.find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok()) {
            Some(path) => path,
            None => bail!("failed to start {name:?}: there is no such program{}", advice(words)),
        }
    };
    if path.is_dir() {
        bail!("failed to start {name:?}: it is a folder");
    }
    if !path.exists() {
        bail!("failed to start {name:?}: there is no such program{}", advice(words));
    }
    if access(&path, AccessFlags::X_OK).is_err() {
        bail!(
            "failed to start {name:?}: it cannot be executed: chmod +x {name}, \
             or write its interpreter before it, as in 'python3 {name}'"
        );
    }
    if let Some(interpreter) = interpreter(&path)
        && !Path::new(&interpreter).exists()
    {
        let windows = match interpreter.ends_with('\r') {
            true => ": its lines end as on Windows, save it with Unix line ends",
            false => "",
        };
        bail!(
            "failed to start {name:?}: its first line asks for {interpreter:?}, \
             which does not exist{windows}"
        );
    }
    Ok(path)
}

/// What the first line of a script names, up to the first blank.
fn interpreter(path: &Path) -> Option<String> {
    let mut begin = Vec::new();
    File::open(path).ok()?.take(FIRST_BYTES).read_to_end(&mut begin).ok()?;
    let line = begin.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    let word = line.trim_start_matches([' ', '\t']).split([' ', '\t']).next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

/// For a command that only a shell understands.
fn advice(words: &[String]) -> String {
    let first = words.first().map_or("", String::as_str);
    let special = ["&&", "||", "|", ";", "&", ">", "<"];
    let shell = first == "cd"
        || first.ends_with(';')
        || words.iter().any(|word| special.contains(&word.as_str()));
    if shell {
        ": the command is not run by a shell; have one run it: sh -c '...'".to_owned()
    } else if first.split_once('=').is_some_and(|(name, _)| !name.contains('/')) {
        format!(": the command is not run by a shell; write env {}", words.join(" "))
    } else if first.starts_with('~') || first.starts_with('$') {
        format!(
            ": the command is not run by a shell, which would replace {first:?}; write the whole path"
        )
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(command: &str) -> String {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        program(&words).unwrap_err().to_string()
    }

    #[test]
    fn a_program_is_found_by_name_and_by_path() {
        assert!(program(&["sh".to_owned()]).unwrap().is_absolute());
        assert!(program(&["/bin/sh".to_owned()]).is_ok());
        // Tests run in the folder of the package.
        assert!(fault("src/rig.rs x").contains("it cannot be executed: chmod +x src/rig.rs"));
        assert!(fault("src/rig").ends_with("it is a folder"));
        assert_eq!(fault("./no-such"), "failed to start \"./no-such\": there is no such program");
    }

    #[test]
    fn a_line_for_a_shell_gets_a_hint() {
        assert!(fault("PORT=5 x").ends_with("write env PORT=5 x"));
        assert!(fault("cd a && x").ends_with("sh -c '...'"));
        assert!(fault("no-such a | b").ends_with("sh -c '...'"));
        assert!(fault("~/x").ends_with("write the whole path"));
    }

    #[test]
    fn a_script_without_its_interpreter_is_named() {
        let path = std::env::temp_dir().join(format!("script-{}", std::process::id()));
        std::fs::write(&path, "#!/usr/bin/no-such\r\n").unwrap();
        std::process::Command::new("chmod").arg("+x").arg(&path).status().unwrap();
        let fault = fault(path.to_str().unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(
            fault.contains(r#"asks for "/usr/bin/no-such\r", which does not exist"#),
            "{fault}"
        );
        assert!(fault.ends_with("save it with Unix line ends"));
    }
}
