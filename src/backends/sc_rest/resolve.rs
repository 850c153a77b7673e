//! What an address means on the two products that number scans and runs apart, both with small integers.
//!
//! A launch and the definition verbs take the scan, the control verbs the run; only for the verbs that merely look can a
//! bare number be either, and then it is read whether it is both.

use crate::backends::Target;
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::model::{Address, IdOrName, Run, RunId, RunSelector, ScanId, Verb};

use super::choice::Family;
use super::{Which, is_number};

/// What must be read to tell what an address means.
pub trait Store {
    /// The profile's name.
    fn profile(&self) -> &str;

    /// The scan of that exact name.
    async fn named(&self, name: &str) -> Result<Target>;

    /// The scan of that id or uuid, if there is one.
    async fn find_scan(&self, scan: &ScanId) -> Result<Option<Target>>;

    /// The run of that number, if there is one.
    async fn find_run(&self, run: &RunId) -> Result<Option<Run>>;

    /// The runs that are, or may be, a scan's.
    async fn family(&self, scan: &Target, which: Which) -> Result<Family>;

    /// The run, if it is not another scan's.
    async fn run_of(&self, scan: &ScanId, run: &RunId) -> Result<Target>;
}

/// What an address means for a verb.
///
/// # Errors
/// Exit 2 for an address of the wrong kind or of two meanings, 5 for one that means nothing or no single thing.
pub async fn resolve(store: &impl Store, address: &Address, verb: Verb) -> Result<Target> {
    match verb {
        Verb::Launch
        | Verb::List
        | Verb::ScansList
        | Verb::ScansShow
        | Verb::ScansCreate
        | Verb::ScansUpdate
        | Verb::ScansCopy
        | Verb::ScansDelete
        | Verb::RunsList
        | Verb::RunsImport => resolve_scan(store, address, verb).await,
        Verb::Pause
        | Verb::Resume
        | Verb::Stop
        | Verb::ForceStop
        | Verb::Status
        | Verb::Wait
        | Verb::Results
        | Verb::Export
        | Verb::Diff
        | Verb::RunsShow
        | Verb::RunsDelete
        | Verb::RunsCopy
        | Verb::RunsEmail
        | Verb::RunsReimport => resolve_run(store, address, verb).await,
    }
}

async fn resolve_scan(store: &impl Store, address: &Address, verb: Verb) -> Result<Target> {
    match (&address.subject, &address.run) {
        (Some(IdOrName::Id(id)), None) => Ok(Target { scan: Some(ScanId::new(id.as_ref())), ..Target::default() }),
        (Some(IdOrName::Name(name)), None) => store.named(name).await,
        (subject, _) => {
            let error = Error::usage(format!("`{verb}` takes a scan, not a run"));
            Err(match subject {
                Some(_) => error.hint(format!("scanctl {verb} '{}'", Address { run: None, ..address.clone() })),
                None => error.hint(format!("`scanctl scans list -p {}` shows the scans", store.profile())),
            })
        }
    }
}

async fn resolve_run(store: &impl Store, address: &Address, verb: Verb) -> Result<Target> {
    let scan = match &address.subject {
        Some(IdOrName::Id(id)) => Target { scan: Some(ScanId::new(id.as_ref())), ..Target::default() },
        Some(IdOrName::Name(name)) => store.named(name).await?,
        None => Target::default(),
    };
    match (&address.subject, &address.run) {
        (None, Some(RunSelector::Id(run))) => Ok(Target { run: Some(run.clone()), ..Target::default() }),
        (Some(IdOrName::Id(id)), None)
            if matches!(verb, Verb::Status | Verb::Wait | Verb::Results | Verb::Export | Verb::Diff) =>
        {
            either(store, id).await
        }
        (Some(IdOrName::Id(id)), None) => Ok(Target { run: Some(RunId::new(id.as_ref())), ..Target::default() }),
        (Some(_), None) => Ok(chosen(&scan, &store.family(&scan, Which::All).await?.current()?)),
        (Some(_), Some(RunSelector::Latest(back))) => {
            Ok(chosen(&scan, &store.family(&scan, Which::All).await?.nth(*back)?))
        }
        (Some(_), Some(RunSelector::Id(run))) => match &scan.scan {
            Some(scan) => store.run_of(scan, run).await,
            None => Ok(Target { run: Some(run.clone()), ..Target::default() }),
        },
        (None, None | Some(RunSelector::Latest(_))) => Err(Error::usage(format!("`{address}` names nothing"))),
    }
}

fn chosen(scan: &Target, run: &Run) -> Target {
    let mut target = Target { scan: run.scan.clone(), ..scan.clone() };
    target.learn(run);
    target
}

/// What a bare id is: a run, or a scan and then its active, else its newest run.
async fn either(store: &impl Store, id: &str) -> Result<Target> {
    let (as_scan, as_run) = (ScanId::new(id), RunId::new(id));
    // A uuid can only be a scan's.
    let run = async { if is_number(id) { store.find_run(&as_run).await } else { Ok(None) } };
    let (run, scan) = tokio::join!(run, store.find_scan(&as_scan));
    let profile = store.profile();
    let run = run?;
    // Where only the scan cannot be read, the run can still be named.
    let scan = scan.map_err(|problem| match &run {
        Some(_) => problem
            .context(format!("`{profile}/{id}` is a run; whether it is a scan too cannot be read"))
            .hint(format!("`{}` is that run", Address::full(profile, None, Some(&as_run)))),
        None => problem,
    })?;
    match (run, scan) {
        (Some(run), None) => {
            let mut target = Target { run: Some(as_run), ..Target::default() };
            target.learn(&run);
            Ok(target)
        }
        (None, Some(scan)) => Ok(chosen(&scan, &store.family(&scan, Which::All).await?.current()?)),
        (Some(_), Some(_)) => {
            let run = Address::full(profile, None, Some(&as_run));
            let newest = Address::full(profile, Some(&as_scan), Some(&RunId::new("latest")));
            Err(Error::usage(format!("`{profile}/{id}` is both a run and a scan"))
                .hint(format!("`{run}` is that run, `{newest}` the newest run of that scan"))
                .with_detail(Detail::Candidates(vec![run, newest])))
        }
        (None, None) => {
            Err(Error::new(Exit::NotFound, format!("profile `{profile}` has neither a run nor a scan {id}")).hint(
                format!("`scanctl runs list -p {profile}` shows the runs, `scanctl scans list -p {profile}` the scans"),
            ))
        }
    }
}

/// A missing object as what it is: no answer, and no failure.
pub fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(missing) if missing.exit() == Exit::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The error of a run that is another scan's.
pub fn another_scan(profile: &str, scan: &ScanId, run: &RunId, owner: &str) -> Error {
    let address = Address::full(profile, None, Some(run));
    Error::new(Exit::NotFound, format!("run {run} is not one of scan {scan}: it is of {owner}"))
        .hint(format!("`{address}` names the run alone"))
}
