//! The notes of every lesson: they refer to what is there, and the play shows what they call right.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs;

use lab::course::notes::Notes;
use lab::course::session::Session;
use lab::course::{schedule, stages};

/// What a recording of the session says after its step number `step`, up to the next one that acts.
fn recorded(session: &Session, step: usize) -> Vec<String> {
    let text = fs::read_to_string(session.path.with_extension("wire")).unwrap();
    let acts = session.steps[..=step].iter().filter(|step| step.acts()).count();
    let acting = |line: &str| {
        let mark = line.strip_prefix("* ").and_then(|line| line.split(' ').nth(1));
        mark.is_some_and(|mark| ["$", ">", "!"].contains(&mark))
    };
    let mut seen = 0;
    let after = text.lines().skip_while(|line| {
        seen += usize::from(acting(line));
        seen < acts
    });
    after.skip(1).take_while(|line| !acting(line)).map(str::to_owned).collect()
}

/// Does the recording show what an answer says? Decided apart from the parser, and from what really happened.
fn shows(lines: &[String], said: &str) -> bool {
    let mut words = said.splitn(3, ' ');
    let (name, mark) = (words.next().unwrap(), words.next().unwrap());
    let rest = words.next().unwrap_or_default();
    let quoted = |text: &str| text.escape_debug().to_string();
    let on_terminal = |line: &&String| line.starts_with(&format!("{name} shows \""));
    let of_peer = format!("* {name} ");
    match (mark, rest) {
        ("=", "silent") => !lines.iter().any(|line| {
            let prompt = line.starts_with(&format!("{name} shows \">"));
            line.starts_with(&format!("{name} exits"))
                || line.starts_with(&of_peer)
                || on_terminal(&line) && !prompt
        }),
        ("=", exit) if exit.starts_with("exit") => {
            lines.contains(&format!("{name} {}", exit.replace("exit", "exits")))
        }
        ("~", part) => lines.iter().filter(on_terminal).any(|line| line.contains(&quoted(part))),
        _ => {
            lines.contains(&format!("{name} shows \"{}\"", quoted(rest)))
                || lines.contains(&format!("* {said}"))
        }
    }
}

/// Compares each answer to predict with the recording; how many questions there are.
fn questions(session: &Session) -> usize {
    let notes = Notes::read(session).unwrap().unwrap();
    let mut questions = 0;
    for note in &notes.at {
        let Some(predict) = &note.predict else { continue };
        questions += 1;
        let lines = recorded(session, note.step);
        for answer in &predict.answers {
            let right = answer.shows.iter().all(|said| shows(&lines, said));
            let at =
                format!("{} @ {}: {}", session.name(), session.steps[note.step], answer.letter);
            assert_eq!(right, answer.letter == predict.letter(), "{at}:\n{}", lines.join("\n"));
        }
    }
    questions
}

#[test]
fn the_right_answer_is_what_the_recorded_play_shows() {
    for stage in stages::STAGES {
        let lessons = schedule::lessons(stage).unwrap();
        let questions: usize = lessons.iter().map(|(session, _)| questions(session)).sum();
        assert!(questions >= 2, "stage {stage} has {questions} questions to predict");
    }
}

#[test]
fn each_page_after_stage_6_asks_one_question() {
    for name in ["framing-two-in-one", "clients-two", "noticing-at-once", "stopping-silent"] {
        let session = stages::find(Some(&format!("after/{name}"))).unwrap().remove(0);
        assert_eq!(questions(&session), 1);
    }
}
