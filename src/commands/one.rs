//! The shared body of commands that read the thing behind each address.

use std::rc::Rc;

use futures_util::stream::{FuturesOrdered, StreamExt as _};

use super::{gather, targets, tell};
use crate::backends::{Backend, Reading, Target};
use crate::cli::Global;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::model::{Operation, Outcome, Run, Verb};
use crate::output::Output;
use crate::output::rows::{Row, RunRow};

/// What is read.
#[derive(Debug, Clone)]
pub struct Show {
    /// For the meaning of addresses.
    pub verb: Verb,
    /// For the support.
    pub operations: Vec<Operation>,
}

impl Show {
    /// The operations of a reading that may choose fields.
    pub fn with_fields(operation: Operation, fields: &[String]) -> Vec<Operation> {
        let chooses = (!fields.is_empty()).then_some(Operation::Fields);
        [Some(operation), chooses].into_iter().flatten().collect()
    }
}

/// Reads the thing behind each address and prints all rows in the order of the call.
///
/// # Errors
/// Exit 2, 3, or 7 where nothing of the call can be done; exit 1 when the output cannot be written.
pub async fn show<R: Row, T>(
    context: &Context,
    global: &Global,
    what: Show,
    typed: &[String],
    read: impl AsyncFn(Rc<dyn Backend>, Target) -> Result<Reading<T>>,
    row: impl Fn(&dyn Backend, Target, T) -> R,
) -> Result<Exit> {
    global.output().check()?;
    let operations = &what.operations;
    let plan = targets::plan(context, what.verb, typed, operations)?;
    let output = Output::open(&global.output(), &context.ui)?;
    let targets::Connected { jobs, refused } = targets::connect(context, plan, operations, false)?;
    let (mut rows, mut raw, mut fates) = (Vec::new(), Vec::new(), Vec::new());
    let mut failures: Vec<Outcome> = refused.into_iter().map(|(_, outcome)| outcome).collect();
    let read = &read;
    let mut reads = FuturesOrdered::new();
    for (job, backend) in &jobs {
        reads.push_back(async move {
            let reading = async {
                let target = backend.resolve(job.address()?, what.verb).await?;
                let reading = read(Rc::clone(backend), target.clone()).await?;
                Ok((target, reading))
            };
            (job, backend, reading.await)
        });
    }
    loop {
        let next = tokio::select! {
            biased;
            signal = context.interrupt.first() => return Ok(signal),
            next = reads.next() => next,
        };
        let Some((job, backend, result)) = next else { break };
        match result {
            Ok((target, reading)) => {
                tell(context, &reading.notes);
                raw.extend(reading.raw);
                let row = row(&**backend, target, reading.value);
                if !output.is_raw() {
                    output.stream(&row)?;
                }
                rows.push(row);
                fates.push(Exit::Success);
            }
            Err(error) => failures.push(targets::failed(job, backend.spec().id, what.verb, error)),
        }
    }
    drop(reads);
    if output.is_raw() {
        output.raw(&raw)?;
    } else {
        output.finish(&rows, failures.is_empty())?;
    }
    for failure in &failures {
        fates.push(failure.exit);
        targets::report_failure(&context.ui, failure);
    }
    Ok(Exit::of_targets(fates))
}

/// The row of a reading. What the reading does not tell of the address is taken from what was asked.
pub fn run_row(backend: &dyn Backend, target: Target, mut run: Run) -> RunRow {
    run.scan = run.scan.or(target.scan);
    run.run = run.run.or(target.run);
    run.name = run.name.or(target.name);
    gather::run_row(backend, run)
}
