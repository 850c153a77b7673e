//! Just enough of a parser for each format that the standard tools have none for.

/// Rows by RFC 4180. Fails on a quote in the middle of a bare cell and on a line end that is not the format's.
pub fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut rest) = (Vec::new(), Vec::new(), text);
    while !rest.is_empty() {
        let mut cell = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let (part, after) = quoted.split_once('"').expect("a quoted cell ends");
                cell.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        cell.push('"');
                        quoted = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
        } else {
            let end = rest.find([',', '\r', '\n']).expect("the last row ends");
            cell.push_str(&rest[..end]);
            assert!(!cell.contains('"'), "{cell:?}");
            rest = &rest[end..];
        }
        row.push(cell);
        if let Some(more) = rest.strip_prefix(',') {
            rest = more;
        } else {
            rest = rest.strip_prefix("\r\n").unwrap_or_else(|| panic!("no end of a row: {rest:.40?}"));
            rows.push(std::mem::take(&mut row));
        }
    }
    assert!(row.is_empty());
    rows
}

/// A terminal's text without the sequences that choose colours and weight; any other sequence stays.
pub fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|symbol: char| !symbol.is_ascii_digit() && symbol != ';').expect("it ends");
        if sequence[end..].starts_with('m') {
            rest = &sequence[end + 1..];
        } else {
            out.push('\u{1b}');
            rest = &rest[at + 1..];
        }
    }
    out + rest
}

/// A line of Markdown.
pub struct Line {
    /// How many cells it has, were it a row of a table.
    pub cells: usize,
    /// What is left for a reader to find meaning in: without code, escapes, and the marks that the writer itself makes.
    pub prose: String,
}

/// Takes a line apart as GitHub does: cells by bars without a backslash, in code too; then code and escapes in each.
pub fn markdown(line: &str) -> Line {
    let (mut cells, mut cell, mut symbols) = (Vec::new(), String::new(), line.chars());
    while let Some(symbol) = symbols.next() {
        match symbol {
            '|' => cells.push(std::mem::take(&mut cell)),
            '\\' => {
                cell.push(symbol);
                cell.extend(symbols.next());
            }
            symbol => cell.push(symbol),
        }
    }
    cells.push(cell);
    let prose = cells.iter().map(|cell| without_code(cell)).collect::<Vec<_>>().join(" | ");
    Line { cells: cells.len(), prose: prose.replace("<br>", " ").replace("**", "") }
}

/// Without code, and with `\u{fffc}` for each escaped character.
fn without_code(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(symbol) = rest.chars().next() {
        if symbol == '\\' {
            let escaped = rest[1..].chars().next();
            assert!(escaped.is_some_and(|escaped| escaped.is_ascii_punctuation()), "nothing is escaped: {text}");
            out.push('\u{fffc}');
            rest = &rest[2..];
        } else if symbol == '`' {
            let fence = &rest[..rest.find(|symbol| symbol != '`').unwrap_or(rest.len())];
            let inside = &rest[fence.len()..];
            let end = inside.find(fence).unwrap_or_else(|| panic!("code does not end: {text}"));
            rest = &inside[end + fence.len()..];
            assert!(!rest.starts_with('`'), "code ends elsewhere: {text}");
            out.push(' ');
        } else {
            out.push(symbol);
            rest = &rest[symbol.len_utf8()..];
        }
    }
    out
}

/// Fails where something is left that those who show Markdown make more of than text.
pub fn assert_inert(prose: &str, line: &str) {
    // A heading's mark, the rule below a table's head, and the numbers of a list are the writer's own.
    let prose = prose.trim_start_matches(['#', '>']);
    let is_rule = !prose.is_empty() && prose.chars().all(|symbol| "|:- ".contains(symbol));
    let found = prose.find(['<', '>', '[', ']', '*', '_', '`', '~', '@', '#', '$', '&', '^', '{', '}', '\\', '%']);
    assert!(found.is_none() || is_rule, "{:?} is left in {prose:?} of {line:?}", &prose[found.unwrap_or(0)..]);
    let small = prose.to_ascii_lowercase();
    for word in ["://", "www.", "gh-1", "http:/", "https:/", "mailto:", ":smile:", "\t"] {
        assert!(!small.contains(word), "{word:?} is left in {prose:?} of {line:?}");
    }
    // A sign and a word apart by nothing that is seen would be a mention or a reference again once escapes are gone.
    let signs: Vec<char> = line.chars().collect();
    for three in signs.windows(3) {
        if let ['\\', '@' | '#' | '!' | '~', next] = three {
            assert!(!next.is_alphanumeric(), "{three:?} in {line:?}");
        }
    }
}

/// An element of a page, as it begins.
#[derive(Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// What a script or style holds; of others nothing.
    pub content: String,
}

impl Element {
    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A page, as its elements in order.
#[derive(Debug)]
pub struct Page {
    pub elements: Vec<Element>,
}

/// Reads a page by the rules of HTML as far as they are needed, and fails on what those rules would mend in silence: an
/// element that is not closed in order, an attribute without quotes, a sign that is not escaped.
pub fn html(text: &str) -> Page {
    const VOID: [&str; 3] = ["meta", "input", "br"];
    let mut rest = text.strip_prefix("<!doctype html>\n").expect("it begins as a page");
    let (mut elements, mut open) = (Vec::<Element>::new(), Vec::<String>::new());
    while let Some(at) = rest.find('<') {
        assert_text(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            let (name, after) = end.split_once('>').expect("a tag ends");
            assert_eq!(open.pop().as_deref(), Some(name), "elements end in order");
            rest = after;
            continue;
        }
        let length = rest.find(|symbol: char| !symbol.is_ascii_alphanumeric()).expect("a tag ends");
        let name = rest[..length].to_owned();
        assert!(!name.is_empty(), "no tag: {rest:.40?}");
        let (attributes, after, closed) = attributes(&rest[length..]);
        rest = after;
        let mut content = String::new();
        if matches!(name.as_str(), "script" | "style" | "title") {
            let end = format!("</{name}>");
            let at = rest.find(&end).expect("it ends");
            content = rest[..at].to_owned();
            if name != "title" {
                assert!(!content.contains("<!--"), "a script in a comment ends elsewhere");
            }
            rest = &rest[at + end.len()..];
        } else if !closed && !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        elements.push(Element { name, attributes, content });
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:.40?}");
    Page { elements }
}

/// The attributes of a tag, what follows it, and whether it closes itself.
fn attributes(text: &str) -> (Vec<(String, String)>, &str, bool) {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after, false);
        }
        if let Some(after) = rest.strip_prefix("/>") {
            return (found, after, true);
        }
        let length = rest.find(|symbol: char| !symbol.is_ascii_alphabetic() && symbol != '-').expect("a name ends");
        assert!(length > 0, "no attribute: {rest:.40?}");
        // Those of a picture have capitals.
        let name = rest[..length].to_owned();
        rest = &rest[length..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inside, after) = quoted.split_once('"').expect("a value ends");
            assert_text(inside);
            inside.clone_into(&mut value);
            rest = after;
        }
        found.push((name, value));
    }
}

/// Every `&` begins a reference that the writer makes.
fn assert_text(text: &str) {
    for (at, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"].iter().any(|known| text[at..].starts_with(known));
        assert!(known, "{:.40?}", &text[at..]);
    }
    assert!(!text.contains('>'), "{text:.80?}");
}
