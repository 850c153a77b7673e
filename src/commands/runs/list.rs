//! `scanctl runs list`: the runs of a scan, or of whole profiles, newest first.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::backends::{Backend, Reading, RunQuery};
use crate::cli::Global;
use crate::commands::gather::{from_profiles, run_row};
use crate::commands::{targets, tell};
use crate::config::settings::duration;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{Operation, Run, Verb};
use crate::output::Output;
use crate::output::rows::{Row, WithFields};

/// List the runs of a scan, or of the selected profiles, newest first
///
/// Which span of time was read is said, since some vendors show no more than the last days unless they are asked for it.
///
/// What an ID means: tenable-io: scan id or schedule uuid. tenable-sc: scan id. tenable-sc-director: Director scan id or
/// uuid. juniper: scan profile id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl runs list io/219
  scanctl runs list -p sc --since 7d -f json
  scanctl runs list -p sc --since 2026-01-01 --until 2026-02-01 --fields name,status,totalIPs
  scanctl runs list 'sc/name:Weekly DMZ' --limit 5")]
pub struct Args {
    /// The scan, as [PROFILE/]ID or [PROFILE/]name:NAME; without it, the runs of the selected profiles
    #[arg(value_name = "SCAN", add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub scan: Option<String>,

    /// Ask the vendor for these fields of its own, where it takes such a list
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub fields: Vec<String>,

    /// Only runs from then on: a time, a date (UTC), or how long ago, as 7d or 12h
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub since: Option<Timestamp>,

    /// Only runs up to then
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub until: Option<Timestamp>,

    /// Only the newest so many, of each profile
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<usize>,

    /// Leave out counters of ended runs that cost the vendor time, or ask for them (tenable-sc)
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub optimize: Option<bool>,
}

/// A moment as it is typed.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    if let Ok(date) = text.parse::<Date>()
        && let Ok(midnight) = date.to_zoned(TimeZone::UTC)
    {
        return Ok(midnight.timestamp());
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let ago = match days {
        Some(days) => days.checked_mul(86_400).map(Duration::from_secs),
        None => duration(text),
    };
    ago.and_then(|ago| Timestamp::now().checked_sub(ago).ok())
        .ok_or_else(|| "a time such as 2026-01-31T20:00:00Z, a date, or how long ago, as 7d or 12h".to_owned())
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { scan, fields, since, until, limit, optimize } = args;
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(Error::usage("`--since` is later than `--until`").into());
    }
    let mut operations = vec![Operation::RunsList];
    if !fields.is_empty() {
        operations.push(Operation::Fields);
    }
    if since.is_some() || until.is_some() {
        operations.push(Operation::Window);
    }
    if optimize.is_some() {
        operations.push(Operation::Optimize);
    }
    let query = RunQuery { fields, since, until, optimize, limit };
    if query.fields.is_empty() {
        listed(scan, &query, &operations, global, context, run_row).await
    } else {
        let row = |backend: &dyn Backend, run| WithFields(run_row(backend, run));
        listed(scan, &query, &operations, global, context, row).await
    }
}

async fn listed<R: Row>(
    scan: Option<String>,
    query: &RunQuery,
    operations: &[Operation],
    global: &Global,
    context: &Context,
    row: impl Fn(&dyn Backend, Run) -> R,
) -> anyhow::Result<Exit> {
    match scan {
        Some(scan) => of_scan(scan, query, operations, global, context, row).await,
        None => {
            let read = |backend: Rc<dyn Backend>| async move { Ok(cut(backend.runs(None, query).await?, query)) };
            Ok(from_profiles(context, global, context.selected()?, operations, read, row).await?)
        }
    }
}

/// No more than were wanted, and said.
fn cut(mut reading: Reading<Vec<Run>>, query: &RunQuery) -> Reading<Vec<Run>> {
    let Some(limit) = query.limit.filter(|limit| *limit < reading.value.len()) else { return reading };
    reading.value.truncate(limit);
    reading.note(format!("no more than the newest {limit}; there are others"))
}

async fn of_scan<R: Row>(
    scan: String,
    query: &RunQuery,
    operations: &[Operation],
    global: &Global,
    context: &Context,
    row: impl Fn(&dyn Backend, Run) -> R,
) -> anyhow::Result<Exit> {
    let plan = targets::plan(context, Verb::RunsList, &[scan], operations)?;
    let output = Output::open(&global.output(), &context.ui)?;
    let (job, backend) = targets::connect(context, plan, operations, false)?.only()?;
    let read = async {
        let target = backend.resolve(job.address()?, Verb::RunsList).await?;
        backend.runs(Some(&target), query).await
    };
    let reading = tokio::select! {
        biased;
        signal = context.interrupt.first() => return Ok(signal),
        reading = read => reading,
    };
    let reading = match reading {
        Ok(reading) => cut(reading, query),
        // Nothing was asked of the vendor; the call itself was wrong.
        Err(error) if matches!(error.exit(), Exit::Usage | Exit::Config | Exit::Unsupported) => {
            return Err(error.into());
        }
        Err(error) => {
            if !output.is_raw() {
                output.finish::<R>(&[], false)?;
            }
            let failure = targets::failed(&job, backend.spec().id, Verb::RunsList, error);
            targets::report_failure(&context.ui, &failure);
            return Ok(failure.exit);
        }
    };
    tell(context, &reading.notes);
    if output.is_raw() {
        output.raw(&reading.raw)?;
        return Ok(Exit::Success);
    }
    let rows: Vec<R> = reading.value.into_iter().map(|run| row(&*backend, run)).collect();
    output.finish(&rows, true)?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::moment;

    #[test]
    fn moments_are_times_dates_and_spans_back_from_now() {
        assert_eq!(moment("2026-01-31T20:00:00Z").unwrap().to_string(), "2026-01-31T20:00:00Z");
        assert_eq!(moment("2026-01-31").unwrap().to_string(), "2026-01-31T00:00:00Z");
        for (text, hours) in [("7d", 168), ("12h", 12), ("90m", 1)] {
            let then = moment(text).unwrap();
            let back = Timestamp::now().duration_since(then);
            assert!(
                back >= SignedDuration::from_hours(hours) && back < SignedDuration::from_hours(hours + 1),
                "{text}"
            );
        }
        for bad in ["", "yesterday", "-7d", "7", "2026-13-01", "99999999999999d"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
