//! The shared body of commands that read one thing from each of several profiles, side by side.

use std::future::Future;
use std::rc::Rc;

use futures_util::future::join_all;

use super::tell;
use crate::backends::{Backend, Reading, unsupported};
use crate::cli::{self, Global};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::model::{Operation, Run, Scan, Support, Verb};
use crate::output::Output;
use crate::output::rows::{Row, RunRow, ScanRow, Subject};

/// Reads from each profile and prints all rows; the first operation is the verb's own, the others are what else is asked. A profile whose backend cannot is a note, and exit 7 only if alone.
///
/// # Errors
/// Exit 2, 3, or 7 where no profile can; exit 1 when the output cannot be written.
pub async fn from_profiles<R, T, F>(
    context: &Context,
    global: &Global,
    profiles: Vec<String>,
    operations: &[Operation],
    read: impl Fn(Rc<dyn Backend>) -> F,
    row: impl Fn(&dyn Backend, T) -> R,
) -> Result<Exit>
where
    R: Row,
    F: Future<Output = Result<Reading<Vec<T>>>>,
{
    global.output().check()?;
    let mut able = Vec::new();
    let mut refused = Vec::new();
    for profile in profiles {
        let inspected = context.inspect(&profile)?;
        let supported = |operation: &Operation| (inspected.spec.support)(*operation, Some(&inspected.settings));
        let missing = operations.iter().find_map(|operation| match supported(operation) {
            Support::No(why) => Some(unsupported(inspected.spec, *operation, why)),
            Support::Native | Support::Via(_) => None,
        });
        match missing {
            Some(error) => refused.push((profile, error)),
            None => able.push(profile),
        }
    }
    let output = Output::open(&global.output(), &context.ui)?;
    for (profile, error) in refused {
        if able.is_empty() {
            return Err(error);
        }
        context.ui.status(&format!("note: profile `{profile}` is left out: {}", error.message()));
    }
    let mut backends = Vec::new();
    for profile in &able {
        backends.push(context.connect(profile, operations, false)?);
    }
    let reads = join_all(backends.iter().map(|backend| read(Rc::clone(backend))));
    let readings = tokio::select! {
        biased;
        signal = context.interrupt.first() => return Ok(signal),
        readings = reads => readings,
    };
    let verb = Verb::ALL.into_iter().find(|verb| operations.first() == Some(&verb.operation()));
    let (mut rows, mut raw, mut fates, mut failures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (backend, reading) in backends.iter().zip(readings) {
        match reading {
            Ok(reading) => {
                tell(context, &reading.notes);
                raw.extend(reading.raw);
                rows.extend(reading.value.into_iter().map(|value| row(&**backend, value)));
                fates.push(Exit::Success);
            }
            Err(error) => {
                fates.push(error.exit());
                let what = verb.map_or("read", |verb| verb.operation().describe());
                let named = format!("cannot {what} of profile `{}`", backend.profile());
                failures.push((backend, error.context(named)));
            }
        }
    }
    if let [(_, failure)] = &failures[..]
        && backends.len() == 1
        && failure.exit() == Exit::Usage
        && !failure.refused()
    {
        // Nothing was asked of the vendor; the call itself was wrong.
        return Err(failure.clone());
    }
    if output.is_raw() {
        output.raw(&raw)?;
    } else {
        output.finish(&rows, failures.is_empty())?;
    }
    for (backend, failure) in &failures {
        let subject = Subject {
            profile: Some(backend.profile()),
            backend: Some(backend.spec().id),
            verb: verb.map(Verb::name),
            address: None,
        };
        cli::report(&context.ui, failure, subject);
    }
    Ok(Exit::of_targets(fates))
}

/// The row of a stored scan.
pub fn scan_row(backend: &dyn Backend, scan: Scan) -> ScanRow {
    ScanRow { profile: backend.profile().to_owned(), backend: backend.spec().id, scan }
}

/// The row of a run.
pub fn run_row(backend: &dyn Backend, run: Run) -> RunRow {
    RunRow { profile: backend.profile().to_owned(), backend: backend.spec().id, run }
}
