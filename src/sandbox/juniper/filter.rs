//! The language of the `filter` parameter.
//!
//! `and`, `or`, `not`, parentheses, `= != < > <= >=`, `in (…)`, `between a and b`, `is null`; strings in double
//! quotes, members of objects as `parent(member)`, key words in any case.

use serde_json::Value;
use std::cmp::Ordering;

/// A parsed filter.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    /// Every one.
    And(Vec<Filter>),
    /// At least one.
    Or(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// A field against a value.
    Compare(Path, Comparison, Value),
    /// A field is one of these.
    In(Path, Vec<Value>),
    /// A field lies between these, both included.
    Between(Path, Value, Value),
    /// A field is absent or null.
    IsNull(Path),
}

type Path = Vec<String>;

/// A comparing operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
    Comparison(Comparison),
}

impl Filter {
    /// Parses a filter whose fields all satisfy `known`.
    pub(super) fn parse(text: &str, known: &dyn Fn(&[String]) -> bool) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, known };
        let filter = parser.either()?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("unexpected {token:?} after the end")),
        }
    }

    /// Whether an object satisfies the filter.
    pub(super) fn matches(&self, item: &Value) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.matches(item)),
            Self::Or(any) => any.iter().any(|one| one.matches(item)),
            Self::Not(inner) => !inner.matches(item),
            Self::Compare(path, comparison, value) => {
                at(item, path).iter().any(|found| comparison.holds(compare(found, value)))
            }
            Self::In(path, values) => at(item, path)
                .iter()
                .any(|found| values.iter().any(|value| compare(found, value) == Some(Ordering::Equal))),
            Self::Between(path, low, high) => at(item, path).iter().any(|found| {
                Comparison::GreaterOrEqual.holds(compare(found, low))
                    && Comparison::LessOrEqual.holds(compare(found, high))
            }),
            Self::IsNull(path) => at(item, path).iter().all(|found| found.is_null()),
        }
    }
}

impl Comparison {
    fn holds(self, ordering: Option<Ordering>) -> bool {
        match (self, ordering) {
            (Self::NotEqual, found) => found != Some(Ordering::Equal),
            (_, None) => false,
            (Self::Equal, Some(found)) => found.is_eq(),
            (Self::Less, Some(found)) => found.is_lt(),
            (Self::LessOrEqual, Some(found)) => found.is_le(),
            (Self::Greater, Some(found)) => found.is_gt(),
            (Self::GreaterOrEqual, Some(found)) => found.is_ge(),
        }
    }
}

/// The values at a path. A list stands for each of its members.
fn at<'a>(item: &'a Value, path: &[String]) -> Vec<&'a Value> {
    match (item, path.split_first()) {
        (Value::Array(items), _) => items.iter().flat_map(|item| at(item, path)).collect(),
        (_, None) => vec![item],
        (_, Some((name, rest))) => item.get(name).map(|below| at(below, rest)).unwrap_or_default(),
    }
}

fn compare(found: &Value, value: &Value) -> Option<Ordering> {
    match (found, value) {
        (Value::Number(_), Value::Number(_)) => found.as_f64()?.partial_cmp(&value.as_f64()?),
        (Value::String(found), Value::String(value)) => Some(found.as_str().cmp(value.as_str())),
        (Value::Bool(found), Value::Bool(value)) => Some(found.cmp(value)),
        _ => None,
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let next = rest.chars().nth(1);
        let (token, length) = match (first, next) {
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            (',', _) => (Token::Comma, 1),
            ('!', Some('=')) => (Token::Comparison(Comparison::NotEqual), 2),
            ('<', Some('=')) => (Token::Comparison(Comparison::LessOrEqual), 2),
            ('>', Some('=')) => (Token::Comparison(Comparison::GreaterOrEqual), 2),
            ('=', _) => (Token::Comparison(Comparison::Equal), 1),
            ('<', _) => (Token::Comparison(Comparison::Less), 1),
            ('>', _) => (Token::Comparison(Comparison::Greater), 1),
            ('"', _) => quoted(rest)?,
            _ => {
                let end = rest.find(|character: char| character.is_whitespace() || "(),=!<>\"".contains(character));
                let end = end.unwrap_or(rest.len());
                if end == 0 {
                    return Err(format!("unexpected character {first:?}"));
                }
                (Token::Word(rest[..end].to_owned()), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A string in double quotes, with `\` before a quote that belongs to it, and its length in the text.
fn quoted(text: &str) -> Result<(Token, usize), String> {
    let mut inner = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((Token::Text(inner), at + 1)),
            '\\' => inner.extend(characters.next().map(|(_, escaped)| escaped)),
            other => inner.push(other),
        }
    }
    Err("a string is not closed".to_owned())
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    known: &'a dyn Fn(&[String]) -> bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        match self.next() {
            Some(found) if found == *token => Ok(()),
            found => Err(format!("expected {token:?}, found {found:?}")),
        }
    }

    fn either(&mut self) -> Result<Filter, String> {
        let mut any = vec![self.both()?];
        while self.keyword("or") {
            any.push(self.both()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.unary()?];
        while self.keyword("and") {
            all.push(self.unary()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn unary(&mut self) -> Result<Filter, String> {
        if self.keyword("not") {
            return Ok(Filter::Not(Box::new(self.unary()?)));
        }
        if self.peek() == Some(&Token::Open) {
            self.at += 1;
            let inner = self.either()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Filter, String> {
        let path = self.path()?;
        if !(self.known)(&path) {
            return Err(format!("there is no field {}", path.join(".")));
        }
        if let Some(Token::Comparison(comparison)) = self.peek() {
            let comparison = *comparison;
            self.at += 1;
            return Ok(Filter::Compare(path, comparison, self.value()?));
        }
        if self.keyword("is") {
            let negated = self.keyword("not");
            if !self.keyword("null") {
                return Err("expected null after is".to_owned());
            }
            let filter = Filter::IsNull(path);
            return Ok(if negated { Filter::Not(Box::new(filter)) } else { filter });
        }
        let negated = self.keyword("not");
        let filter = if self.keyword("between") {
            let low = self.value()?;
            if !self.keyword("and") {
                return Err("expected and within between".to_owned());
            }
            Filter::Between(path, low, self.value()?)
        } else if self.keyword("in") {
            Filter::In(path, self.values()?)
        } else {
            return Err(format!("expected an operator after {}", path.join(".")));
        };
        Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
    }

    /// `name`, or `parent(member)`. A list after `in` cannot be mistaken for it, `in` stands between.
    fn path(&mut self) -> Result<Path, String> {
        let Some(Token::Word(name)) = self.next() else { return Err("expected the name of a field".to_owned()) };
        let mut path = vec![name];
        if self.peek() == Some(&Token::Open) {
            self.at += 1;
            path.extend(self.path()?);
            self.expect(&Token::Close)?;
        }
        Ok(path)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Value::String(text)),
            Some(Token::Word(word)) => Ok(match serde_json::from_str(&word) {
                Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
                _ => Value::String(word),
            }),
            found => Err(format!("expected a value, found {found:?}")),
        }
    }

    fn values(&mut self) -> Result<Vec<Value>, String> {
        self.expect(&Token::Open)?;
        let mut values = vec![self.value()?];
        while self.peek() == Some(&Token::Comma) {
            self.at += 1;
            values.push(self.value()?);
        }
        self.expect(&Token::Close)?;
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(text: &str) -> bool {
        let item = json!({
            "id": 7, "name": "High \"risk\"", "score": 9.8, "on": true, "ports": [22, 443],
            "severity": {"code": 5, "name": "Critical"}, "gone": null,
        });
        Filter::parse(text, &|path| path.first().is_some_and(|name| name != "nope")).unwrap().matches(&item)
    }

    #[test]
    fn each_operator_decides() {
        for text in [
            "id=7",
            "id != 8",
            "score>9.5 and score<=9.8",
            "id in (1, 7)",
            "id IN (7)",
            "id not in (1,2)",
            "score BETWEEN 9 AND 10",
            "name = \"High \\\"risk\\\"\"",
            "severity(name)=Critical",
            "severity(code) >= 5",
            "ports = 443",
            "gone is null and missing IS NULL",
            "id is not null",
            "on=true",
            "not id=8",
            "id=8 or id=7 and score>1",
            "(id=8 or id=7) and (score>1)",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            "id=8",
            "id=\"7\"",
            "id!=7",
            "score<9",
            "id in (1,2)",
            "id not in (7)",
            "score between 1 and 2",
            "severity(name)=High",
            "ports=80",
            "id is null",
            "not (id=7 or id=9)",
            "(id=7 or id=8) and score<1",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in [
            "",
            "id",
            "id=",
            "=7",
            "id=7 id=8",
            "id in ()",
            "id in (1",
            "(id=7",
            "name=\"open",
            "id between 1",
            "nope=1",
        ] {
            assert!(Filter::parse(text, &|path| path != ["nope"]).is_err(), "{text}");
        }
    }
}
