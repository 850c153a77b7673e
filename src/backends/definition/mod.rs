//! What a user writes down for a vendor: a stored scan, or the particulars of a copy or an import.
//!
//! Each backend describes it as a [`Form`]: its keys, their types and what the vendor documents about them. From the
//! same data come the commented template, the check of files and flags, and the errors. A [`Draft`] is what was written,
//! checked against the form; the backend turns it into its vendor's body.
//!
//! Keys that mean the same have the same name on every backend, and a flag of that name. The vendor's own spelling is
//! understood too. Not for the config file, which has secrets and is read by `config`.

mod draft;

pub use draft::{Draft, Given, Purpose, Value};

/// Everything that is written for one backend.
#[derive(Debug)]
pub struct Forms {
    /// A stored scan.
    pub scan: Form,
    /// What a copy of a stored scan may be told.
    pub copy: Form,
    /// What an import of a file may be told.
    pub import: Form,
    /// What another import of a run's result may be told.
    pub reimport: Form,
}

/// The keys of one thing, in the order of the template.
#[derive(Debug)]
pub struct Form {
    /// What is to be known beyond single keys, one line each; the head of the template.
    pub about: &'static [&'static str],
    /// The keys.
    pub keys: &'static [Key],
    /// Groups of keys of which a new thing needs at least one each.
    pub one_of: &'static [&'static [&'static str]],
}

impl Form {
    /// A form without keys.
    pub const NONE: Self = Self { about: &[], keys: &[], one_of: &[] };

    /// The key of that name, or of that spelling by the vendor.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name || (!key.vendor.is_empty() && key.vendor == name))
    }

    /// The keys in words.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.keys.iter().map(|key| key.name).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    /// A commented file in TOML: what is needed is set, everything else is there to be uncommented.
    pub fn example(&self, title: &str) -> String {
        let mut text = format!("# {title}\n# Lines that begin with `#` are optional, and their values are examples.\n");
        for line in self.about.iter().flat_map(|line| wrapped(line)) {
            text.push_str(&format!("# {line}\n"));
        }
        for key in self.keys {
            let needed = key.required || self.one_of.iter().any(|group| group.first() == Some(&key.name));
            text.push('\n');
            for line in key.explain().iter().flat_map(|line| wrapped(line)) {
                text.push_str(&format!("# {line}\n"));
            }
            let others = |group: &&&[&str]| group.contains(&key.name);
            if let Some(group) = self.one_of.iter().find(others) {
                text.push_str(&format!("# Required: at least one of {}.\n", group.join(", ")));
            }
            text.push_str(&format!("{}{} = {}\n", if needed { "" } else { "# " }, key.name, key.example));
        }
        text
    }
}

/// A text in lines that fit a terminal beside a comment's sign.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 98;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// One thing that can be written.
#[derive(Debug)]
pub struct Key {
    /// Its name in files, after `--set`, and as a flag; a dot leads into a table.
    pub name: &'static str,
    /// The vendor's spelling, which is understood too; empty where it has none of its own.
    pub vendor: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What it is, in sentences.
    pub doc: &'static str,
    /// What holds without it, as documented; empty where nothing is.
    pub default: &'static str,
    /// A value for the template, in TOML.
    pub example: &'static str,
    /// Whether a new thing needs it.
    pub required: bool,
    /// Whether it stays as it is once the thing is made.
    pub fixed: bool,
}

impl Key {
    /// An optional key that can be changed.
    pub const fn new(name: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Self {
        Self { name, vendor: "", kind, doc, default: "", example, required: false, fixed: false }
    }

    /// With the vendor's spelling.
    #[must_use]
    pub const fn vendor(self, vendor: &'static str) -> Self {
        Self { vendor, ..self }
    }

    /// With what holds where it is left out.
    #[must_use]
    pub const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// That a new thing needs.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// That cannot be changed.
    #[must_use]
    pub const fn fixed(self) -> Self {
        Self { fixed: true, ..self }
    }

    /// Doc, type and default for people, a line each.
    fn explain(&self) -> Vec<String> {
        let mut lines = vec![self.doc.to_owned()];
        let mut facts = vec![self.kind.describe()];
        if self.required {
            facts.push("required".to_owned());
        }
        if !self.default.is_empty() {
            facts.push(format!("default: {}", self.default));
        }
        if !self.vendor.is_empty() {
            facts.push(format!("the vendor's `{}`", self.vendor));
        }
        let facts = facts.join("; ");
        let mut letters = facts.chars();
        let facts: String =
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
        lines.push(format!("{facts}."));
        lines
    }
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A vendor's id: a text, or a whole number, which is the same as its digits.
    Id,
    /// A whole number within bounds.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// true or false.
    Flag,
    /// One of these words, whatever their case.
    Word(&'static [&'static str]),
    /// Texts or ids: an array, or one text with commas.
    List,
    /// A span of time within bounds: seconds as a number, a text such as `2h30m`, or one of the words.
    Seconds {
        /// The least, in seconds.
        least: i64,
        /// The most, in seconds.
        most: i64,
        /// Words that stand for no number.
        words: &'static [&'static str],
    },
}

impl Kind {
    /// The kind in words, as it follows "must be".
    pub fn describe(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Id => "an id".to_owned(),
            Self::Number { least, most: i64::MAX } => format!("a whole number from {least}"),
            Self::Number { least, most } => format!("a whole number from {least} to {most}"),
            Self::Flag => "true or false".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::List => "a list of texts".to_owned(),
            Self::Seconds { least, most, words } => {
                let span = format!("seconds from {least} to {most}, or a text such as \"2h30m\"");
                if words.is_empty() { span } else { format!("{span}, or \"{}\"", words.join("\" or \"")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Draft, Form, Purpose};
    use crate::backends::REGISTRY;

    fn read(form: &'static Form, text: &str) -> Draft {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.toml");
        std::fs::write(&path, text).unwrap();
        Draft::read(form, "any", Some(&path), &[]).unwrap_or_else(|error| panic!("{}\n{text}", error.one_line()))
    }

    #[test]
    fn every_template_is_a_definition_and_so_is_everything_in_it() {
        for spec in REGISTRY {
            let forms = spec.forms;
            for form in [&forms.scan, &forms.copy, &forms.import, &forms.reimport] {
                let template = form.example(spec.title);
                read(form, &template).check(Purpose::New, spec.id).unwrap();
                let settings = form.keys.iter().map(|key| format!("{} = {}\n", key.name, key.example));
                assert_eq!(read(form, &settings.collect::<String>()).iter().count(), form.keys.len(), "{}", spec.id);
            }
        }
    }

    #[test]
    fn keys_are_spelled_one_way_and_documented() {
        for spec in REGISTRY {
            let forms = spec.forms;
            for form in [&forms.scan, &forms.copy, &forms.import, &forms.reimport] {
                let mut names: Vec<&str> = form.keys.iter().flat_map(|key| [key.name, key.vendor]).collect();
                names.retain(|name| !name.is_empty());
                let count = names.len();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), count, "{}: a name means two keys", spec.id);
                for key in form.keys {
                    assert!(key.doc.ends_with('.') && !key.doc.contains('\n'), "{} {}", spec.id, key.name);
                    assert!(form.one_of.iter().all(|group| group.iter().all(|name| form.key(name).is_some())));
                }
            }
        }
    }
}
