//! The drawing as SVG.

use super::text::{Anchor, Text};
use super::{Drawing, colour};
use crate::wire::story::Story;

const STYLE: &str = "\
text{font:11.5px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--ink);white-space:pre}
.p{font-size:11px}.h2{font-size:11px;fill:var(--soft)}
.n,.g,.st,.sm,.h1,.h3,.tg{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}
.n{font-style:italic;fill:var(--soft)}.sm{font-size:10px;fill:var(--soft)}.sm,.n{stroke-linejoin:round}
.g{font-weight:600}.st{font-size:9.3px;font-weight:600;fill:var(--soft)}
.h1{font-size:15px;font-weight:600}.h3{font-size:11px;font-weight:600;fill:var(--soft);letter-spacing:.06em}
.tg{font-size:10.5px;font-weight:600}.soft{fill:var(--soft)}
.o{paint-order:stroke;stroke:var(--paper);stroke-width:3.5px;stroke-linejoin:round}
.e{text-anchor:end}.i{text-anchor:middle}
.panel{fill:var(--panel)}.chip{fill:var(--chip);stroke:var(--line)}.you{fill:var(--you);stroke:var(--key)}
.act{stroke:var(--line);stroke-dasharray:1 4}
.k{stroke:var(--k);fill:none}.kf{fill:var(--k)}text.t{fill:var(--k)}
.run{stroke-width:7}.idle{stroke-width:2.5}.cap{stroke-width:2.5}
.wait{fill:url(#wait);stroke:var(--wait)}.key{fill:url(#key);stroke:var(--key)}
.sys{stroke-width:1.1}.from{stroke-dasharray:3 2}.arrow{stroke-width:1.9}.ack{stroke-width:1}
.rst{stroke-dasharray:6 3}.cross{stroke-width:2.2}
.hollow{fill:var(--panel);stroke-width:1.5}.timewait{stroke-width:3;stroke-dasharray:1.5 4}
.listen{stroke-width:2;stroke-dasharray:2 3}.queue{fill:var(--paper);stroke-width:1.3}
.buf{fill:var(--k);fill-opacity:.28}
";

/// Text as it may stand in an SVG.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML 1.0 has no place for other control characters.
            character if character.is_control() => escaped.extend(character.escape_debug()),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

pub(super) fn write(drawing: &Drawing, story: &Story, title: &str) -> String {
    let (width, height) = (drawing.width.round(), drawing.height.ceil());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n<style>\n",
        escape(title),
        escape(&describe(story))
    );
    let [light, dark, paper] = [0, 1, 2].map(colour::variables);
    svg += &format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n@media print{{:root{{{paper}}}}}\n"
    );
    let classes = ["A", "B", "C", "D", "E", "X"];
    for class in classes {
        svg += &format!(".{class}{{--k:var(--{})}}", class.to_lowercase());
    }
    svg += &format!("\n{STYLE}</style>\n<defs>");
    let used = |class: &&&str| {
        let shape = format!("class=\"{class} ");
        drawing.shapes.iter().any(|text| text.contains(&shape))
    };
    for class in classes.iter().filter(used) {
        for (size, name) in [(9, "m"), (6, "s")] {
            svg += &format!(
                "<marker id=\"{name}{class}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"{size}\" markerHeight=\"{size}\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class} kf\" d=\"M0 1L10 5L0 9z\"/></marker>"
            );
        }
    }
    for (name, ground) in [("wait", "paper"), ("key", "you")] {
        svg += &format!(
            "<pattern id=\"{name}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path fill=\"var(--{ground})\" d=\"M0 0h6v6H0z\"/><path fill=\"var(--{name})\" d=\"M0 0h2.2v6H0z\"/></pattern>"
        );
    }
    svg += &format!("</defs>\n<path fill=\"var(--paper)\" d=\"M0 0h{width}v{height}H0z\"/>\n");
    for shape in &drawing.shapes {
        svg += shape;
        svg.push('\n');
    }
    for label in drawing.texts.iter().chain(&drawing.inside) {
        svg += &text(label);
        svg.push('\n');
    }
    svg + "</svg>\n"
}

fn text(text: &Text) -> String {
    let (font, ..) = text.font.look();
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " i",
        Anchor::End => " e",
    };
    let halo = if text.halo { " o" } else { "" };
    let colour = if text.colour.is_empty() { String::new() } else { format!(" {} t", text.colour) };
    let turn = match text.angle {
        0.0 => String::new(),
        angle => format!(" transform=\"rotate({angle:.1} {:.1} {:.1})\"", text.x, text.y),
    };
    let spans: String = text
        .spans
        .iter()
        .filter(|(span, _)| !span.is_empty())
        .map(|(span, class)| match *class {
            "" => escape(span),
            class @ ("n" | "soft") => format!("<tspan class=\"{class}\">{}</tspan>", escape(span)),
            class => {
                format!("<tspan fill=\"var(--{})\">{}</tspan>", class.to_lowercase(), escape(span))
            }
        })
        .collect();
    format!(
        "<text class=\"{font}{anchor}{halo}{colour}\" x=\"{:.1}\" y=\"{:.1}\"{turn}>{spans}</text>",
        text.x,
        text.y + text.dy
    )
}

/// What goes over the wire, act by act, for who does not see the picture.
fn describe(story: &Story) -> String {
    let act = |(number, act): (usize, &crate::wire::story::Act)| {
        let sent = story.sent(number);
        let sent: Vec<String> =
            sent.iter().map(|sent| format!("{} to the {}", sent.words, sent.to)).collect();
        match sent.is_empty() {
            true => format!("{}. {}.", number + 1, act.text),
            false => format!("{}. {}: {}.", number + 1, act.text, sent.join(", ")),
        }
    };
    let acts: Vec<String> = story.acts.iter().enumerate().map(act).collect();
    format!(
        "The server is on the left. What is done, and what goes over the wire then: {}",
        acts.join(" ")
    )
}
