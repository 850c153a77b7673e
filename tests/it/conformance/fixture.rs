//! What a fixture is: data that says what is typed, what goes over the wire, and what the user is told.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// `backend.toml`: what all cases of a backend share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// The config file; `{NAME}` is the origin of a server, `{settings}` the case's own lines.
    pub config: String,
    /// The mock servers by name.
    pub server: BTreeMap<String, Server>,
    /// The server that exchanges are with where they name none.
    pub main: String,
    /// Long parts of queries; `{NAME}` in a request stands for one.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
}

/// What every request to a server must carry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Headers with their values; `*` is any value.
    pub headers: BTreeMap<String, String>,
    /// Headers that must not be there.
    #[serde(default)]
    pub absent: Vec<String>,
}

/// `VERB.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    #[serde(default)]
    pub case: Vec<Case>,
}

/// One call of the program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// Where the answers are taken from.
    pub source: String,
    /// What is typed; `-f json` is added unless `text` is expected.
    pub args: Vec<String>,
    /// Lines added to the profile.
    #[serde(default)]
    pub settings: String,
    /// Replaces the whole config of the backend.
    pub config: Option<String>,
    /// Files in the working directory.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    pub exit: i32,
    /// `items` of the document on stdout as JSON, compared as a subset; absent where stdout is to be empty.
    pub items: Option<String>,
    /// `complete` of that document.
    #[serde(default = "yes")]
    pub complete: bool,
    /// stdout as text.
    pub text: Option<String>,
    /// The last error on stderr as JSON, compared as a subset.
    pub error: Option<String>,
    /// What stderr must have somewhere.
    #[serde(default)]
    pub stderr: Vec<String>,
    /// What neither stream may have.
    #[serde(default)]
    pub unsaid: Vec<String>,
    /// The requests of the call in order, with their answers.
    #[serde(default)]
    pub exchange: Vec<Exchange>,
    /// Why the program does not do this yet; the suite fails when it does.
    pub fails: Option<String>,
}

/// One request with its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The server.
    pub at: Option<String>,
    /// Method, path and query.
    pub request: String,
    /// Headers of this request beside those of every request, or in place of them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers that this request must not have, also where every other has.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The body as JSON; without it there must be none.
    pub body: Option<String>,
    /// In place of a body: the file of the case that is sent as the one part of a form.
    pub upload: Option<Upload>,
    /// How often it comes.
    #[serde(default)]
    pub times: Times,
    /// Whether this request reads although it is no GET.
    #[serde(default)]
    pub reads: bool,
    #[serde(default = "success")]
    pub status: u16,
    /// `Content-Type` of the answer; `application/json` where there is a body, none where there is none.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// More headers of the answer, in this order.
    #[serde(default)]
    pub with: Vec<(String, String)>,
    /// The answer's body.
    #[serde(default)]
    pub answer: String,
    /// The answer's body from a file beside the fixture.
    pub answer_file: Option<String>,
    /// How the answer fails to come.
    pub broken: Option<Broken>,
}

/// A file that is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// The part's name.
    pub part: String,
    /// One of the case's files.
    pub file: String,
}

#[derive(Debug, Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// Once, in order.
    #[default]
    Once,
    /// Once, whenever it comes.
    OnceInAnyOrder,
    /// At least once, whenever it comes.
    Repeatedly,
    /// However often, also never.
    AnyNumber,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    /// The request is read and the connection closed.
    Close,
    /// The body is cut in half.
    Half,
}

fn yes() -> bool {
    true
}

fn success() -> u16 {
    200
}

fn read<T: DeserializeOwned>(backend: &str, file: &str) -> T {
    let path = super::folder(backend).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    toml::from_str(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

impl Backend {
    /// Reads `backend.toml`. Lives as long as the tests.
    pub fn read(backend: &str) -> &'static Self {
        Box::leak(Box::new(read(backend, "backend.toml")))
    }
}

impl Fixture {
    /// Reads `VERB.toml`.
    pub fn read(backend: &str, verb: &str) -> Self {
        let mut fixture: Self = read(backend, &format!("{verb}.toml"));
        for exchange in fixture.case.iter_mut().flat_map(|case| &mut case.exchange) {
            if let Some(file) = &exchange.answer_file {
                let path = super::folder(backend).join(file);
                exchange.answer =
                    std::fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
            }
        }
        fixture
    }

    /// What a fixture must have and this one has not.
    pub fn lacks(&self, changes: bool) -> Vec<String> {
        let mut lacks = Vec::new();
        let good = |case: &&Case| case.exit == 0 && !case.exchange.is_empty();
        if !self.case.iter().any(|case| good(&case)) {
            lacks.push("no case that works".to_owned());
        }
        if !self.case.iter().any(|case| case.exit != 0 && !case.exchange.is_empty()) {
            lacks.push("no case that the vendor refuses".to_owned());
        }
        if changes && !self.case.iter().any(Case::is_dry_run) {
            lacks.push("no dry run".to_owned());
        }
        for (at, case) in self.case.iter().enumerate() {
            if case.source.trim().is_empty() {
                lacks.push(format!("\"{}\" names no source", case.name));
            }
            if self.case[..at].iter().any(|earlier| earlier.name == case.name) {
                lacks.push(format!("\"{}\" is there twice", case.name));
            }
            if case.is_dry_run() && case.exchange.iter().any(Exchange::is_write) {
                lacks.push(format!("\"{}\" is a dry run that writes", case.name));
            }
        }
        lacks
    }
}

impl Case {
    /// Whether nothing may be changed.
    pub fn is_dry_run(&self) -> bool {
        self.args.iter().any(|argument| argument == "-n" || argument == "--dry-run")
    }
}

impl Exchange {
    /// Whether the request changes something.
    pub fn is_write(&self) -> bool {
        !self.reads && !self.request.starts_with("GET ")
    }
}
