//! Commands that the backends name in their explanations exist, with the flags that they are named with.

use clap::Parser as _;
use clap::error::ErrorKind;
use scanctl::backends::REGISTRY;
use scanctl::cli::Cli;
use scanctl::model::{Control, Operation, Support, Verb};

/// The commands between backticks of a text.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|quoted| quoted.starts_with("scanctl "))
}

#[test]
fn every_command_that_an_explanation_names_is_understood() {
    let more = [
        Operation::Launch { targets: true },
        Operation::LaunchPorts,
        Operation::ResultsViaAnalysis,
        Operation::Control(Control::ForceStop),
        Operation::Fields,
        Operation::OneInstance,
        Operation::Window,
        Operation::Optimize,
        Operation::Check,
    ];
    let mut count = 0;
    for spec in REGISTRY {
        for operation in Verb::ALL.into_iter().map(Verb::operation).chain(more) {
            let (Support::No(text) | Support::Via(text)) = (spec.support)(operation, None) else { continue };
            for command in commands(text) {
                count += 1;
                // What a name alone leaves out is what its user fills in.
                let understood = match Cli::try_parse_from(command.split(' ')) {
                    Ok(_) => true,
                    Err(problem) => problem.kind() == ErrorKind::MissingRequiredArgument,
                };
                assert!(understood, "{}: `{command}`", spec.id);
            }
        }
    }
    assert!(count > 10, "{count}");
}
