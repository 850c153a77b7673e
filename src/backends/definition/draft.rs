//! What was written, checked against its form: a file, and flags over it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::{Form, Key, Kind};
use crate::config::settings::duration;
use crate::error::{Error, Result, nearest};
use crate::exit::Exit;

/// The key of a name, on every form that has one. Blanks around a name are nothing that a user means.
const NAME: &str = "name";

/// A checked value. Ids and words are texts, spans of time are seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, an id or a word.
    Text(String),
    /// A number, or a span of time in seconds.
    Number(i64),
    /// true or false.
    Flag(bool),
    /// A list.
    List(Vec<String>),
}

impl Value {
    /// The value as JSON.
    pub fn json(&self) -> Json {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(on) => (*on).into(),
            Self::List(list) => list.as_slice().into(),
        }
    }
}

/// A value from the command line.
#[derive(Debug, Clone)]
pub struct Given {
    /// As it was typed, for errors: `--name`.
    pub origin: &'static str,
    /// The key.
    pub key: String,
    /// The value.
    pub text: String,
}

impl Given {
    /// `KEY=VALUE`, as after `--set`.
    ///
    /// # Errors
    /// Exit 2 without an equals sign.
    pub fn set(text: &str) -> Result<Self> {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Error::usage(format!("`--set {text}`: what is the value?")).hint("it is `--set KEY=VALUE`")
        })?;
        Ok(Self { origin: "--set", key: key.trim().to_owned(), text: value.to_owned() })
    }
}

/// What a draft is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new thing: whatever it needs must be there.
    New,
    /// Changing what there is: something must be there, and it must be changeable.
    Change,
}

/// What was written. Only the form's keys are in it, each with a value of its kind, in the form's order.
#[derive(Debug, Clone)]
pub struct Draft {
    form: &'static Form,
    values: BTreeMap<usize, Value>,
}

impl Draft {
    /// An empty draft.
    pub fn new(form: &'static Form) -> Self {
        Self { form, values: BTreeMap::new() }
    }

    /// Reads a file, and lays what was typed over it.
    ///
    /// # Errors
    /// Exit 2 for a file that cannot be read, an unknown key (with the nearest one) or a value of another kind; exit 7
    /// for a flag whose key this backend does not have.
    pub fn read(form: &'static Form, backend: &str, file: Option<&Path>, given: &[Given]) -> Result<Self> {
        let mut draft = Self::new(form);
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|problem| Error::usage(format!("cannot read {}: {problem}", path.display())))?;
            draft.take_file(&path.display().to_string(), &text)?;
        }
        let mut typed: BTreeMap<usize, &Given> = BTreeMap::new();
        for one in given {
            let (at, key) = draft.place(&one.key).ok_or_else(|| match one.origin {
                "--set" => draft.unknown("--set", &one.key),
                flag => Error::new(Exit::Unsupported, format!("backend `{backend}` has nothing for `{flag}` to set"))
                    .hint(format!("what can be set here: {}", form.names())),
            })?;
            if let Some(first) = typed.insert(at, one) {
                let names = if first.origin == one.origin {
                    format!("`{}` is", one.key)
                } else {
                    format!("`{}` and `{} {}` are", first.origin, one.origin, one.key)
                };
                return Err(Error::usage(format!("{names} given twice")));
            }
            let what = if one.origin == "--set" { format!("--set {}", key.name) } else { one.origin.to_owned() };
            let value = of_text(key.kind, &one.text).ok_or_else(|| wrong(&what, key, &quoted(&one.text)))?;
            draft.values.insert(at, value);
        }
        if let Some((at, _)) = draft.place(NAME)
            && let Some(Value::Text(name)) = draft.values.get_mut(&at)
        {
            *name = name.trim().to_owned();
        }
        Ok(draft)
    }

    /// Whether it is enough for its purpose.
    ///
    /// # Errors
    /// Exit 2 for what is missing, naming all of it, or would be emptied, and for a blank name; exit 7 for what cannot be changed.
    pub fn check(&self, purpose: Purpose, backend: &str) -> Result<()> {
        match purpose {
            Purpose::New => {
                let required = self.form.keys.iter().filter(|key| key.required && !self.is_filled(key.name));
                let mut missing: Vec<String> = required.map(|key| format!("`{}`", key.name)).collect();
                let groups = self.form.one_of.iter().filter(|group| !group.iter().any(|name| self.is_filled(name)));
                missing.extend(groups.map(|group| format!("one of `{}`", group.join("`, `"))));
                if missing.is_empty() {
                    return self.named();
                }
                Err(Error::usage(format!("missing: {}", missing.join(", "))))
            }
            Purpose::Change => {
                if self.values.is_empty() {
                    return Err(Error::usage("what is to be changed?")
                        .hint(format!("what can be changed here: {}", changeable(self.form))));
                }
                if let Some((key, _)) = self.iter().find(|(key, _)| key.fixed) {
                    let what = format!("backend `{backend}` cannot change `{}` of a scan", key.name);
                    return Err(Error::new(Exit::Unsupported, what)
                        .hint(format!("what can be changed here: {}", changeable(self.form))));
                }
                let emptied = self.iter().find(|(key, _)| key.required && !self.is_filled(key.name));
                emptied.map_or_else(
                    || self.named(),
                    |(key, _)| Err(Error::usage(format!("a scan cannot be left without `{}`", key.name)).hint(key.doc)),
                )
            }
        }
    }

    /// A name that is written must be one, also where none is needed.
    fn named(&self) -> Result<()> {
        match self.form.key(NAME) {
            Some(key) if self.has(NAME) && !self.is_filled(NAME) => {
                Err(Error::usage(format!("`{NAME}` is blank")).hint(key.doc))
            }
            _ => Ok(()),
        }
    }

    /// Whether a key was written.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether a key was written with something in it.
    fn is_filled(&self, name: &str) -> bool {
        match self.value(name) {
            None => false,
            Some(Value::Text(text)) => !text.trim().is_empty(),
            Some(Value::List(list)) => !list.is_empty(),
            Some(Value::Number(_) | Value::Flag(_)) => true,
        }
    }

    /// Of each group of which a scan needs something: the keys that were emptied, and those that were not written. Not
    /// where something of the group was filled, or nothing emptied.
    pub fn emptied(&self) -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
        let groups = self.form.one_of.iter().filter(|group| !group.iter().any(|name| self.is_filled(name)));
        let parted = groups.map(|group| group.iter().copied().partition(|name| self.has(name)));
        parted.filter(|(emptied, _): &(Vec<_>, Vec<_>)| !emptied.is_empty()).collect()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A value.
    pub fn value(&self, name: &str) -> Option<&Value> {
        let place = self.place(name);
        debug_assert!(place.is_some(), "the form has no `{name}`");
        self.values.get(&place?.0)
    }

    /// A text, id or word.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, or a span of time in seconds.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// true or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Flag(on) => Some(*on),
            _ => None,
        }
    }

    /// A list.
    pub fn list(&self, name: &str) -> Option<&[String]> {
        match self.value(name)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// Everything that was written, in the form's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Key, &Value)> {
        self.values.iter().filter_map(|(at, value)| Some((self.form.keys.get(*at)?, value)))
    }

    fn place(&self, name: &str) -> Option<(usize, &'static Key)> {
        let key = self.form.key(name)?;
        let at = self.form.keys.iter().position(|known| known.name == key.name)?;
        Some((at, key))
    }

    fn unknown(&self, place: &str, name: &str) -> Error {
        let error = Error::usage(format!("{place}: unknown key `{name}`"));
        let known = self.form.keys.iter().flat_map(|key| [key.name, key.vendor]).filter(|known| !known.is_empty());
        match nearest(name, known) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the keys here are {}", self.form.names())),
        }
    }

    /// Reads TOML or JSON, told apart by the first sign that is no blank.
    fn take_file(&mut self, place: &str, text: &str) -> Result<()> {
        let json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
        let content: Json = if json {
            serde_json::from_str(text.trim_start_matches('\u{feff}'))
                .map_err(|problem| Error::usage(format!("{place} is no JSON: {problem}")))?
        } else {
            let table: toml::Table = toml::from_str(text).map_err(|problem| {
                let line = problem.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
                let place = line.map_or_else(|| place.to_owned(), |line| format!("{place}:{line}"));
                Error::usage(format!("{place}: no TOML: {}", problem.message()))
            })?;
            of_toml(toml::Value::Table(table))
        };
        self.take_table(place, "", &content)
    }

    fn take_table(&mut self, place: &str, prefix: &str, content: &Json) -> Result<()> {
        let Json::Object(entries) = content else {
            return Err(Error::usage(format!("{place}: what is written must be a table of keys")));
        };
        for (name, value) in entries {
            let name = format!("{prefix}{name}");
            let inner = format!("{name}.");
            if value.is_object() && self.form.keys.iter().any(|key| key.name.starts_with(&inner)) {
                self.take_table(place, &inner, value)?;
                continue;
            }
            let (at, key) = self.place(&name).ok_or_else(|| self.unknown(place, &name))?;
            let read =
                of_json(key.kind, value).ok_or_else(|| wrong(&format!("{place}: `{name}`"), key, &said(value)))?;
            if self.values.insert(at, read).is_some() {
                return Err(Error::usage(format!("{place}: `{}` is there twice, also as `{}`", key.name, key.vendor)));
            }
        }
        Ok(())
    }
}

fn changeable(form: &Form) -> String {
    let names: Vec<&str> = form.keys.iter().filter(|key| !key.fixed).map(|key| key.name).collect();
    names.join(", ")
}

fn wrong(what: &str, key: &Key, found: &str) -> Error {
    Error::usage(format!("{what} must be {}, not {found}", key.kind.describe())).hint(key.doc)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A value for an error: itself where it is short.
fn said(value: &Json) -> String {
    match value {
        Json::Object(_) => "a table".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        value => value.to_string(),
    }
}

fn of_toml(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(on) => on.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(of_toml).collect(),
        toml::Value::Table(entries) => {
            Json::Object(entries.into_iter().map(|(name, value)| (name, of_toml(value))).collect())
        }
    }
}

/// A value of a file as one of a kind.
fn of_json(kind: Kind, value: &Json) -> Option<Value> {
    match (kind, value) {
        (Kind::Text, Json::String(text)) => Some(Value::Text(text.clone())),
        (Kind::List, Json::Array(items)) => {
            let items = items.iter().map(|item| match item {
                Json::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                item => whole(item).map(|number| number.to_string()),
            });
            Some(Value::List(items.collect::<Option<_>>()?))
        }
        (Kind::Flag, Json::Bool(on)) => Some(Value::Flag(*on)),
        (Kind::Id, number) if whole(number).is_some() => Some(Value::Text(whole(number)?.to_string())),
        (Kind::Number { .. } | Kind::Seconds { .. } | Kind::List, number) if whole(number).is_some() => {
            of_text(kind, &whole(number)?.to_string())
        }
        (Kind::Text | Kind::Number { .. }, _) => None,
        (kind, Json::String(text)) => of_text(kind, text),
        _ => None,
    }
}

fn whole(value: &Json) -> Option<i64> {
    value.as_i64()
}

/// A value of the command line as one of a kind.
fn of_text(kind: Kind, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    match kind {
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Id => (!trimmed.is_empty()).then(|| Value::Text(trimmed.to_owned())),
        Kind::Number { least, most } => {
            trimmed.parse().ok().filter(|number| (least..=most).contains(number)).map(Value::Number)
        }
        Kind::Flag => match trimmed {
            "true" => Some(Value::Flag(true)),
            "false" => Some(Value::Flag(false)),
            _ => None,
        },
        Kind::Word(words) => {
            words.iter().find(|word| word.eq_ignore_ascii_case(trimmed)).map(|word| Value::Text((*word).to_owned()))
        }
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::List(items.map(str::to_owned).collect()))
        }
        Kind::Seconds { least, most, words } => {
            if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(trimmed)) {
                return Some(Value::Text((*word).to_owned()));
            }
            let seconds = match trimmed.parse() {
                Ok(seconds) => seconds,
                Err(_no_number) => i64::try_from(duration(trimmed)?.as_secs()).ok()?,
            };
            (least..=most).contains(&seconds).then_some(Value::Number(seconds))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Draft, Given, Purpose, Value};
    use crate::backends::definition::{Form, Key, Kind};
    use crate::error::{Error, Result};
    use crate::exit::Exit;

    static FORM: Form = Form {
        about: &["About this."],
        keys: &[
            Key::new("name", Kind::Text, "\"Weekly DMZ\"", "The name.").required(),
            Key::new("targets", Kind::List, "[\"192.0.2.0/24\"]", "What to scan.").vendor("ipList"),
            Key::new("assets", Kind::List, "[4, 5]", "Asset lists.").default("none"),
            Key::new("repository", Kind::Id, "1", "Where results go.").required().fixed(),
            Key::new("age", Kind::Number { least: 0, most: 365 }, "30", "In days.").vendor("classifyMitigatedAge"),
            Key::new("tracking", Kind::Flag, "true", "By name.").vendor("dhcpTracking"),
            Key::new("on_timeout", Kind::Word(&["discard", "import"]), "\"import\"", "What to do.").default("import"),
            Key::new(
                "longest",
                Kind::Seconds { least: 3600, most: 7200, words: &["unlimited"] },
                "\"2h\"",
                "How long it may take.",
            ),
            Key::new("schedule.type", Kind::Word(&["ical", "never"]), "\"ical\"", "How it is started."),
            Key::new("schedule.repeat", Kind::Text, "\"FREQ=DAILY\"", "When."),
        ],
        one_of: &[&["targets", "assets"]],
    };

    fn draft(file: &str, given: &[(&'static str, &str, &str)]) -> Result<Draft> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("scan.file");
        std::fs::write(&path, file).unwrap();
        let given: Vec<Given> = given
            .iter()
            .map(|(origin, key, text)| Given { origin, key: (*key).to_owned(), text: (*text).to_owned() })
            .collect();
        Draft::read(&FORM, "acme", Some(&path), &given)
    }

    fn told(error: &Error) -> String {
        // The folder is another one each time.
        let message = error.message();
        let message =
            message.rsplit_once("scan.file").map_or(message.to_owned(), |(_, rest)| format!("scan.file{rest}"));
        format!("{} {message} | {}", error.exit().code(), error.hint_text().unwrap_or_default())
    }

    fn written(draft: &Draft) -> String {
        let values: Vec<String> = draft.iter().map(|(key, value)| format!("{}={}", key.name, value.json())).collect();
        values.join(" ")
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "name = 'Weekly'\ntargets = ['192.0.2.1', ' a.example ']\nassets = [4, '5']\nrepository = 1\nage = 30\n\
            tracking = true\non_timeout = 'IMPORT'\nlongest = '1h30m'\n[schedule]\ntype = 'ical'\nrepeat = 'FREQ=DAILY'\n";
        let json = r#" {"name": "Weekly", "targets": "192.0.2.1,a.example", "assets": [4, "5"], "repository": "1",
            "age": 30, "tracking": true, "on_timeout": "import", "longest": 5400,
            "schedule": {"type": "ical", "repeat": "FREQ=DAILY"}}"#;
        let expected = "name=\"Weekly\" targets=[\"192.0.2.1\",\"a.example\"] assets=[\"4\",\"5\"] repository=\"1\" age=30 \
            tracking=true on_timeout=\"import\" longest=5400 schedule.type=\"ical\" schedule.repeat=\"FREQ=DAILY\"";
        for file in [toml, json, &format!("\u{feff}{json}")] {
            let read = draft(file, &[]).unwrap();
            assert_eq!(written(&read), expected, "{file}");
            read.check(Purpose::New, "acme").unwrap();
        }
        let dotted = draft("schedule.type = 'never'\nipList = 'a'\nlongest = 'unlimited'", &[]).unwrap();
        assert_eq!(written(&dotted), "targets=[\"a\"] longest=\"unlimited\" schedule.type=\"never\"");
        assert_eq!((dotted.text("longest"), dotted.number("longest")), (Some("unlimited"), None));
    }

    #[test]
    fn what_was_typed_lies_over_the_file() {
        let read = draft(
            "name = 'From file'\nrepository = 1\n",
            &[("--name", "name", "Typed"), ("--set", "schedule.type", "ical"), ("--targets", "targets", "a, b,")],
        );
        let read = read.unwrap();
        assert_eq!(read.text("name"), Some("Typed"));
        for spaced in [draft("name = ' Spaced out\t'", &[]), draft("", &[("--name", "name", " Spaced out ")])] {
            assert_eq!(spaced.unwrap().text("name"), Some("Spaced out"));
        }
        assert_eq!(read.text("repository"), Some("1"));
        assert_eq!(read.list("targets"), Some(&["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(read.value("schedule.type"), Some(&Value::Text("ical".into())));
        assert_eq!(read.flag("tracking"), None);
    }

    #[test]
    fn unknown_keys_name_the_nearest_one() {
        for (file, given, expected) in [
            ("nam = 'x'", &[][..], "2 scan.file: unknown key `nam` | did you mean `name`?"),
            ("dhcpTrackin = true", &[], "2 scan.file: unknown key `dhcpTrackin` | did you mean `dhcpTracking`?"),
            ("[schedule]\ntyp = 'x'", &[], "2 scan.file: unknown key `schedule.typ` | did you mean `schedule.type`?"),
            (
                "qqq = 1",
                &[],
                "2 scan.file: unknown key `qqq` | the keys here are name, targets, assets, repository, age, tracking, \
                 on_timeout, longest, schedule.type, schedule.repeat",
            ),
            ("", &[("--set", "target", "x")], "2 --set: unknown key `target` | did you mean `targets`?"),
            (
                "",
                &[("--frequency", "frequency", "7")],
                "7 backend `acme` has nothing for `--frequency` to set | what can be set here: name, targets, assets, \
                 repository, age, tracking, on_timeout, longest, schedule.type, schedule.repeat",
            ),
        ] {
            let found = told(&draft(file, given).unwrap_err());
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn values_of_another_kind_are_refused_with_what_is_wanted() {
        for (file, expected) in [
            ("name = 7", "`name` must be a text, not 7 | The name."),
            ("targets = [['a']]", "`targets` must be a list of texts, not a list | What to scan."),
            ("targets = ['a', '']", "`targets` must be a list of texts, not a list | What to scan."),
            ("repository = true", "`repository` must be an id, not true | Where results go."),
            ("repository = ''", "`repository` must be an id, not \"\" | Where results go."),
            ("age = 366", "`age` must be a whole number from 0 to 365, not 366 | In days."),
            ("age = '30'", "`age` must be a whole number from 0 to 365, not \"30\" | In days."),
            ("age = 1.5", "`age` must be a whole number from 0 to 365, not 1.5 | In days."),
            ("tracking = 1", "`tracking` must be true or false, not 1 | By name."),
            ("on_timeout = 'stop'", "`on_timeout` must be one of discard, import, not \"stop\" | What to do."),
            (
                "longest = 60",
                "`longest` must be seconds from 3600 to 7200, or a text such as \"2h30m\", or \"unlimited\", not 60 | \
                 How long it may take.",
            ),
            ("schedule = 'ical'", "unknown key `schedule` | did you mean `schedule.type`?"),
            ("name = 'a'\nname = 'b'", "no TOML"),
            ("{\"name\": }", "is no JSON"),
            ("ipList = 'a'\ntargets = 'b'", "`targets` is there twice, also as `ipList` | "),
        ] {
            let found = told(&draft(file, &[]).unwrap_err());
            assert!(found.starts_with("2 scan.file") && found.contains(expected), "{file}: {found}");
        }
        for (given, expected) in [
            (("--set", "age", "x"), "2 --set age must be a whole number from 0 to 365, not \"x\" | In days."),
            (("--tracking", "tracking", "yes"), "2 --tracking must be true or false, not \"yes\" | By name."),
        ] {
            assert_eq!(told(&draft("", &[given]).unwrap_err()), expected);
        }
        let twice = [("--name", "name", "a"), ("--set", "name", "b")];
        assert_eq!(told(&draft("", &twice).unwrap_err()), "2 `--name` and `--set name` are given twice | ");
        assert_eq!(Given::set("name").unwrap_err().exit(), Exit::Usage);
        assert_eq!(Given::set("a=b=c").map(|given| (given.key, given.text)).unwrap(), ("a".into(), "b=c".into()));
    }

    #[test]
    fn what_is_missing_is_named_whole_and_what_is_fixed_is_refused() {
        let new = |file: &str| told(&draft(file, &[]).unwrap().check(Purpose::New, "acme").unwrap_err());
        assert_eq!(new(""), "2 missing: `name`, `repository`, one of `targets`, `assets` | ");
        assert_eq!(new("name = 'a'\nassets = [1]"), "2 missing: `repository` | ");
        assert_eq!(new("name = ' '\nrepository = 1\ntargets = []"), "2 missing: `name`, one of `targets`, `assets` | ");
        let change = |file: &str| draft(file, &[]).unwrap().check(Purpose::Change, "acme");
        change("age = 3").unwrap();
        assert_eq!(told(&change("name = ' '").unwrap_err()), "2 a scan cannot be left without `name` | The name.");
        change("targets = []").unwrap();
        let emptied = |file: &str| draft(file, &[]).unwrap().emptied();
        assert_eq!(emptied("targets = []"), [(vec!["targets"], vec!["assets"])]);
        assert_eq!(emptied("targets = []\nassets = []"), [(vec!["targets", "assets"], vec![])]);
        assert_eq!(emptied("targets = []\nassets = [4]"), []);
        assert_eq!(emptied("age = 3"), []);
        let able = "name, targets, assets, age, tracking, on_timeout, longest, schedule.type, schedule.repeat";
        assert_eq!(
            told(&change("").unwrap_err()),
            format!("2 what is to be changed? | what can be changed here: {able}")
        );
        assert_eq!(
            told(&change("repository = 2").unwrap_err()),
            format!("7 backend `acme` cannot change `repository` of a scan | what can be changed here: {able}")
        );
    }

    #[test]
    fn the_template_is_a_draft_and_says_what_is_documented() {
        let template = FORM.example("A scan of Acme.");
        let read = draft(&template, &[]).unwrap();
        read.check(Purpose::New, "acme").unwrap();
        assert_eq!(written(&read), "name=\"Weekly DMZ\" targets=[\"192.0.2.0/24\"] repository=\"1\"");
        assert!(
            template
                .contains("\n# What to do.\n# One of discard, import; default: import.\n# on_timeout = \"import\"\n"),
            "{template}"
        );
        assert!(
            template
                .contains("# A list of texts; the vendor's `ipList`.\n# Required: at least one of targets, assets.\n")
        );
    }
}
