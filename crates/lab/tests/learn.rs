//! `cargo lab learn` as a person uses it: on a real terminal, with an editor beside it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lab::course::cast::Cast;
use lab::course::session::Session;
use lab::play::{self, Scene};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const LAB: &str = env!("CARGO_BIN_EXE_lab");
const RIGHT: &str = "message = peer.recv(1024)\npeer.sendall(message)\n";
const WRONG: &str = "message = peer.recv(1024)\npeer.sendall(message.ljust(1024, b'0'))\n";
const HANGS: &str = "listener.accept()\n";

/// The folder of one learner, empty at first.
struct My(PathBuf);

impl My {
    fn new(name: &str) -> My {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("learn").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        // What the programs depend on is built once for all tests.
        let target = folder.with_file_name("target");
        fs::create_dir_all(&target).unwrap();
        std::os::unix::fs::symlink(target, folder.join("target")).unwrap();
        My(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// Saves the server of the exercise `zeros` as an editor does that renames.
    fn save(&self, code: &str) {
        let head = "import socket, sys\nhost, port = sys.argv[1].split(':')\n\
            listener = socket.create_server((host, int(port)))\npeer, _ = listener.accept()\n";
        fs::write(self.file("part"), format!("{head}{code}")).unwrap();
        fs::rename(self.file("part"), self.file("zeros.py")).unwrap();
    }

    /// The command of somebody who does not write Rust.
    fn python(&self) -> String {
        format!(
            "{LAB} learn --folder {} --server 'python3 {}/{{name}}.py'",
            self.0.display(),
            self.0.display()
        )
    }

    /// Plays what a person does; a line `# act: WORD` is done between two steps.
    fn play(&self, script: &str, mut act: impl FnMut(&str)) {
        let text = format!("# Somebody learns.\n{script}");
        let session = Session::parse(Path::new("learn.session"), &text).unwrap();
        let mut done = 0;
        let played = play::play(&session, &Cast::default(), &mut |scene| {
            if let Scene::Before(step) = scene {
                for line in &session.source[done..step.line] {
                    if let Some(word) = line.strip_prefix("# act: ") {
                        act(word);
                    }
                }
                done = step.line;
            }
        });
        if let Err(report) = played {
            panic!("{report}");
        }
        assert_eq!(self.left(), Vec::<Pid>::new(), "something is left running");
    }

    /// The processes that have to do with this folder.
    fn left(&self) -> Vec<Pid> {
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let ours = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&*self.0.to_string_lossy())
        };
        pids.filter(ours).map(Pid::from_raw).collect()
    }

    /// Runs it as a script does.
    fn script(&self, arguments: &[&str], lines: &str) -> Output {
        let mut command = Command::new(LAB);
        command.args(["learn", "--folder"]).arg(&self.0).args(arguments).stdin(Stdio::piped());
        let mut lab = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut lab.stdin.take().unwrap(), lines.as_bytes()).unwrap();
        lab.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn each_save_is_examined_the_wrong_one_and_the_right_one() {
    let my = My::new("saves");
    let script = format!(
        "you $ {} zeros
you ~ zeros (
you ~ each save is examined
# act: wrong
you ~ Examining
you ~ FAIL  zeros: The message comes back, and nothing else.
you ~ This one did not:
you ~ q quit
# act: right
you ~ Examining
you ~ ok    zeros: all that is demanded holds.
you ~ n goes on to capacity; s compares
you ! type q
you = exit 0
",
        my.python()
    );
    my.play(&script, |word| my.save(if word == "wrong" { WRONG } else { RIGHT }));
    assert!(my.read("progress.txt").ends_with("now: zeros\ndone: zeros\n"));
}

#[test]
fn of_two_saves_in_quick_succession_the_second_one_counts() {
    let my = My::new("quick");
    let script = format!(
        "you $ {} zeros
# act: both
you ~ each save is examined
you ~ ok    zeros
you ! type q
you = exit 0
",
        my.python()
    );
    my.play(&script, |_| {
        my.save(WRONG);
        my.save(RIGHT);
    });
}

#[test]
fn every_key_does_what_it_says() {
    let my = My::new("keys");
    let script = format!(
        "you $ {} zeros
you ~ each save is examined
you ~ Enter examine  h hint  s solution  n next  p previous  l list  r reset  q quit
you ! type x
you ~ Enter examine
you ! type h
you ~ Hint 1 of 3: read says how many bytes
you ! type h
you ~ Hint 2 of 3: The buffer has 1024 bytes
you ! type h
you ~ Hint 3 of 3
you ~ +    stream.write_all(&buffer[..n])
you ! type h
you ~ That was the last hint.
you ! type s
you ~ y shows it
you ! type n
you ~ Not shown.
you ! type s
you ~ y shows it
you ! type y
you ~ From the starter to
you ~ +    stream.write_all(&buffer[..n])
you ! type l
you ~ > zeros
you ~ stage 6
you ~ x done, 0 of
you ! type r
you ~ There is no starter here
you ! type p
you ~ stage1-client (
you ! type N
you ~ zeros (
you ~ q quit
# act: right
you ~ ok    zeros
you ! type s
you ~ From the starter to
you ! type \\n
you ~ Examining
you ~ ok    zeros
you ! type q
you = exit 0
",
        my.python()
    );
    my.play(&script, |_| my.save(RIGHT));
}

#[test]
fn each_behaviour_that_fails_has_a_first_hint_of_its_own() {
    let my = My::new("hints");
    my.save(WRONG);
    let script = format!(
        "you $ {} zeros
you ~ q quit
you ~ q quit
you ! type h
you ~ Hint 1 of 3: read says how many bytes
# act: next
you ~ FAIL  zeros: A zero is a byte like any other
you ~ q quit
you ! type h
you ~ Hint 1 of 3: Do not look for zeros
you ! type h
you ~ Hint 2 of 3
you ! type q
you = exit 0
",
        my.python()
    );
    my.play(&script, |_| {
        my.save("message = peer.recv(1024)\npeer.sendall(message.rstrip(b'\\0'))\n")
    });
}

#[test]
fn a_narrow_window_gets_shorter_lines() {
    let my = My::new("narrow");
    let script = format!(
        "you $ {} zeros
you ~ q quit
you ! resize 40x24
you ! type x
you ~ Enter examine  h hint  s solution
you | n next  p previous  l list  r reset
you | q quit
you ! type n
you ~ capacity (5 of
you ~ This server should print the message
you | that it receives, and end. It prints
you ~ q quit
you ! type q
you = exit 0
",
        my.python()
    );
    my.play(&script, |_| {});
}

#[test]
fn a_deleted_file_is_said_to_be_missing_and_examined_when_it_is_back() {
    let my = My::new("deleted");
    my.save(WRONG);
    let script = format!(
        "you $ {} zeros
you ~ FAIL  zeros
# act: delete
you ~ zeros.py is not there
# act: right
you ~ ok    zeros
you ! type q
you = exit 0
",
        my.python()
    );
    my.play(&script, |word| match word {
        "delete" => fs::remove_file(my.file("zeros.py")).unwrap(),
        _ => my.save(RIGHT),
    });
}

#[test]
fn a_program_that_hangs_floods_or_forks_is_reported_and_ended() {
    let my = My::new("hangs");
    let said = [
        ("hangs", HANGS, "server waits in `accept`"),
        ("floods", "while True: print('x' * 70)\n", "server prints without end"),
        (
            "forks",
            "import os, time\nfor _ in range(20): os.fork() or time.sleep(1000)\n",
            "This one did not:",
        ),
    ];
    let steps = said.map(|(word, _, why)| format!("# act: {word}\nyou ~ {why}\nyou ~ q quit\n"));
    let script = format!(
        "you $ {} zeros\nyou ~ q quit\n{}you ! type q\nyou = exit 0\n",
        my.python(),
        steps.concat()
    );
    my.play(&script, |word| {
        let (_, code, _) = said.iter().find(|(name, ..)| *name == word).unwrap();
        my.save(code);
    });
}

/// Runs it in a shell that says afterwards whether the terminal is as it was.
fn in_a_shell(command: &str) -> String {
    let command = command.replace('\'', "\"");
    format!(
        "sh -c 'trap : INT TERM; before=$(stty -g); {command}; echo status $?; \
         [ \"$before\" = \"$(stty -g)\" ] && echo as it was'"
    )
}

/// A server that says that it runs, and then computes for ever.
const COMPUTES: &str = "open(sys.argv[0] + '.runs', 'w').close()\nwhile True: pass\n";

#[test]
fn ctrl_c_while_a_program_hangs_leaves_nothing_running_and_the_terminal_as_it_was() {
    let my = My::new("interrupted");
    my.save(COMPUTES);
    let script = format!(
        "you $ {}
you ~ Examining
# act: wait
you ! type \u{3}
you ~ status 130
you ~ as it was
you = exit 0
",
        in_a_shell(&format!("{} zeros", my.python()))
    );
    my.play(&script, |_| while !my.file("zeros.py.runs").exists() {});
}

#[test]
fn who_quits_does_not_wait_for_an_examination_and_leaves_nothing_running() {
    let my = My::new("quits");
    my.save(COMPUTES);
    let script = format!(
        "you $ {}
you ~ Examining
# act: wait
you ! type q
you ~ status 0
you ~ as it was
you = exit 0
",
        in_a_shell(&format!("{} zeros", my.python()))
    );
    my.play(&script, |_| while !my.file("zeros.py.runs").exists() {});
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let my = My::new("terminated");
    let script = format!(
        "you $ {}
you ~ q quit
# act: kill
you ~ status 143
you ~ as it was
you = exit 0
",
        in_a_shell(&format!("{} zeros", my.python()))
    );
    my.play(&script, |_| {
        // The last one: the shell has the folder in its command as well.
        kill(*my.left().last().unwrap(), Signal::SIGTERM).unwrap();
    });
}

#[test]
fn a_program_in_rust_is_built_reset_and_compared() {
    let my = My::new("rust");
    // Whatever the programs depend on is built the first time, and nobody waits that long for a step.
    let first = my.script(&["zeros"], "");
    assert_eq!(first.status.code(), Some(1), "{}", text(&first.stdout));
    assert!(text(&first.stdout).contains("FAIL  zeros: The message comes back"));
    let source = my.file("src/bin/zeros.rs");
    let starter = fs::read_to_string(&source).unwrap();
    assert!(starter.contains("cargo run --bin zeros"), "{starter}");
    let broken = format!("{starter}fn unfinished(\n");
    let solved = starter.replace("write_all(&buffer)", "write_all(&buffer[..n])");
    let script = format!(
        "you $ {LAB} learn --folder {}
you ~ zeros (
you ~ zeros.rs: each save is examined.
# act: broken
you ~ this file contains an unclosed delimiter
you ~ FAIL  zeros does not compile.
# act: solved
you ~ ok    zeros
you ! type s
you ~ From your file to
you ~ From your file
",
        my.0.display()
    )
    .replace(
        "you ~ From your file\n",
        "you ! type r\nyou ~ zeros.rs is the starter; yours is\nyou ! type q\nyou = exit 0\n",
    );
    my.play(&script, |word| {
        fs::write(&source, if word == "broken" { &broken } else { &solved }).unwrap()
    });
    assert_eq!(fs::read_to_string(&source).unwrap(), starter);
    assert_eq!(my.read("kept/zeros-1.rs"), solved);
    assert!(my.read("progress.txt").ends_with("now: zeros\ndone: zeros\n"));
}

#[test]
fn a_script_gets_plain_lines_and_an_exit_status() {
    let my = My::new("script");
    my.save(WRONG);
    let server = format!("python3 {}", my.file("zeros.py").display());
    let wrong = my.script(&["zeros", "--server", &server], "hint\n\nlist\nquit\nhint\n");
    let out = text(&wrong.stdout);
    assert_eq!(wrong.status.code(), Some(1), "{out}");
    assert_eq!((out.matches("FAIL  zeros").count(), out.matches("Hint").count()), (2, 1), "{out}");
    assert!(!out.contains('\x1b'), "{out}");
    my.save(RIGHT);
    let right = my.script(&["zeros", "--server", &server], "");
    assert_eq!(right.status.code(), Some(0), "{}", text(&right.stdout));
}

#[test]
fn the_progress_may_be_edited_and_nothing_of_it_is_lost() {
    let my = My::new("progress");
    my.save(RIGHT);
    let before = "# my own words\nserver: python3 {name}.py\nnow: no-such-exercise\ndone:zeros\n";
    fs::write(my.file("progress.txt"), before).unwrap();
    let out = my.script(&["zeros"], "l\n");
    assert!(text(&out.stdout).contains("ok    zeros"), "{}", text(&out.stdout));
    assert!(text(&out.stdout).contains("x done, 1 of"), "{}", text(&out.stdout));
    let after = before.replace("no-such-exercise", "zeros");
    assert_eq!(my.read("progress.txt"), after);

    let open = "stage1-predict";
    let list = text(&my.script(&["zeros"], "l\n").stdout);
    let all = list.split_whitespace().filter(|word| word.len() > 2 && *word != open);
    let done: String = all.map(|name| format!("done: {name}\n")).collect();
    fs::write(my.file("progress.txt"), format!("server: python3 zeros.py\n{done}")).unwrap();
    let out = text(&my.script(&["zeros"], "").stdout);
    assert!(out.contains("n goes on to capacity;"), "{out}");
    fs::write(my.file("progress.txt"), format!("server: python3 zeros.py\n{done}done: {open}"))
        .unwrap();
    let out = text(&my.script(&["zeros"], "").stdout);
    assert!(out.contains("That was all of the course, "), "{out}");

    fs::write(my.file("progress.txt"), "server: python3 'x\n").unwrap();
    let out = my.script(&["zeros"], "");
    let error =
        "Error: failed to read the command \"python3 'x\" in progress.txt: missing closing quote\n";
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(2), error.to_owned()));

    fs::write(my.file("progress.txt"), b"\xff").unwrap();
    let out = my.script(&["zeros"], "");
    let file = my.file("progress.txt");
    let error =
        format!("Error: failed to read {}: stream did not contain valid UTF-8\n", file.display());
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(2), error));
    assert_eq!(fs::read(file).unwrap(), b"\xff");
}

#[test]
fn an_exercise_that_does_not_exist_is_named() {
    let out = My::new("unknown").script(&["no-such"], "");
    let error = "Error: there is no exercise \"no-such\": cargo lab learn, then l, lists them\n";
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(2), error.to_owned()));
}

#[test]
fn a_question_is_answered_by_a_play() {
    let my = My::new("predict");
    // The stages are built the first time, and nobody waits that long for a step.
    let guessed = my.script(&["stage4-predict"], "\nb\n\n\n\n\n\n\n\n\n\n");
    let out = text(&guessed.stdout);
    assert!(out.contains("\nYes, B. There is no byte to carry") && out.contains("\nC. "), "{out}");
    assert!(my.read("progress.txt").contains("done: stage4-predict"), "{out}");
    let script = format!(
        "you $ {LAB} learn --folder {} stage4-predict
you ~ Enter begin
you ! type \\n
you ~   A  
you ! type z
you ~ Press the letter of your answer
you ! type a
you ~ Not A, but B.
you ! type q
you = exit 0
",
        my.0.display()
    );
    my.play(&script, |_| {});
}

#[test]
fn every_task_fits_on_a_terminal_of_80_columns_and_24_rows() {
    let my = My::new("fits");
    let others = ["--server", "python3 {name}.py", "--client", "python3 {name}.py"];
    let all = text(&my.script(&others, &format!("l\n{}", "n\n".repeat(100))).stdout);
    let (all, _) = all.split_once("This is the last exercise.").unwrap();
    let (first, rest) = all.split_once("stage 1  ").unwrap();
    let (list, rest) = rest.split_once("cargo lab learn NAME\n").unwrap();
    assert!(list.lines().count() <= 23 && list.contains("- crlf "), "{list}");
    let (_, count) = list.split_once("x done, 0 of ").unwrap();
    let count: usize = count.split(' ').next().unwrap().parse().unwrap();
    let mut tasks = vec![first.trim_start().to_owned()];
    for line in rest.lines() {
        if line.contains(&format!(" of {count}, stage ")) {
            tasks.push(String::new());
        }
        let task = tasks.last_mut().unwrap();
        task.push_str(line);
        task.push('\n');
    }
    assert_eq!(tasks.len(), count, "{all}");
    for task in tasks {
        assert!(task.lines().all(|line| line.chars().count() <= 80), "{task}");
        assert!(task.lines().count() <= 24, "{} rows: {task}", task.lines().count());
    }
}

#[test]
fn a_stage_begins_with_what_was_written_for_the_one_before() {
    let my = My::new("before");
    fs::write(my.file("progress.txt"), "done: stage1-server\n").unwrap();
    fs::write(my.file("stage1-server.py"), "print('mine')\n").unwrap();
    let python = format!("python3 {}/{{name}}.py", my.0.display());
    let out = text(&my.script(&["stage2-server", "--server", &python], "").stdout);
    assert!(out.contains("FAIL  stage2-server") && out.contains("| mine"), "{out}");
    assert_eq!(my.read("stage2-server.py"), "print('mine')\n");
    // It is not done in Rust, so the course's own program is what Rust begins with.
    let script = format!(
        "you $ {LAB} learn --folder {} stage2-server
you ~ src/bin/stage2-server.rs: each save is examined.
you ! type q
you = exit 0
",
        my.0.display()
    );
    my.play(&script, |_| {});
    let starter = my.read("src/bin/stage2-server.rs");
    assert!(
        starter.starts_with("//! A server that reads until `q`. (cargo run --bin stage2-server)\n")
    );
    assert!(starter.contains("listener.accept()"), "{starter}");
}
