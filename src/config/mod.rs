//! The config file: finding it, reading it, choosing profiles.
//!
//! Two steps: the file is read as a table with places, and only the chosen profiles are then read in full, each by the
//! backend it names. This module knows no backend.

pub mod env;
pub mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result, nearest};
use crate::model;
use crate::secret::Secret;
use settings::{Node, Settings, Value, at, texts};

/// The whole file, its profiles unread.
#[derive(Debug)]
pub struct Config {
    /// Where it was read from.
    pub file: Rc<PathBuf>,
    /// `default_profile`.
    pub default_profile: Option<String>,
    profiles: BTreeMap<String, Node>,
    groups: BTreeMap<String, Vec<String>>,
}

/// The keys of the top level.
const TOP: [&str; 3] = ["default_profile", "profiles", "groups"];

/// The file that is read where neither flag nor environment names one.
pub fn default_file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "scanctl").map(|places| places.config_dir().join("config.toml"))
}

impl Config {
    /// Reads `named`, else the platform's own place.
    ///
    /// # Errors
    /// Exit 3: no file, not readable, not TOML, an unknown key.
    pub fn load(named: Option<&Path>) -> Result<Self> {
        let Some(file) = named.map(Path::to_path_buf).or_else(default_file) else {
            return Err(
                Error::config("no config file: this account has no home directory").hint("name one with --config FILE")
            );
        };
        let text = std::fs::read_to_string(&file).map_err(|problem| match problem.kind() {
            std::io::ErrorKind::NotFound => Error::config(format!("no config file at {}", file.display())).hint(
                "start from config.example.toml, name another file with --config, or try without an account: \
                 `scanctl sandbox -- scanctl profiles list`",
            ),
            _ => Error::config(format!("cannot read {}: {problem}", file.display())),
        })?;
        Self::parse(file, &text)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Exit 3, with the place and never a value.
    pub fn parse(file: PathBuf, text: &str) -> Result<Self> {
        let file = Rc::new(file);
        let table = DeTable::parse(text).map_err(|problem| {
            let place = problem.span().map_or((1, 1), |span| place(text, span.start));
            at(&file, place, problem.message().lines().next().unwrap_or("not valid TOML"))
        })?;
        let mut config = Self { file, default_profile: None, profiles: BTreeMap::new(), groups: BTreeMap::new() };
        let mut group_places = Vec::new();
        for (key, value) in table.into_inner() {
            let key_place = place(text, key.span().start);
            let node = node(text, value);
            match key.get_ref().as_ref() {
                "default_profile" => config.default_profile = Some(config.text("default_profile", &node)?),
                "profiles" => config.profiles = config.table("profiles", node)?,
                "groups" => {
                    for (name, members) in config.table("groups", node)? {
                        let place = members.place;
                        let members = texts(&members).ok_or_else(|| {
                            at(&config.file, place, format!("group `{name}` must be a list of profile names"))
                        })?;
                        group_places.push((name.clone(), place));
                        config.groups.insert(name, members);
                    }
                }
                other => {
                    let mut message = format!("unknown key `{other}`");
                    if let Some(near) = nearest(other, TOP) {
                        message.push_str(&format!("; did you mean `{near}`?"));
                    }
                    return Err(at(&config.file, key_place, message));
                }
            }
        }
        for (name, node) in &config.profiles {
            if !model::is_profile_name(name) {
                let message = format!("profile `{name}`: a name is lower-case letters, digits and dashes");
                return Err(at(&config.file, node.place, message));
            }
        }
        for (name, place) in group_places {
            if !model::is_profile_name(&name) {
                let message = format!("group `{name}`: a name is lower-case letters, digits and dashes");
                return Err(at(&config.file, place, message));
            }
            if config.profiles.contains_key(&name) {
                return Err(at(&config.file, place, format!("group `{name}`: a profile has that name too")));
            }
        }
        Ok(config)
    }

    fn text(&self, key: &str, node: &Node) -> Result<String> {
        let text = node.value.text().map(str::to_owned);
        text.ok_or_else(|| at(&self.file, node.place, format!("`{key}` must be a string, not {}", node.value.kind())))
    }

    fn table(&self, key: &str, node: Node) -> Result<BTreeMap<String, Node>> {
        match node.value {
            Value::Table(table) => Ok(table.into_iter().map(|(name, (node, _))| (name, node)).collect()),
            other => Err(at(&self.file, node.place, format!("`{key}` must be a table, not {}", other.kind()))),
        }
    }

    /// The names of all profiles.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The names of all groups.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// The groups that a profile is in.
    pub fn groups_of(&self, profile: &str) -> Vec<String> {
        let has = self.groups.iter().filter(|(_, members)| members.iter().any(|member| member == profile));
        has.map(|(name, _)| name.clone()).collect()
    }

    /// One profile's settings.
    ///
    /// # Errors
    /// Exit 3 with the near match, when there is no such profile.
    pub fn profile(&self, name: &str) -> Result<Settings> {
        match self.profiles.get(name) {
            Some(node) => Settings::new(&self.file, name, node.clone()),
            None => Err(self.no_such(name)),
        }
    }

    /// The file that declares a profile, relative to the working directory or by its name alone, with `/`, and the line
    /// where the profile begins.
    pub fn declared(&self, profile: &str) -> Option<(String, u64)> {
        let (line, _) = self.profiles.get(profile)?.place;
        let file = self.file.as_path();
        let below = std::env::current_dir().and_then(|folder| {
            let (file, folder) = (file.canonicalize()?, folder.canonicalize()?);
            file.strip_prefix(folder).map(Path::to_path_buf).map_err(std::io::Error::other)
        });
        let shown = below.ok().or_else(|| file.file_name().map(PathBuf::from))?;
        let parts: Vec<_> = shown.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        Some((parts.join("/"), line as u64))
    }

    /// Whether there is such a profile.
    ///
    /// # Errors
    /// Exit 3 with the near match, when there is not.
    pub fn knows(&self, name: &str) -> Result<()> {
        match self.groups.get(name) {
            _ if self.profiles.contains_key(name) => Ok(()),
            Some(members) => Err(Error::config(format!("`{name}` is a group, and an address names one profile"))
                .hint(format!("its profiles are {}", members.join(", ")))),
            None => Err(self.no_such(name)),
        }
    }

    fn no_such(&self, name: &str) -> Error {
        let error = Error::config(format!("no profile or group `{name}` in {}", self.file.display()));
        let known: Vec<&str> = self.names().chain(self.group_names()).collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => error.hint("the file has no profiles"),
            None => error.hint(format!("it has {}", known.join(", "))),
        }
    }

    /// The profiles that `--profile` values name: names, groups, globs; in the order given, each once.
    ///
    /// # Errors
    /// Exit 3 for a name that is nothing, or a glob that matches nothing.
    pub fn expand(&self, wanted: &[String]) -> Result<Vec<String>> {
        let mut chosen: Vec<String> = Vec::new();
        for word in wanted {
            let found: Vec<&str> = if self.profiles.contains_key(word) {
                vec![word]
            } else if let Some(members) = self.groups.get(word) {
                if let Some(missing) = members.iter().find(|member| !self.profiles.contains_key(*member)) {
                    return Err(self.no_such(missing).context(format!("group `{word}` cannot be used")));
                }
                if members.is_empty() {
                    return Err(Error::config(format!("group `{word}` has no members in {}", self.file.display())));
                }
                members.iter().map(String::as_str).collect()
            } else if word.contains(['*', '?']) {
                self.names().filter(|name| glob(word, name)).collect()
            } else {
                Vec::new()
            };
            if found.is_empty() {
                return Err(self.no_such(word));
            }
            for name in found {
                if !chosen.iter().any(|known| known == name) {
                    chosen.push(name.to_owned());
                }
            }
        }
        Ok(chosen)
    }

    /// The profiles to use where none is named: the default, else the only one.
    ///
    /// # Errors
    /// Exit 2, listing what there is; exit 3 when `default_profile` names nothing.
    pub fn fallback(&self) -> Result<Vec<String>> {
        if let Some(name) = &self.default_profile {
            let chosen = self.expand(std::slice::from_ref(name));
            return chosen.map_err(|problem| problem.context("`default_profile` cannot be used"));
        }
        let mut names = self.names();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(vec![only.to_owned()]),
            (None, _) => Err(Error::config(format!("{} has no profiles", self.file.display()))
                .hint("add a [profiles.NAME] table; config.example.toml has one for each backend")),
            _ => Err(Error::usage("which profile? several are configured and there is no default_profile").hint(
                format!("name one with --profile, or in the address: {}", self.names().collect::<Vec<_>>().join(", ")),
            )),
        }
    }
}

/// Line and column, from 1, of a byte of the text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn node(text: &str, value: toml::Spanned<DeValue<'_>>) -> Node {
    let place = place(text, value.span().start);
    let value = match value.into_inner() {
        DeValue::String(string) => Value::Text(Secret::new(string)),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_too_large) => Value::Other("a number out of range"),
        },
        DeValue::Boolean(on) => Value::Boolean(on),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::Array(items.into_iter().map(|item| node(text, item)).collect()),
        DeValue::Table(table) => Value::Table(
            table
                .into_iter()
                .map(|(key, value)| {
                    let key_place = self::place(text, key.span().start);
                    (key.into_inner().into_owned(), (node(text, value), key_place))
                })
                .collect(),
        ),
    };
    Node { place, value }
}

/// Shell-like matching with `*` and `?` over the whole text.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&symbol) if symbol == '?' || symbol == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((star_at, star_seen)) => {
                    star = Some((star_at, star_seen + 1));
                    at = star_at + 1;
                    seen = star_seen + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|symbol| *symbol == '*')
}

#[cfg(test)]
mod tests {
    use super::{Config, glob};

    fn parse(text: &str) -> Config {
        Config::parse("config.toml".into(), text).unwrap()
    }

    fn failure(text: &str) -> String {
        Config::parse("config.toml".into(), text).unwrap_err().one_line()
    }

    #[test]
    fn globs_match_whole_names() {
        for (pattern, name, expected) in [
            ("*", "io", true),
            ("sc-*", "sc-eu", true),
            ("sc-*", "sc", false),
            ("s?", "sc", true),
            ("*c*u", "sc-eu", true),
        ] {
            assert_eq!(glob(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn errors_name_the_place_and_never_the_value() {
        assert_eq!(
            failure("default_profle = 'canary'"),
            "config.toml:1:1: unknown key `default_profle`; did you mean `default_profile`?"
        );
        let text = "[profiles.io]\nbackend = 'tenable-io'\nsecret_key = canary canary\n";
        let error = failure(text);
        assert!(error.starts_with("config.toml:3:"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }

    #[test]
    fn profiles_are_chosen_by_name_group_and_glob() {
        let config = parse(
            "[profiles.sc-eu]\nbackend='b'\n[profiles.sc-us]\nbackend='b'\n[profiles.io]\nbackend='b'\n[groups]\nprod=['io','sc-us']\n",
        );
        let expand = |words: &[&str]| config.expand(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(expand(&["prod", "io"]).unwrap(), ["io", "sc-us"]);
        assert_eq!(expand(&["sc-*"]).unwrap(), ["sc-eu", "sc-us"]);
        assert_eq!(expand(&["oi"]).unwrap_err().hint_text(), Some("did you mean `io`?"));
        assert_eq!(expand(&["iq"]).unwrap_err().hint_text(), Some("it has io, sc-eu, sc-us, prod"));
        assert_eq!(config.fallback().unwrap_err().exit(), crate::exit::Exit::Usage);
    }

    #[test]
    fn unknown_keys_of_a_profile_name_the_nearest_known_one() {
        let config = parse("[profiles.io]\nbackend = 'tenable-io'\nsecret_kye = 'canary'\n");
        let settings = config.profile("io").unwrap();
        let reader = settings.reader();
        assert!(reader.secret("secret_key").unwrap().is_none());
        let error = reader.finish().unwrap_err().one_line();
        assert_eq!(error, "config.toml:3:1: profile `io`: unknown key `secret_kye`; did you mean `secret_key`?");
    }

    #[test]
    fn a_wrong_type_is_told_without_the_value() {
        let config = parse("[profiles.io]\nbackend = 'tenable-io'\nsecret_key = 31337\n");
        let settings = config.profile("io").unwrap();
        let error = settings.reader().secret("secret_key").unwrap_err().one_line();
        assert!(error.contains("config.toml:3:14") && !error.contains("31337"), "{error}");
    }
}
