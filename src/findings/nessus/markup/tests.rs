//! Elements, attributes and references one by one.

use super::*;

fn text_of(element: &str) -> Result<(String, u64)> {
    let mut cursor = Cursor::new(element);
    let Markup::Start { name, empty: false } = cursor.markup()? else { panic!("{element}") };
    let text = cursor.element_text(name)?.into_owned();
    let mut skipping = Cursor::new(element);
    skipping.markup()?;
    assert_eq!(skipping.skip_element(name), Ok(()), "{element}");
    assert_eq!(skipping.at, cursor.at, "{element}");
    Ok((text, cursor.replaced))
}

#[test]
fn text_is_what_the_document_means() {
    for (element, text, replaced) in [
        ("<a>plain</a>", "plain", 0),
        ("<a>plain</a >", "plain", 0),
        ("<a></a>", "", 0),
        ("<a>&lt;&gt;&amp;&quot;&apos;</a>", "<>&\"'", 0),
        ("<a>&#65;&#x42;&#x1F600;&#0000000067;</a>", "AB\u{1f600}C", 0),
        ("<a>one\r\ntwo\rthree\r</a>", "one\ntwo\nthree\n", 0),
        ("<a>&#13;&#10;</a>", "\r\n", 0),
        ("<a>x<![CDATA[<b>&amp;]] ]]>y</a>", "x<b>&amp;]] y", 0),
        ("<a>x<!-- & < --><?p & <?>y</a>", "xy", 0),
        ("<a>1<b c='&amp;'>2<d/>3</b>4</a>", "1234", 0),
        ("<a>bell\u{7} &#0;&#xd800;&#99999999;</a>", "bell\u{fffd} \u{fffd}\u{fffd}\u{fffd}", 4),
        ("<a><![CDATA[\u{1b}[31m\r\n]]></a>", "\u{fffd}[31m\n", 1),
        ("<grüße>ß</grüße>", "ß", 0),
    ] {
        assert_eq!(text_of(element), Ok((text.to_owned(), replaced)), "{element}");
    }
}

#[test]
fn a_text_takes_no_more_room_than_it_has_bytes() {
    for length in [10, 200_000] {
        for written in [format!("<a>&amp;{}</a>", "x".repeat(length)), format!("<a>{}\r</a>", "x".repeat(length))] {
            let mut cursor = Cursor::new(&written);
            cursor.markup().unwrap();
            let Cow::Owned(text) = cursor.element_text("a").unwrap() else { panic!("{length}") };
            assert!(text.capacity() <= written.len(), "{} for {length}", text.capacity());
        }
    }
}

#[test]
fn what_is_not_xml_is_named() {
    for (element, what) in [
        ("<a>&nbsp;</a>", "an unknown entity `&nbsp;`"),
        ("<a>R&D</a>", "an `&` that begins no reference"),
        ("<a>& ;</a>", "an `&` that begins no reference"),
        ("<a>&;</a>", "an `&` that begins no reference"),
        ("<a>&#x;</a>", "a broken character reference"),
        ("<a>&#1a;</a>", "a broken character reference"),
        ("<a>&#+1;</a>", "a broken character reference"),
        ("<a>1 < 2</a>", "a `<` that begins no tag"),
        ("<a>x</b>", "`</b>` where `a` is open"),
        ("<a><b>x</a></b>", "`</a>` where `b` is open"),
        ("<a><!ENTITY x 'y'></a>", "a declaration where none may stand"),
        ("<a>x</a b>", "an end tag that is not closed"),
    ] {
        let mut cursor = Cursor::new(element);
        cursor.markup().unwrap();
        let read = cursor.element_text("a").map(|_| ());
        let mut skipping = Cursor::new(element);
        skipping.markup().unwrap();
        assert_eq!(read.clone().unwrap_err().what.as_deref(), Some(what), "{element}");
        assert_eq!(skipping.skip_element("a"), read, "{element}");
    }
}

#[test]
fn every_shorter_text_is_cut_and_nothing_else() {
    let element = "<a k=\"v\" l='&lt;'>x<![CDATA[y]]>&amp;<!-- z --><?p q?><b c='d'>e</b><f/></a>";
    for length in 0..element.len() {
        let mut cursor = Cursor::new(&element[..length]);
        let read = cursor.until_markup().and_then(|_| cursor.markup()).and_then(|_| cursor.element_text("a"));
        let problem = read.map(|_| ()).unwrap_err();
        let in_reference = problem.what.as_deref() == Some("an `&` that begins no reference");
        let in_attribute = problem.what.as_deref().is_some_and(|what| what.starts_with("a broken"));
        assert!(problem.what.is_none() || in_reference || in_attribute, "{length}: {problem:?}");
    }
}

#[test]
fn attributes_are_quoted_unique_and_normalised() {
    let mut cursor = Cursor::new("<a b = 'x\"y' c=\"&#10;\n\ttab\" d=''/>");
    assert_eq!(cursor.markup(), Ok(Markup::Start { name: "a", empty: true }));
    let mut seen = Vec::new();
    cursor.each_attribute(|name, value| seen.push(format!("{name}={value}"))).unwrap();
    assert_eq!(seen, ["b=x\"y", "c=\n  tab", "d="]);
    for (tag, what) in [
        ("<a b=c>", "a broken attribute of `a`"),
        ("<a b>", "a broken attribute of `a`"),
        ("<a b='<'>", "a broken attribute of `a`"),
        ("<a b='1' b='2'>", "attribute `b` twice in `a`"),
        ("<a b='1'c='2'>", "a broken tag `a`"),
        ("<a/ >", "a broken tag `a`"),
        ("<a =''>", "a broken attribute of `a`"),
    ] {
        assert_eq!(Cursor::new(tag).markup().unwrap_err().what.as_deref(), Some(what), "{tag}");
    }
    let many: String = (0..65).map(|number| format!(" a{number}=''")).collect();
    let problem = Cursor::new(&format!("<a{many}>")).markup().unwrap_err();
    assert_eq!(problem.what.as_deref(), Some("more than 64 attributes in `a`"));
}

#[test]
fn depth_is_bounded() {
    let deep = |depth: usize| format!("<a>{}{}</a>", "<b>".repeat(depth), "</b>".repeat(depth));
    assert_eq!(text_of(&deep(DEEPEST)), Ok((String::new(), 0)));
    assert!(text_of(&deep(DEEPEST + 1)).unwrap_err().what.unwrap().contains("nested"));
}
