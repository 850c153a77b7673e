//! The help of global flags that are not the same for every command.
//!
//! A command takes a global flag as the program has it, unless it has one of that name itself: so a copy of it says, or
//! hides, what is different there.

use clap::{Arg, Command};

use crate::output::findings::FindingFormat;
use crate::output::findings::diff::DiffFormat;

/// Commands that refuse flags about documents, and which.
const REFUSED: [(&str, &[&str]); 5] = [
    ("export", &["format", "raw"]),
    ("completions", DOCUMENT),
    ("man", DOCUMENT),
    ("sandbox", DOCUMENT),
    ("demo", DOCUMENT),
];
const DOCUMENT: &[&str] = &["format", "outputs", "raw"];

/// Puts into every command's help what it makes of global flags.
pub(super) fn fit(command: Command) -> Command {
    let globals: Vec<Arg> = command.get_arguments().filter(|flag| flag.is_global_set()).cloned().collect();
    command.mut_subcommands(|sub| {
        let formats = match sub.get_name() {
            "results" => Some(FindingFormat::ALL.map(FindingFormat::name).to_vec()),
            "diff" => Some(DiffFormat::names()),
            _ => None,
        };
        let refused = REFUSED.into_iter().find(|(name, _)| *name == sub.get_name()).map(|(_, flags)| flags);
        if formats.is_none() && refused.is_none() {
            return sub;
        }
        let help = formats.map(|names| format!("Print stdout as {} [env: SCANCTL_FORMAT]", either(&names)));
        // All of them are copied, so that they keep their order.
        sub.args(globals.iter().cloned().map(|flag| match (flag.get_id().as_str(), &help) {
            ("format", Some(help)) => flag.help(help.clone()),
            (id, _) => {
                let is_refused = refused.is_some_and(|flags| flags.contains(&id));
                flag.hide(is_refused)
            }
        }))
    })
}

/// Words of which one is chosen.
fn either(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}
