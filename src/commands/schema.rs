//! `scanctl schema`: JSON Schemas of what the program prints as JSON. Not for: the formats that others have specified.

use bytes::Bytes;
use clap_complete::ArgValueCandidates;

use super::{backends, completions};
use crate::backends::REGISTRY;
use crate::cli::Global;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::rows::SchemaRow;
use crate::output::schema::{Kind, Words};
use crate::output::{Format, Output};

/// Print the JSON Schema of what commands print as JSON
///
/// Draft 2020-12. Without KIND it lists them. A schema describes what this version prints: no key is missing, and no other
/// is allowed; later versions only add keys as long as `schema_version` stays the same.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl schema
  scanctl schema findings -o findings.schema.json
  scanctl schema outcomes --line")]
pub struct Args {
    /// What the document's `kind` says; or error or log, for lines on stderr
    #[arg(value_name = "KIND", add = ArgValueCandidates::new(completions::schemas))]
    pub kind: Option<String>,

    /// Describe one line of `-f ndjson` instead of the document of `-f json`
    #[arg(long, requires = "kind")]
    pub line: bool,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { kind, line } = args;
    let kind = kind.map(|name| name.parse::<Kind>()).transpose()?;
    let wanted = global.output();
    if kind.is_some() && wanted.format.as_deref().is_some_and(|format| format != Format::Json.name()) {
        return Err(Error::usage("a schema is printed as JSON alone").hint("leave `--format` out").into());
    }
    let output = Output::open(&wanted, &context.ui)?.no_raw()?;
    let Some(kind) = kind else {
        output.finish(&Kind::ALL.map(row), true)?;
        return Ok(Exit::Success);
    };
    let schema = if line { kind.line(&words()) } else { kind.document(&words()) };
    output.raw(&[Bytes::from(format!("{schema:#}\n"))])?;
    Ok(Exit::Success)
}

/// The words of the backends and verbs that schemas list.
pub fn words() -> Words {
    let mut verbs: Vec<String> = Vec::new();
    for row in backends::rows(None) {
        if !verbs.contains(&row.verb) {
            verbs.push(row.verb);
        }
    }
    Words { backends: REGISTRY.iter().map(|spec| spec.id).collect(), verbs }
}

fn row(kind: Kind) -> SchemaRow {
    SchemaRow { kind: kind.name(), printed_by: kind.printed_by(), document: kind.has_document() }
}
