//! One profile's settings, each with its place in the file.
//!
//! A [`Reader`] hands out typed values and remembers what was asked for; whatever was set and never asked for is an
//! unknown key. No error echoes a value, since any value may be a misplaced secret.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::error::{Error, Result, nearest};
use crate::secret::{Secret, SecretSource};

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub struct Node {
    /// Line and column, from 1.
    pub place: (usize, usize),
    /// The value.
    pub value: Value,
}

/// The keys of a table, each with its value and its own place.
pub type Entries = BTreeMap<String, (Node, (usize, usize))>;

/// A value of the file.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text.
    Text(Secret),
    /// Whole number.
    Integer(i64),
    /// true or false.
    Boolean(bool),
    /// Array.
    Array(Vec<Node>),
    /// Table, in the order of its keys.
    Table(Entries),
    /// Anything else, which no setting takes.
    Other(&'static str),
}

impl Value {
    /// What kind of value it is, for errors that must not show it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.expose()),
            _ => None,
        }
    }
}

/// The settings of one profile.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The config file.
    pub file: Rc<PathBuf>,
    /// The profile's name.
    pub profile: Rc<str>,
    /// The backend's id as written.
    pub backend: Rc<str>,
    /// The keys with the places of key and value.
    entries: Rc<Entries>,
    /// Where the profile begins.
    place: (usize, usize),
}

impl Settings {
    /// The settings of a profile's table.
    ///
    /// # Errors
    /// When `backend` is missing or is no text.
    pub fn new(file: &Rc<PathBuf>, profile: &str, table: Node) -> Result<Self> {
        let Value::Table(entries) = table.value else {
            return Err(at(
                file,
                table.place,
                format!("profile `{profile}` must be a table, not {}", table.value.kind()),
            ));
        };
        let backend = match entries.get("backend") {
            Some((Node { value: Value::Text(backend), .. }, _)) => Rc::from(backend.expose()),
            Some((node, _)) => {
                return Err(at(
                    file,
                    node.place,
                    format!("profile `{profile}`: `backend` must be a string, not {}", node.value.kind()),
                ));
            }
            None => return Err(at(file, table.place, format!("profile `{profile}`: `backend` is missing"))),
        };
        let entries = Rc::new(entries);
        Ok(Self { file: Rc::clone(file), profile: Rc::from(profile), backend, entries, place: table.place })
    }

    /// Whether a key is set at all.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// An error at the place of a key, or at the profile's beginning where the key is not set.
    pub fn error(&self, key: &str, message: impl std::fmt::Display) -> Error {
        let place = self.entries.get(key).map_or(self.place, |(node, _)| node.place);
        at(&self.file, place, format!("profile `{}`: {message}", self.profile))
    }

    /// Refuses keys that are not known, before what is missing because one of them is misspelt is missed.
    /// `elsewhere` names the backends that have a key.
    ///
    /// # Errors
    /// For the first unknown key of the file, with who has it or the nearest known one.
    pub fn check_keys(&self, known: &[&str], elsewhere: impl Fn(&str) -> Vec<&'static str>) -> Result<()> {
        let unknown = self.entries.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        let Some((key, (_, place))) = unknown.min_by_key(|(_, (_, place))| *place) else { return Ok(()) };
        let mut message = format!("profile `{}`: unknown key `{key}`", self.profile);
        match (elsewhere(key).as_slice(), nearest(key, known.iter().copied())) {
            ([], None) => {}
            ([], Some(near)) => message.push_str(&format!("; did you mean `{near}`?")),
            ([only], _) => message.push_str(&format!("; only a `{only}` profile has it")),
            (several, _) => message.push_str(&format!("; only `{}` profiles have it", several.join("`, `"))),
        }
        Err(at(&self.file, *place, message))
    }

    /// Where each secret of the profile comes from, in words and without the secret.
    pub fn secret_sources(&self) -> Vec<(String, String)> {
        const SECRETS: [&str; 7] = ["access_key", "secret_key", "username", "password", "token", "email", "api_key"];
        let reader = self.reader();
        let sources =
            SECRETS.into_iter().filter_map(|key| Some((key.to_owned(), reader.secret(key).ok()??.describe())));
        sources.collect()
    }

    /// Starts reading.
    pub fn reader(&self) -> Reader<'_> {
        Reader { settings: self, asked: RefCell::new(vec!["backend"]) }
    }
}

/// Typed access to one profile's settings.
#[derive(Debug)]
pub struct Reader<'a> {
    settings: &'a Settings,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Reader<'a> {
    /// The settings themselves.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.settings.entries.get(key).map(|(node, _)| node)
    }

    fn wrong(&self, key: &str, expected: &str, node: &Node) -> Error {
        let message =
            format!("profile `{}`: `{key}` must be {expected}, not {}", self.settings.profile, node.value.kind());
        at(&self.settings.file, node.place, message)
    }

    /// A text.
    ///
    /// # Errors
    /// When the key holds something else.
    pub fn string(&self, key: &'static str) -> Result<Option<String>> {
        match self.node(key) {
            None => Ok(None),
            Some(Node { value: Value::Text(text), .. }) => Ok(Some(text.expose().to_owned())),
            Some(node) => Err(self.wrong(key, "a string", node)),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When the key is missing or holds something else.
    pub fn required(&self, key: &'static str) -> Result<String> {
        self.string(key)?.ok_or_else(|| self.settings.error(key, format!("`{key}` is missing")))
    }

    /// A path; a leading `~/` is the home directory, a relative one is taken from the config file's folder.
    ///
    /// # Errors
    /// When the key holds something else.
    pub fn path(&self, key: &'static str) -> Result<Option<PathBuf>> {
        Ok(self.string(key)?.map(|text| resolve(&self.settings.file, &text)))
    }

    /// A whole number of at least 1.
    ///
    /// # Errors
    /// When the key holds something else.
    pub fn count(&self, key: &'static str) -> Result<Option<usize>> {
        match self.node(key) {
            None => Ok(None),
            Some(node) => match node.value {
                Value::Integer(number) if number >= 1 => Ok(usize::try_from(number).ok()),
                Value::Integer(_) => Err(self.settings.error(key, format!("`{key}` must be at least 1"))),
                _ => Err(self.wrong(key, "an integer", node)),
            },
        }
    }

    /// A switch, off where it is not set.
    ///
    /// # Errors
    /// When the key holds something else.
    pub fn switch(&self, key: &'static str) -> Result<bool> {
        match self.node(key) {
            None => Ok(false),
            Some(Node { value: Value::Boolean(on), .. }) => Ok(*on),
            Some(node) => Err(self.wrong(key, "true or false", node)),
        }
    }

    /// A duration such as `"30s"` or `"2h30m"`.
    ///
    /// # Errors
    /// When the key holds something else.
    pub fn duration(&self, key: &'static str) -> Result<Option<Duration>> {
        let Some(text) = self.string(key)? else { return Ok(None) };
        match duration(&text) {
            Some(Duration::ZERO) => Err(self.settings.error(key, format!("`{key}` must be more than nothing"))),
            Some(duration) => Ok(Some(duration)),
            None => Err(self.settings.error(key, format!("`{key}` must be a duration such as \"30s\" or \"2h30m\""))),
        }
    }

    /// A list of texts; a single text counts as a list of one.
    ///
    /// # Errors
    /// When the key holds something else.
    pub fn strings(&self, key: &'static str) -> Result<Vec<String>> {
        match self.node(key) {
            None => Ok(Vec::new()),
            Some(node) => texts(node).ok_or_else(|| self.wrong(key, "a list of strings", node)),
        }
    }

    /// A table of texts.
    ///
    /// # Errors
    /// When the key holds something else.
    pub fn string_map(&self, key: &'static str) -> Result<BTreeMap<String, String>> {
        let Some(node) = self.node(key) else { return Ok(BTreeMap::new()) };
        let Value::Table(table) = &node.value else { return Err(self.wrong(key, "a table of strings", node)) };
        table
            .iter()
            .map(|(name, (value, _))| match &value.value {
                Value::Text(text) => Ok((name.clone(), text.expose().to_owned())),
                _ => Err(self.wrong(key, "a table of strings", value)),
            })
            .collect()
    }

    /// Where a secret comes from.
    ///
    /// # Errors
    /// When the key is neither a text nor a table with exactly one of `env`, `file`, `command`.
    pub fn secret(&self, key: &'static str) -> Result<Option<SecretSource>> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let wrong = || self.wrong(key, "{ env = … }, { file = … }, { command = [ … ] } or a string", node);
        match &node.value {
            Value::Text(secret) => {
                Ok(Some(SecretSource::Literal { secret: secret.clone(), file: self.settings.file.as_ref().clone() }))
            }
            Value::Table(table) => {
                let mut entries = table.iter();
                let (Some((name, (value, place))), None) = (entries.next(), entries.next()) else {
                    return Err(wrong());
                };
                match (name.as_str(), &value.value) {
                    ("env", Value::Text(text)) => Ok(Some(SecretSource::Env(text.expose().to_owned()))),
                    ("file", Value::Text(text)) => {
                        Ok(Some(SecretSource::File(resolve(&self.settings.file, text.expose()))))
                    }
                    ("command", _) => match texts(value).filter(|words| !words.is_empty()) {
                        Some(words) => Ok(Some(SecretSource::Command(words))),
                        None => Err(self.wrong(key, "a list of words in `command`", value)),
                    },
                    ("env" | "file", _) => Err(self.wrong(key, "a string in its source", value)),
                    (other, _) => Err(at(
                        &self.settings.file,
                        *place,
                        format!(
                            "profile `{}`: unknown source `{other}` in `{key}`; known are `env`, `file`, `command`",
                            self.settings.profile
                        ),
                    )),
                }
            }
            _ => Err(wrong()),
        }
    }

    /// Ends the reading: a key that was set and never asked for is unknown.
    ///
    /// # Errors
    /// For the first unknown key of the file.
    pub fn finish(self) -> Result<()> {
        self.settings.check_keys(&self.asked.into_inner(), |_| Vec::new())
    }
}

/// A config error at a place of the file.
pub fn at(file: &Path, (line, column): (usize, usize), message: impl std::fmt::Display) -> Error {
    Error::config(format!("{}:{line}:{column}: {message}", file.display()))
}

/// The texts of an array, or of a single text.
pub fn texts(node: &Node) -> Option<Vec<String>> {
    match &node.value {
        Value::Text(text) => Some(vec![text.expose().to_owned()]),
        Value::Array(items) => items.iter().map(|item| item.value.text().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A duration as `90s` or `2h30m`.
pub fn duration(text: &str) -> Option<Duration> {
    let duration: SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok()
}

fn resolve(file: &Path, text: &str) -> PathBuf {
    if let Some(below) = text.strip_prefix("~/")
        && let Some(directories) = directories::BaseDirs::new()
    {
        return directories.home_dir().join(below);
    }
    match file.parent() {
        Some(folder) => folder.join(text),
        None => PathBuf::from(text),
    }
}
