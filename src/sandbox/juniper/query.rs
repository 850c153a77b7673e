//! What every list shares: the `Range` header, the `filter` and the `fields` parameter.

use super::filter::Filter;
use super::reply::{self, code, error};
use crate::sandbox::{Reply, Request};
use serde_json::{Map, Value};

/// Which of the three a list takes. What it does not take is ignored, as for any unknown parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// `Range` and `fields`.
    RangeAndFields,
    /// `Range`, `filter` and `fields`.
    All,
}

/// Answers a list of objects whose fields are those of `known`.
pub(super) fn list(request: &Request, items: Vec<Value>, known: &str, takes: Takes) -> Result<Reply, Reply> {
    let selection = Selection::of(request, known)?;
    let range = request.header("range").map(Range::parse).transpose()?;
    let mut items = items;
    if takes == Takes::All
        && let Some(text) = request.parameter("filter")
    {
        let filter = Filter::parse(text, &|path: &[String]| Selection::parse(known).reaches(path))
            .map_err(|problem| error(422, code::BAD_FILTER, &format!("The filter cannot be used: {problem}")))?;
        items.retain(|item| filter.matches(item));
    }
    let total = items.len();
    let content_range = range.map(|range| range.cut(&mut items, total));
    let items = items.iter().map(|item| selection.project(item)).collect();
    let mut reply = reply::json(200, &Value::Array(items));
    reply.headers.extend(content_range.map(|text| ("Content-Range", text)));
    Ok(reply)
}

/// Answers one object, cut down to the wanted `fields`.
pub(super) fn one(request: &Request, status: u16, item: &Value, known: &str) -> Result<Reply, Reply> {
    Ok(reply::json(status, &Selection::of(request, known)?.project(item)))
}

/// `items=first-last`, zero-based, both ends inclusive.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: usize,
    last: usize,
}

impl Range {
    fn parse(header: &str) -> Result<Self, Reply> {
        let range =
            header.trim().strip_prefix("items=").and_then(|ends| ends.split_once('-')).and_then(|(first, last)| {
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                (first <= last).then_some(Self { first, last })
            });
        range.ok_or_else(|| {
            let message = format!("The Range header \"{header}\" is not valid. It has the form items=x-y with x <= y.");
            error(422, code::BAD_RANGE, &message)
        })
    }

    /// Keeps the window and tells it as `Content-Range` does. The status stays 200; past the end the list is empty.
    fn cut(self, items: &mut Vec<Value>, total: usize) -> String {
        if self.first >= total {
            items.clear();
            return format!("items */{total}");
        }
        let last = self.last.min(total - 1);
        items.truncate(last + 1);
        items.drain(..self.first);
        format!("items {}-{last}/{total}", self.first)
    }
}

/// A choice of fields: `name,parent(child,child)`.
#[derive(Debug, Default)]
struct Selection(Vec<(String, Option<Selection>)>);

impl Selection {
    /// The selection of a request, checked against the fields there are. Without one everything is selected.
    fn of(request: &Request, known: &str) -> Result<Self, Reply> {
        let Some(text) = request.parameter("fields").filter(|text| !text.trim().is_empty()) else {
            return Ok(Self::default());
        };
        let wanted = Self::parse(text);
        match wanted.stranger(&Self::parse(known)) {
            None => Ok(wanted),
            Some(name) => {
                let message =
                    format!("Specified field \"{name}\" is not recognized by this endpoint for \"application/json\".");
                Err(error(422, code::UNKNOWN_FIELD, &message))
            }
        }
    }

    fn parse(text: &str) -> Self {
        let mut fields = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find([',', '(']).unwrap_or(rest.len());
            let name = rest[..end].trim().to_owned();
            rest = &rest[end..];
            let mut children = None;
            if rest.starts_with('(') {
                let close = closing(rest);
                children = Some(Self::parse(&rest[1..close]));
                rest = rest.get(close + 1..).unwrap_or_default();
            }
            if !name.is_empty() {
                fields.push((name, children));
            }
            rest = rest.trim_start_matches([',', ' ']);
        }
        Self(fields)
    }

    fn child(&self, name: &str) -> Option<&Option<Self>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, children)| children)
    }

    /// The first name that `known` does not have.
    fn stranger(&self, known: &Self) -> Option<&str> {
        self.0.iter().find_map(|(name, children)| match (known.child(name), children) {
            (None, _) | (Some(None), Some(_)) => Some(name.as_str()),
            (Some(_), None) => None,
            (Some(Some(below)), Some(children)) => children.stranger(below),
        })
    }

    fn reaches(&self, path: &[String]) -> bool {
        match path.split_first() {
            None => false,
            Some((name, rest)) => match self.child(name) {
                None => false,
                Some(children) => rest.is_empty() || children.as_ref().is_some_and(|below| below.reaches(rest)),
            },
        }
    }

    fn project(&self, item: &Value) -> Value {
        match item {
            _ if self.0.is_empty() => item.clone(),
            Value::Array(items) => items.iter().map(|item| self.project(item)).collect(),
            Value::Object(members) => {
                let kept: Map<String, Value> = members
                    .iter()
                    .filter_map(|(name, value)| {
                        let children = self.child(name)?;
                        let value = children.as_ref().map_or_else(|| value.clone(), |below| below.project(value));
                        Some((name.clone(), value))
                    })
                    .collect();
                Value::Object(kept)
            }
            other => other.clone(),
        }
    }
}

/// Where the parenthesis that opens `text` is closed, or the end of the text.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 1 => return at,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KNOWN: &str = "id,name,owner(id,name(first,last))";

    fn request(query: &[(&str, &str)], range: Option<&str>) -> Request {
        Request {
            method: "GET".to_owned(),
            path: Vec::new(),
            query: query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            headers: range.map(|range| ("range".to_owned(), range.to_owned())).into_iter().collect(),
            body: Vec::new(),
        }
    }

    fn items() -> Vec<Value> {
        (0..5)
            .map(|id| json!({"id": id, "name": format!("n{id}"), "owner": {"id": 9, "name": {"first": "a", "last": "b"}}}))
            .collect()
    }

    fn ask(query: &[(&str, &str)], range: Option<&str>) -> (u16, Option<String>, Value) {
        let reply = list(&request(query, range), items(), KNOWN, Takes::All).unwrap_or_else(|refusal| refusal);
        let header = reply.headers.iter().find(|(name, _)| *name == "Content-Range").map(|(_, value)| value.clone());
        (reply.status, header, serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn a_range_is_answered_with_200_and_its_window() {
        let (status, header, body) = ask(&[], Some("items=1-2"));
        assert_eq!((status, header.as_deref()), (200, Some("items 1-2/5")));
        assert_eq!(body.as_array().map(Vec::len), Some(2));
        assert_eq!(ask(&[], Some("items=3-99")).1.as_deref(), Some("items 3-4/5"));
    }

    #[test]
    fn past_the_end_is_an_empty_success() {
        assert_eq!(ask(&[], Some("items=5-9")), (200, Some("items */5".to_owned()), json!([])));
    }

    #[test]
    fn no_range_is_the_whole_list_and_no_header() {
        let (_, header, body) = ask(&[], None);
        assert_eq!((header, body.as_array().map(Vec::len)), (None, Some(5)));
    }

    #[test]
    fn a_malformed_range_says_its_form() {
        for range in ["0-49", "items=9-1", "items=a-b", "items=-1-3", "bytes=0-1"] {
            let (status, _, body) = ask(&[], Some(range));
            assert_eq!(status, 422, "{range}");
            assert!(body["message"].as_str().unwrap().contains("items=x-y"), "{range}");
        }
    }

    #[test]
    fn a_filter_counts_before_the_range() {
        let (_, header, body) = ask(&[("filter", "id in (1,3,4)"), ("fields", "name")], Some("items=0-1"));
        assert_eq!(header.as_deref(), Some("items 0-1/3"));
        assert_eq!(body, json!([{"name": "n1"}, {"name": "n3"}]));
    }

    #[test]
    fn fields_reach_into_objects() {
        let (_, _, body) = ask(&[("fields", "id,owner(name(last))"), ("filter", "id=2")], None);
        assert_eq!(body, json!([{"id": 2, "owner": {"name": {"last": "b"}}}]));
    }

    #[test]
    fn an_unknown_field_is_refused_at_any_depth() {
        for fields in ["nope", "id,nope", "owner(nope)", "owner(name(nope))", "id(nope)"] {
            let (status, _, body) = ask(&[("fields", fields)], None);
            assert_eq!((status, &body["code"]), (422, &json!(30)), "{fields}");
        }
    }

    #[test]
    fn an_unknown_field_in_a_filter_is_refused() {
        assert_eq!(ask(&[("filter", "nope=1")], None).0, 422);
        assert_eq!(ask(&[("filter", "owner(name(last))=\"b\"")], None).0, 200);
    }
}
