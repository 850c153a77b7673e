//! `scanctl man`: the manual page.

use std::io;

use crate::cli::{self, Global};
use crate::context::Context;
use crate::exit::Exit;

/// Print the man page
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl man | man -l -
  scanctl man > /usr/local/share/man/man1/scanctl.1")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// When stdout cannot be written, or a document is wanted.
pub fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args {} = args;
    global.no_document("man")?;
    context.ui.data(&page()?)?;
    Ok(Exit::Success)
}

/// The page: the program, then every command with its options.
///
/// # Errors
/// None in practice: it is written to memory.
pub fn page() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let mut command = cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    commands(&command, &mut page)?;
    Ok(page)
}

fn commands(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        if sub.has_subcommands() {
            commands(sub, page)?;
            continue;
        }
        let name = sub.get_bin_name().unwrap_or(sub.get_name()).to_owned();
        // Global options stand in the page once.
        let own = sub.clone().mut_args(|argument| {
            let global = argument.is_global_set();
            argument.hide(global)
        });
        let man = clap_mangen::Man::new(own);
        page.extend(format!(".SH \"{}\"\n", name.to_uppercase()).bytes());
        let mut section = Vec::new();
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        man.render_extra_section(&mut section)?;
        let text = String::from_utf8_lossy(&section).replace(".SH ", ".SS ");
        page.extend(text.bytes());
    }
    Ok(())
}
