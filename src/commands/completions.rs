//! `scanctl completions`: scripts for shells, and what they complete at run time.
//!
//! The script asks the program itself, which reads the config for profile names and never the network.

use std::io;

use clap_complete::CompletionCandidate;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::cli::Global;
use crate::config::{Config, env};
use crate::context::Context;
use crate::exit::Exit;
use crate::findings::Severity;
use crate::model::ExportFormat;
use crate::output::findings::FindingFormat;
use crate::output::schema::Kind;

/// Print the completion script of a shell
///
/// Profile and group names are completed from the config. Nothing is ever sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Install:
  bash        scanctl completions bash > ~/.local/share/bash-completion/completions/scanctl
  zsh         scanctl completions zsh > \"${fpath[1]}/_scanctl\"
  fish        scanctl completions fish > ~/.config/fish/completions/scanctl.fish
  powershell  scanctl completions powershell >> $PROFILE
  elvish      scanctl completions elvish >> ~/.config/elvish/rc.elv")]
pub struct Args {
    /// The shell
    pub shell: Shell,
}

/// A shell with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Elvish.
    Elvish,
}

/// Runs the command.
///
/// # Errors
/// When stdout cannot be written, or a document is wanted.
pub fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { shell } = args;
    global.no_document("completions")?;
    context.ui.data(&script(shell)?)?;
    Ok(Exit::Success)
}

/// The script of a shell.
///
/// # Errors
/// None in practice: it is written to memory.
pub fn script(shell: Shell) -> io::Result<Vec<u8>> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Elvish => &Elvish,
    };
    let mut script = Vec::new();
    completer.write_registration("COMPLETE", "scanctl", "scanctl", "scanctl", &mut script)?;
    Ok(script)
}

fn config() -> Option<Config> {
    let file = env::read(env::CONFIG).map(std::path::PathBuf::from);
    Config::load(file.as_deref()).ok()
}

/// Names of profiles and groups.
pub fn profiles() -> Vec<CompletionCandidate> {
    let Some(config) = config() else { return Vec::new() };
    config.names().chain(config.group_names()).map(CompletionCandidate::new).collect()
}

/// How an address begins: a profile's name and a slash.
pub fn address_starts() -> Vec<CompletionCandidate> {
    let Some(config) = config() else { return Vec::new() };
    config.names().map(|name| CompletionCandidate::new(format!("{name}/"))).collect()
}

/// Names of formats; those of rows are among those of findings.
pub fn formats() -> Vec<CompletionCandidate> {
    FindingFormat::ALL.into_iter().map(|format| CompletionCandidate::new(format.name())).collect()
}

/// Names of the files that vendors make.
pub fn export_formats() -> Vec<CompletionCandidate> {
    ExportFormat::ALL.into_iter().map(|format| CompletionCandidate::new(format.name())).collect()
}

/// Names of severities, the worst first.
pub fn severities() -> Vec<CompletionCandidate> {
    Severity::ALL.into_iter().rev().map(|severity| CompletionCandidate::new(severity.name())).collect()
}

/// Names of schemas.
pub fn schemas() -> Vec<CompletionCandidate> {
    Kind::ALL.into_iter().map(|kind| CompletionCandidate::new(kind.name())).collect()
}
