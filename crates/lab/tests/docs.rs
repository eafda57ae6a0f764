//! The pages of the book and the README: whole, true to their origins, and every link leads somewhere.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use lab::course::stages::root;
use lab::docs;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

#[test]
fn every_page_is_what_its_origins_say() {
    let difference = docs::check().unwrap();
    assert!(difference.is_none(), "{}", difference.unwrap_or_default());
}

fn fill(text: &str) -> Result<String, String> {
    docs::fill(Path::new("docs/src/page.md"), text).map_err(|err| format!("{err:#}"))
}

/// What is between the two comments.
fn part(origin: &str) -> Result<String, String> {
    let filled = fill(&format!("<!-- from: {origin} -->\n<!-- end -->\n"))?;
    let part = filled.strip_prefix(&format!("<!-- from: {origin} -->\n")).unwrap();
    Ok(part.strip_suffix("<!-- end -->\n").unwrap().to_owned())
}

#[test]
fn what_was_between_the_comments_goes_and_what_is_around_them_stays() {
    let filled = fill(
        "# Title\n\n1. See:\n\n   <!-- from: file rustfmt.toml -->\n   old\n\n   <!-- end -->\n\nEnd.\n",
    );
    let toml = fs::read_to_string(root().join("rustfmt.toml")).unwrap();
    let toml: String =
        toml.lines().map(|line| format!("   {line}").trim_end().to_owned() + "\n").collect();
    let expected = format!(
        "# Title\n\n1. See:\n\n   <!-- from: file rustfmt.toml -->\n   ```toml\n{toml}   ```\n   <!-- end -->\n\nEnd.\n"
    );
    assert_eq!(filled, Ok(expected.clone()));
    assert_eq!(fill(&expected), Ok(expected));
}

#[test]
fn a_fault_in_a_page_is_one_line_with_its_place() {
    let end = "<!-- end -->";
    for (text, fault) in [
        ("x\n<!-- end -->\n", "2: <!-- end --> without a <!-- from: before it"),
        ("x\n\n<!-- from: matrix -->\n", "3: expected <!-- end --> after it"),
        ("<!-- from: matrix -->\n<!-- from: matrix -->\n", "1: expected <!-- end --> after it"),
        ("<!-- from: matrix\n", "1: expected --> at the end"),
        ("{{#include x}}\n", "1: an include, in place of <!-- from: ... -->"),
    ] {
        assert_eq!(fill(text), Err(format!("docs/src/page.md:{fault}")));
    }
    for (origin, fault) in [
        ("nonsense 1", "there is no part \"nonsense 1\": the kinds are file, diff, "),
        ("file", "file takes other words: crates/lab/src/docs.rs has them"),
        ("file no/such", "failed to read no/such: No such file or directory (os error 2)"),
        ("session 6/no-such", "there is no session 6/no-such: 6 has "),
        ("session 9/q", "there is no stage 9: the stages are 1 to 6"),
        ("terminal 6/q peer", "6/q has no terminal peer"),
        ("terminal 4/no-byte peer", "peer is no terminal of 4/no-byte"),
        ("predict 6/q", "6/q has no notes"),
        ("predict 6/send-only 9", "6/send-only has no question 9 to predict: it has 2"),
        ("exercises 9", "there is no exercise of stage 9"),
        ("diff 2/client no/such.rs", "failed to read no/such.rs: No such file or directory"),
        ("diff 9/client 2/client", "there is no stage 9: the stages are 1 to 6"),
        ("diff 2/client 3/client", "2/client and 3/client do not differ"),
        ("diff 5/server 6/server 9", "there is no hunk 9: from 5/server to 6/server there are 1"),
        ("snippet rustfmt.toml main", "rustfmt.toml has no function main"),
        ("run no-such-program", "not found"),
    ] {
        let filled = fill(&format!("<!-- from: {origin} -->\n{end}\n"));
        let error = filled.unwrap_err();
        assert!(error.starts_with("docs/src/page.md:1: "), "{error}");
        assert!(error.contains(fault), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_page_with_one_hunk_of_a_difference_has_them_all() {
    let hunk = |number| format!("<!-- from: diff 2/server 3/server {number} -->\n<!-- end -->\n");
    let error = fill(&hunk(1)).unwrap_err();
    assert_eq!(
        error,
        "docs/src/page.md:1: of 2 hunks from 2/server to 3/server the page does not show 2"
    );
    let filled = fill(&(hunk(1) + "A note.\n" + &hunk(2))).unwrap();
    assert!(filled.contains("\n+        if let Err(err) = serve(stream) {\n"), "{filled}");
    assert!(!filled.contains("//!"), "{filled}");
}

#[test]
fn a_terminal_shows_what_a_person_sees_who_plays_the_session() {
    let shown = "```console\n$ cargo run --bin stage6-client\n>hello\nrecv=\"server send :hello\"\n>Q\n\
                 recv=\"server send :Q\"\n>anyone there?\nsocket close.....\n```\n";
    assert_eq!(part("terminal 6/server-hangs-up client"), Ok(shown.to_owned()));
}

#[test]
fn a_list_of_sessions_leaves_out_those_that_the_page_shows() {
    let filled =
        fill("<!-- from: session 6/q -->\n<!-- end -->\n<!-- from: sessions 6 -->\n<!-- end -->\n");
    let (_, list) = filled.as_ref().unwrap().rsplit_once("<!-- from: sessions 6 -->\n").unwrap();
    assert!(!list.contains("6/q`"), "{list}");
    let all = lab::course::stages::find(Some("6")).unwrap().len();
    let listed = list.lines().filter(|line| line.starts_with("- `cargo lab play 6/")).count();
    assert_eq!(listed, all - 1);
}

/// The links of a page, and the fragments that lead to a place in it.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    places: BTreeSet<String>,
}

/// As mdBook and the code-hosting pages do it: letters, digits, `_` and `-`; a second one of a name has
/// a number.
fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    *heading += &text;
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let heading = heading.take().unwrap_or_default().to_lowercase().replace(' ', "-");
                let kept =
                    |character: &char| character.is_alphanumeric() || "_-".contains(*character);
                let place: String = heading.chars().filter(kept).collect();
                let numbered = (1..).map(|number| format!("{place}-{number}"));
                let free = [place.clone()]
                    .into_iter()
                    .chain(numbered)
                    .find(|name| !page.places.contains(name));
                page.places.extend(free);
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let attribute =
                    |name| html.split(name).skip(1).filter_map(|rest: &str| rest.split('"').next());
                page.places.extend(attribute(" id=\"").map(str::to_owned));
                page.links
                    .extend(attribute(" href=\"").chain(attribute(" src=\"")).map(str::to_owned));
            }
            _ => {}
        }
    }
    page
}

/// Without `..`, as a browser goes along a path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = normal.pop(),
            part => normal.push(part),
        }
    }
    normal
}

#[test]
fn every_relative_link_leads_to_a_file_that_exists_and_to_a_place_in_it() {
    let pages = docs::pages().unwrap().into_iter().map(|path| {
        let page = read(&fs::read_to_string(root().join(&path)).unwrap());
        (path, page)
    });
    let pages: BTreeMap<PathBuf, Page> = pages.collect();
    let mut faults = Vec::new();
    let mut followed = 0;
    for (path, page) in &pages {
        for link in page.links.iter().filter(|link| !link.contains(':')) {
            followed += 1;
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let file = match file {
                "" => path.clone(),
                file => normal(&path.with_file_name(file)),
            };
            let known = pages.get(&file).is_some_and(|page| page.places.contains(place));
            if !root().join(&file).exists() {
                faults.push(format!("{}: {link}: there is no {}", path.display(), file.display()));
            } else if !place.is_empty() && !known {
                faults.push(format!("{}: {link}: there is no such heading", path.display()));
            }
            // The built book has its own pages only.
            if path.starts_with("docs/src") && !file.starts_with("docs/src") {
                faults.push(format!("{}: {link}: it leads out of the book", path.display()));
            }
        }
    }
    assert!(followed > 50, "{followed} links");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn when_it_fails_lists_every_question() {
    let source = |name: &str| {
        fs::read_to_string(root().join("docs/src").join(name).with_extension("md")).unwrap()
    };
    let list = read(&source("when-it-fails")).links;
    for page in ["connect", "bytes", "end", "wait"].map(|page| format!("questions-{page}")) {
        let text = source(&page);
        let (_title, questions) = text.split_once('\n').unwrap();
        for place in read(questions).places {
            let link = format!("{page}.md#{place}");
            assert!(list.contains(&link), "docs/src/when-it-fails.md does not lead to {link}");
        }
    }
}
