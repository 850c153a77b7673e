//! The name of the report in a `.nessus` file, by which its import is told from another one's. Not for results: those
//! are read by the crate's own decoder.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use memchr::{memchr, memmem};

/// How far into a file the report may begin: the policy of the scan comes first.
const FURTHEST: u64 = 64 << 20;

/// The name of the report in a file; none where it is no such file, or nothing that can be relied on.
pub(super) fn name(file: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(file).ok()?.take(FURTHEST).read_to_end(&mut head).ok()?;
    named(&head)
}

/// The attribute `name` of the first element `Report`, outside of comments and quoted text.
fn named(document: &[u8]) -> Option<String> {
    let mut rest = document;
    memmem::find(rest, b"<NessusClientData_v2")?;
    loop {
        rest = rest.get(memchr(b'<', rest)?..)?;
        let passed = [(&b"<!--"[..], &b"-->"[..]), (b"<![CDATA[", b"]]>")];
        if let Some((open, close)) = passed.into_iter().find(|(open, _)| rest.starts_with(open)) {
            rest = rest.get(open.len()..)?;
            rest = rest.get(memmem::find(rest, close)?..)?;
            continue;
        }
        let Some(inside) = rest.strip_prefix(b"<Report").filter(|inside| inside.first().is_some_and(is_space)) else {
            rest = rest.get(1..)?;
            continue;
        };
        return attribute(inside, b"name");
    }
}

/// A value out of what follows a tag's name.
fn attribute(mut rest: &[u8], wanted: &[u8]) -> Option<String> {
    loop {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b'=' || *byte == b'>' || is_space(byte))?;
        let (name, after) = rest.split_at_checked(end)?;
        let after = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let (quote, after) = after.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
        let (value, left) = after.split_at_checked(memchr(*quote, after)?)?;
        if name == wanted {
            let text = unescaped(std::str::from_utf8(value).ok()?)?;
            return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        rest = left.get(1..)?;
    }
}

fn is_space(byte: &u8) -> bool {
    byte.is_ascii_whitespace()
}

/// What the references in a text mean; none for one that XML does not have of itself.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    let mut parts = text.split('&');
    let first = parts.next()?;
    let mut whole = Cow::Borrowed(first);
    for part in parts {
        let (reference, after) = part.split_once(';')?;
        let sign = match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = reference.strip_prefix('#')?;
                let number = match digits.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => digits.parse(),
                };
                char::from_u32(number.ok()?)?
            }
        };
        whole.to_mut().push(sign);
        whole.to_mut().push_str(after);
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_report_is_read_by_its_name_or_not_at_all() {
        for (inside, name) in [
            (r#"<Report name="DMZ">"#, Some("DMZ")),
            (
                r#"<Policy><x>a</x></Policy><Report xmlns:cm="http://x" name = 'A "b" &amp; &#x43;&#68;'/>"#,
                Some("A \"b\" & CD"),
            ),
            (r#"<!-- <Report name="no"> --><x><![CDATA[<Report name="no">]]></x><Report name="yes">"#, Some("yes")),
            (r#"<ReportHost name="no"/><Report name="yes">"#, Some("yes")),
            (r#"<Report name="">"#, None),
            (r#"<Report name="&own;">"#, None),
            (r#"<Report><ReportHost name="no">"#, None),
            (r#"<Report other="x"><ReportHost name="no">"#, None),
            (r#"<Report name="cut"#, None),
            ("<Policy>", None),
        ] {
            let document = format!("<?xml version=\"1.0\" ?>\n<NessusClientData_v2>\n{inside}");
            assert_eq!(named(document.as_bytes()).as_deref(), name, "{inside}");
        }
        assert_eq!(named(b"<Report name=\"DMZ\">"), None);
        assert_eq!(named(b"<NessusClientData_v2><Report name=\"\xff\">"), None);
    }
}
