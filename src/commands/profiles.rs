//! `scanctl profiles`: the profiles of the config.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::backends::Identity;
use crate::cli::{self, Global};
use crate::config::Config;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Operation;
use crate::output::Output;
use crate::output::rows::{ProfileRow, Subject};

/// Work with the profiles of the config
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with profiles.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List all profiles
    List,
    /// Print the selected profiles, without secrets
    Show {
        /// Profiles, groups or globs; without them, the selected ones
        #[arg(id = "named", value_name = "PROFILE", add = clap_complete::ArgValueCandidates::new(super::completions::profiles))]
        profiles: Vec<String>,
    },
    /// Make one authenticated read on each profile and say what it proved
    #[command(after_help = "Examples:
  scanctl profiles check
  scanctl profiles check io 'sc-*' -f json")]
    Check {
        /// Profiles, groups or globs; without them, those of -p, else all
        #[arg(id = "named", value_name = "PROFILE", add = clap_complete::ArgValueCandidates::new(super::completions::profiles))]
        profiles: Vec<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { command } = args;
    let config = context.config()?;
    let all = || config.names().map(str::to_owned).collect::<Vec<_>>();
    match command {
        Command::List => {
            let output = Output::open(&global.output(), &context.ui)?.no_raw()?;
            let names = if context.profiles_named() { context.selected()? } else { all() };
            let rows: Vec<ProfileRow> = names.iter().map(|name| row(config, context, name)).collect();
            output.finish(&rows, true)?;
            Ok(Exit::Success)
        }
        Command::Show { profiles } => {
            let output = Output::open(&global.output(), &context.ui)?.no_raw()?;
            let names = if profiles.is_empty() { context.selected()? } else { config.expand(&profiles)? };
            let mut rows = Vec::new();
            for name in &names {
                let inspected = context.inspect(name)?;
                let mut row = row(config, context, name);
                row.details.insert("max_concurrency".to_owned(), inspected.connection.max_concurrency.to_string());
                row.details.insert("timeout".to_owned(), format!("{}s", inspected.connection.timeout.as_secs()));
                row.details.insert("insecure".to_owned(), inspected.connection.insecure.to_string());
                for (key, source) in inspected.settings.secret_sources() {
                    row.details.insert(key, source);
                }
                rows.push(row);
            }
            output.finish(&rows, true)?;
            Ok(Exit::Success)
        }
        Command::Check { profiles } => {
            let names = match (profiles.is_empty(), context.profiles_named()) {
                (false, _) => config.expand(&profiles)?,
                (true, true) => context.selected()?,
                (true, false) => all(),
            };
            check(names, global, context).await
        }
    }
}

async fn check(names: Vec<String>, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let config = context.config()?;
    let output = Output::open(&global.output(), &context.ui)?.no_raw()?;
    // A profile whose secrets cannot be read is a finding of the check, not its end.
    let connected: Vec<_> = names.iter().map(|name| context.connect(name, &[Operation::Check], false)).collect();
    let reads = join_all(connected.into_iter().map(async |backend| backend?.identity().await));
    let results = tokio::select! {
        biased;
        signal = context.interrupt.first() => return Ok(signal),
        results = reads => results,
    };
    let (mut rows, mut fates, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (name, result) in names.iter().zip(results) {
        let mut row = row(config, context, name);
        match result {
            Ok(Identity { user, proved, details }) => {
                row.ok = Some(true);
                row.user = user;
                row.message = Some(proved);
                row.details = details.into_iter().collect();
                fates.push(Exit::Success);
            }
            Err(error) => {
                row.ok = Some(false);
                row.message = Some(error.message().to_owned());
                fates.push(error.exit());
                failures.push((name, error.context(format!("profile `{name}` does not work"))));
            }
        }
        rows.push(row);
    }
    output.finish(&rows, true)?;
    for (name, failure) in &failures {
        cli::report(&context.ui, failure, Subject { profile: Some(name), ..Subject::default() });
    }
    Ok(Exit::of_targets(fates))
}

fn row(config: &Config, context: &Context, name: &str) -> ProfileRow {
    let inspected = context.inspect(name);
    let settings = config.profile(name);
    ProfileRow {
        profile: name.to_owned(),
        backend: settings.map(|settings| settings.backend.to_string()).unwrap_or_default(),
        base_url: inspected.as_ref().ok().map(|inspected| inspected.connection.base.to_string()),
        default: config.default_profile.as_deref() == Some(name),
        groups: config.groups_of(name),
        ok: None,
        user: None,
        message: inspected.err().map(|error| error.one_line()),
        details: BTreeMap::new(),
    }
}
