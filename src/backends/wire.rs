//! Reading what vendors send: numbers as text, text as numbers, absent, null, -1 for "not known".

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A scalar whose JSON type cannot be relied on. Null and absence are the same; an object or array is read as null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loose(Option<String>);

impl Loose {
    /// The text, if there is one that is not empty.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The text as an owned value.
    pub fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// A whole number; blanks around it and a fraction of zero are accepted.
    pub fn number(&self) -> Option<i64> {
        let text = self.text()?.trim();
        text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
            let whole = number as i64;
            (number.fract() == 0.0 && number.abs() < 9e15).then_some(whole)
        })
    }

    /// A count: a whole number of at least 0, since vendors write -1 for "not known".
    pub fn count(&self) -> Option<u64> {
        self.number().and_then(|number| u64::try_from(number).ok())
    }

    /// A percentage; what is out of range is not one.
    pub fn percent(&self) -> Option<u8> {
        self.number().and_then(|number| u8::try_from(number).ok()).filter(|percent| *percent <= 100)
    }

    /// true or false, as a boolean, as text, or as 1 and 0.
    pub fn flag(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// A time in seconds since the epoch; 0 and less mean that there is none.
    pub fn seconds(&self) -> Option<Timestamp> {
        self.number().filter(|number| *number > 0).and_then(|number| Timestamp::from_second(number).ok())
    }

    /// A time in milliseconds since the epoch; 0 and less mean that there is none.
    pub fn milliseconds(&self) -> Option<Timestamp> {
        self.number().filter(|number| *number > 0).and_then(|number| Timestamp::from_millisecond(number).ok())
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, number, boolean or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose(Some(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Loose, E> {
        Ok(Loose(Some(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Loose, E> {
        Ok(Loose(Some(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Loose, E> {
        Ok(Loose(Some(number.to_string())))
    }

    fn visit_bool<E>(self, on: bool) -> Result<Loose, E> {
        Ok(Loose(Some(on.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose(None))
    }

    fn visit_none<E>(self) -> Result<Loose, E> {
        Ok(Loose(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose, D::Error> {
        Loose::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Loose, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }
}

/// Reads null as the empty value of a type, for lists that vendors send as null.
///
/// # Errors
/// When the value is neither null nor of the type.
pub fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The beginning of an error page or plain text, for people: no markup, one line, cut.
pub fn plain_text(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let text = text.trim();
    let text = if text.starts_with('<') {
        let lower = text.to_ascii_lowercase();
        let start = lower.find("<title>")? + "<title>".len();
        let end = start + lower.get(start..)?.find("</title>")?;
        text.get(start..end)?.trim()
    } else {
        text
    };
    let mut short: String = text.chars().take(LONGEST).collect();
    if text.chars().count() > LONGEST {
        short.push('…');
    }
    (!short.is_empty()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::{Loose, plain_text};

    fn read(json: &str) -> Loose {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn scalars_are_read_whatever_their_type() {
        assert_eq!(read("\"8\"").number(), Some(8));
        assert_eq!(read("8").owned().as_deref(), Some("8"));
        assert_eq!(read("7.0").number(), Some(7));
        assert_eq!(read("\"-1 \"").number(), Some(-1));
        assert_eq!(read("-1").count(), None);
        assert_eq!(read("209686528000").count(), Some(209_686_528_000));
        assert_eq!(read("\"false\"").flag(), Some(false));
        assert_eq!(read("1").flag(), Some(true));
        for nothing in ["null", "\"\"", "[]", "{\"a\":1}"] {
            assert_eq!(read(nothing).text(), None, "{nothing}");
        }
        assert_eq!(read("\"-1\"").seconds(), None);
        assert_eq!(read("\"1574350777\"").seconds().unwrap().to_string(), "2019-11-21T15:39:37Z");
    }

    #[test]
    fn error_pages_give_their_title() {
        assert_eq!(plain_text(b"<html><head><TITLE>429 Too Many</TITLE>").as_deref(), Some("429 Too Many"));
        assert_eq!(plain_text(b"<html></html>"), None);
        assert_eq!(plain_text(b" blacklisted. \n").as_deref(), Some("blacklisted."));
        assert_eq!(plain_text(b""), None);
    }
}
