//! What there is to say and to ask.

use crate::app::{App, State};
use crate::lesson::words;
use crate::text::{self, Row, paragraph};
use crate::theme::Role;

impl App {
    /// What there is to say and to ask: of the step that was seen, and before the one that comes.
    pub(crate) fn caption(&self, cells: usize) -> [Vec<Row>; 2] {
        [self.seen(cells), self.coming(cells)]
    }

    fn seen(&self, cells: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add =
            |sign: &str, text: &str, role| rows.extend(paragraph(sign, text, role, cells));
        match (self.busy(), self.shown()) {
            // What the notes say is true of a step that held.
            (busy, Some(group)) if busy || matches!(self.state, State::Failed(_)) => {
                add("", &words(self.lesson.act(group)), Role::Say);
            }
            (_, None) => add("", &self.lesson.beginning(), Role::Say),
            (_, Some(group)) => {
                let note = self.lesson.note(group).cloned().unwrap_or_default();
                if let Some(predict) = &note.predict
                    && let Some(right) = predict.answers.get(predict.right)
                {
                    let chosen = self.chosen.get(&group).filter(|letter| **letter != right.letter);
                    let you =
                        chosen.map_or(String::new(), |letter| format!(" (You said {letter}.)"));
                    add("✓ ", &format!("{}  {}{you}", right.letter, right.text), Role::Right);
                    add("", &predict.why, Role::Plain);
                }
                if note.say.is_empty() && note.predict.is_none() {
                    // Without notes the recording has the first word.
                    let story =
                        self.lesson.story.as_ref().and_then(|story| story.sentences(group).next());
                    // Here it is not the reader who starts and types.
                    let story = story.filter(|sentence| !sentence.starts_with("You "));
                    let act = words(self.lesson.act(group));
                    add("", &story.map_or(act, text::quoted), Role::Say);
                }
                note.say.iter().for_each(|say| add("", say, Role::Say));
                note.ask.iter().for_each(|ask| add("? ", ask, Role::Question));
                if self.teacher {
                    note.teacher.iter().for_each(|teacher| add("# ", teacher, Role::Teacher));
                }
            }
        }
        rows
    }

    fn coming(&self, cells: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add =
            |sign: &str, text: &str, role| rows.extend(paragraph(sign, text, role, cells));
        if let Some(time) = self.waiting() {
            add("", &format!("waiting ... {} s", time.as_secs()), Role::Warn);
        }
        if let Some(message) = &self.message {
            add("", message, Role::Question);
        }
        match &self.state {
            State::Failed(report) => {
                add(
                    "",
                    &format!("This step did not hold: {}   e shows all of it.", report.reason()),
                    Role::Error,
                );
            }
            State::Done => add("", "End of this session.", Role::Next),
            State::Ready if self.ready() => {
                let note = self.lesson.note(self.group);
                if let Some(predict) = note.and_then(|note| note.predict.as_ref()) {
                    add("? ", &predict.question, Role::Question);
                    let chosen = self.chosen.get(&self.group);
                    for answer in &predict.answers {
                        let sign = if Some(&answer.letter) == chosen { "▶" } else { " " };
                        add(&format!("{sign} {}  ", answer.letter), &answer.text, Role::Status);
                    }
                }
                add("next: ", &words(self.lesson.act(self.group)), Role::Next);
            }
            State::Busy | State::Ready => {}
        }
        rows
    }
}
