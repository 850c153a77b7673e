//! `scanctl backends`: what each backend can do, from the same data that refuses what it cannot.

use crate::backends::REGISTRY;
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::{Operation, Support, Verb};
use crate::output::Output;
use crate::output::rows::SupportRow;

/// Print what each backend can do
///
/// "yes": the vendor's API does it. "via": composed from its documented calls. "no": refused before anything is sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl backends
  scanctl backends juniper -f json")]
pub struct Args {
    /// Only this backend
    #[arg(value_name = "BACKEND", value_parser = clap::builder::PossibleValuesParser::new(REGISTRY.iter().map(|spec| spec.id)))]
    pub backend: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { backend } = args;
    let output = Output::open(&global.output(), &context.ui)?.no_raw()?;
    output.finish(&rows(backend.as_deref()), true)?;
    Ok(Exit::Success)
}

/// One row for each backend and verb; `launch --targets` has its own.
pub fn rows(backend: Option<&str>) -> Vec<SupportRow> {
    let mut rows = Vec::new();
    for spec in REGISTRY.iter().filter(|spec| backend.is_none_or(|wanted| wanted == spec.id)) {
        let mut add = |verb: &str, bare_id: &str, operation: Operation| {
            let [yes, via, no] = SupportRow::WORDS;
            let (support, note) = match (spec.support)(operation, None) {
                Support::Native => (yes, None),
                Support::Via(note) => (via, Some(note)),
                Support::No(note) => (no, Some(note)),
            };
            let bare_id = if support == no { String::new() } else { bare_id.to_owned() };
            rows.push(SupportRow {
                backend: spec.id,
                verb: verb.to_owned(),
                support,
                note: note.map(str::to_owned),
                bare_id,
            });
        };
        for verb in Verb::ALL {
            add(verb.name(), (spec.bare_id)(verb), verb.operation());
            if verb == Verb::Launch {
                add("launch --targets", (spec.bare_id)(verb), Operation::Launch { targets: true });
            }
        }
    }
    rows
}
