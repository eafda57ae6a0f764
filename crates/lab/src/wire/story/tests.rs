//! The stories of all recordings, and of what may stand in one.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::course::session::Session;
use crate::course::stages::{self, STAGES};
use crate::wire::files;

pub(crate) static RECORDINGS: LazyLock<Vec<(Session, String)>> = LazyLock::new(|| {
    let names = STAGES.map(|stage| stage.to_string()).chain(["after".to_owned()]);
    let stages = names.flat_map(|name| stages::find(Some(&name)).unwrap());
    let read = |session| fs::read_to_string(files::recording(&session)).map(|text| (session, text));
    stages.map(|session| read(session).unwrap()).collect()
});

fn story(name: &str) -> Story {
    let found = RECORDINGS.iter().find(|(session, _)| session.path.ends_with(name));
    Story::read(&found.unwrap().1)
}

#[test]
fn every_act_of_every_session_is_told() {
    for (session, text) in RECORDINGS.iter() {
        let story = Story::read(text);
        let steps = session.steps.iter().filter(|step| step.acts()).map(ToString::to_string);
        let acts = story.acts.iter().map(|act| act.text.clone());
        assert_eq!(acts.collect::<Vec<_>>(), steps.collect::<Vec<_>>(), "{}", session.name());
        for number in 0..story.acts.len() {
            assert!(story.sentences(number).next().is_some(), "{}", session.name());
        }
    }
}

#[test]
fn no_event_depends_on_a_later_one_and_no_sentence_has_a_gap() {
    for (session, text) in RECORDINGS.iter() {
        let story = Story::read(text);
        for (at, event) in story.events.iter().enumerate() {
            assert!(event.after.iter().all(|before| *before < at), "{}", session.name());
        }
        for sentence in (0..story.acts.len()).flat_map(|act| story.sentences(act)) {
            assert!(!sentence.contains(['{', '}']) || sentence.contains("\\u{"), "{sentence}");
            assert!(!sentence.contains("``") && sentence.ends_with('.'), "{sentence}");
        }
    }
}

#[test]
fn a_hang_up_is_known_to_the_kernel_before_the_program_looks() {
    let story = story("server-hangs-up.session");
    let after: Vec<String> = (0..story.acts.len())
        .map(|act| {
            let now = story.after(act);
            let sent: Vec<String> = story.sent(act).iter().map(|sent| sent.words.clone()).collect();
            let ends = [Side::Server, Side::Client].map(|side| match now.socket(0, side) {
                Some(end) => format!("{} {} {}", end.state, end.unread, end.end_unread),
                None => "-".to_owned(),
            });
            format!(
                "{} | {} | {} | {}",
                now.places[0],
                ends.join(" | "),
                now.places[1],
                sent.join(" ")
            )
        })
        .collect();
    assert_eq!(
        after,
        [
            "waits in accept | - | - | not started | ",
            "waits in read | ESTABLISHED 0 false | ESTABLISHED 0 false | waits at the keyboard | SYN SYN-ACK",
            "waits in read | ESTABLISHED 0 false | ESTABLISHED 0 false | waits at the keyboard | 5 bytes 18 bytes",
            "waits in accept | FIN-WAIT-2 0 false | CLOSE-WAIT 0 true | waits at the keyboard | 1 byte 14 bytes FIN",
            "waits in accept | CLOSED 0 false | CLOSED 0 false | ended | 13 bytes RST",
        ]
    );
    assert!(story.sentences(3).any(|sentence| {
        sentence == "The client waits for the keyboard; its kernel has the end of the stream, the client does not look."
    }));
}

#[test]
fn what_is_queued_and_unread_is_counted() {
    let queued = story("queued-client.session");
    let end = |story: &Story, act, connection| {
        story.after(act).socket(connection, Side::Server).cloned().unwrap()
    };
    assert!(end(&queued, 4, 1).queued && end(&queued, 4, 1).unread == 6);
    assert!(!end(&queued, 5, 1).queued && end(&queued, 5, 1).unread == 0);
    let big = story("big-stream.session");
    assert_eq!(end(&big, 2, 0).unread, 0, "65536 bytes are read in 64 calls, most of them folded");
    let half_closed = story("noticing-ctrl-d.session");
    assert_eq!(end(&half_closed, 4, 0).unread, 0, "a FIN has a number, and is no byte");
}

#[test]
fn a_full_queue_leaves_a_client_without_an_answer() {
    let story = story("plain-full-queue.session");
    let now = story.after(3);
    let queued = |at| now.socket(at, Side::Server).map(|end| end.queued);
    assert_eq!([0, 1, 2].map(queued), [Some(true), Some(true), None]);
    assert!(story.sentences(3).any(|sentence| sentence.contains("queue for `accept` is full")));
}

#[test]
fn an_address_in_use_is_that_of_a_listener_or_of_an_old_connection() {
    for (name, act, why) in [
        ("address-in-use.session", 1, "somebody listens on 127.0.0.1:5001 already"),
        ("plain-restart.session", 5, "nobody listens on 127.0.0.1:5001, but an old connection"),
    ] {
        assert!(story(name).sentences(act).any(|sentence| sentence.contains(why)), "{name}");
    }
}

#[test]
fn a_thread_ends_and_its_program_goes_on() {
    let story = story("clients-reset.session");
    let places = story.parties.iter().zip(&story.after(3).places);
    let places: Vec<String> =
        places.map(|(party, place)| format!("{} {place}", party.name)).collect();
    assert_eq!(
        places[..3],
        ["server waits in accept", "client waits at the keyboard", "server/2 waits in read"]
    );
    assert_eq!(places[3..], ["rude ended", "server/3 ended"]);
}

/// Lines of a real recording, some lost, some twice, some cut.
pub(crate) fn jumbled() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec((0..200_usize, 0..60_usize), 0..60);
    (0..100_usize, lines, any::<bool>()).prop_map(|(recording, picks, ordered)| {
        let all: Vec<&str> = RECORDINGS[recording % RECORDINGS.len()].1.lines().collect();
        let mut picks: Vec<(usize, usize)> =
            picks.into_iter().map(|(line, keep)| (line % all.len(), keep)).collect();
        if ordered {
            picks.sort_unstable();
        }
        let cut = |(line, keep): &(usize, usize)| -> String {
            all[*line].chars().take(if *keep < 5 { *keep } else { usize::MAX }).collect()
        };
        picks.iter().map(cut).collect::<Vec<String>>().join("\n")
    })
}

proptest! {
    #[test]
    fn any_lines_make_a_story(lines in jumbled()) {
        let story = Story::read(&lines);
        let _ = story.markdown();
        (0..story.acts.len()).for_each(|act| drop(story.sent(act)));
    }
}
