//! Parts of a list: how they are asked for, and what an answer says about the part that it is.

use reqwest::header::{CONTENT_RANGE, HeaderMap, HeaderValue};

/// The `Range` of that many rows, from `first` on.
pub fn ask(first: usize, count: usize) -> HeaderValue {
    let range = format!("items={first}-{}", first + count.max(1) - 1);
    HeaderValue::from_str(&range).unwrap_or(HeaderValue::from_static("items=0-"))
}

/// What `Content-Range` says: `items 0-11/12`, past the end `items */12`, and `*` for what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where the part begins.
    pub first: Option<usize>,
    /// How many rows there are in all.
    pub total: Option<usize>,
}

impl Extent {
    /// Reads the header; `None` where it is missing or says nothing.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let (part, total) = text.rsplit_once('/').unwrap_or((text, ""));
        let part = part.trim().trim_start_matches("items").trim_start_matches([' ', '=', ':']);
        let first = part.split_once('-').and_then(|(first, _)| first.trim().parse().ok());
        let total = total.trim().parse().ok();
        (first.is_some() || total.is_some() || part == "*").then_some(Self { first, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_about_its_place() {
        let extent = |first, total| Some(Extent { first, total });
        for (text, expected) in [
            ("items 0-11/12", extent(Some(0), Some(12))),
            ("items 200-249/250", extent(Some(200), Some(250))),
            ("items=50-99/1234", extent(Some(50), Some(1234))),
            (" items 0 - 11 / 12 ", extent(Some(0), Some(12))),
            ("items */3", extent(None, Some(3))),
            ("items 0-49/*", extent(Some(0), None)),
            ("items */*", extent(None, None)),
            ("0-49/50", extent(Some(0), Some(50))),
            ("items 0-49", extent(Some(0), None)),
            ("items 0-49/99999999999999999999999", extent(Some(0), None)),
            ("x", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, text.parse().unwrap());
            assert_eq!(Extent::of(&headers), expected, "{text}");
        }
        assert_eq!(Extent::of(&HeaderMap::new()), None);
    }

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        assert_eq!(ask(0, 50), "items=0-49");
        assert_eq!(ask(200, 200), "items=200-399");
        assert_eq!(ask(7, 0), "items=7-7");
    }
}
