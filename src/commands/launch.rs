//! `scanctl launch`: start scans, once each.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::misplaced::FindingFlags;
use super::sending::{Looked, READ_BACK, READ_BACK_PAUSE, guarded, look_until};
use super::targets::{self, Job, Plan};
use super::waiting;
use crate::backends::{Backend, Launched, Order, Prepared, RunningCheck, Target};
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::model::{Address, Operation, Outcome, OutcomeKind, Run, RunState, ScanId, Support, Verb};
use crate::output::Output;
use crate::poll;
use crate::wait::Goal;

/// How long a run is looked for whose launch was accepted without an id, unless the call waits anyway.
const DISCOVERY: Duration = Duration::from_secs(60);

/// Launch scans and print the address of each run
///
/// The request that starts a scan is sent once. If its answer is lost, what happened is read back; if that does not
/// settle it, the exit code is 15 and nothing is sent again.
///
/// What an ID means: tenable-io: scan id or schedule uuid. tenable-sc: scan id. tenable-sc-director: Director scan id
/// or uuid, launched through the profile of its instance. juniper: scan profile id. cloudflare: scan config id, cloned
/// as a new one-off config.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl launch io/219 --wait --timeout 6h
  scanctl launch sc/2 jsa/2 -f json
  scanctl launch -p cf --targets 203.0.113.7,203.0.113.8 --ports 1-1024
  run=$(scanctl launch -q io/219) && scanctl wait \"$run\"")]
pub struct Args {
    /// Scans, as [PROFILE/]ID or [PROFILE/]name:NAME
    #[arg(value_name = "SCAN", add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub scans: Vec<String>,

    /// Wait until the runs end
    #[arg(long)]
    pub wait: bool,

    /// Patience.
    #[command(flatten)]
    pub patience: waiting::Flags,

    /// Scan these instead of the stored targets: a comma-separated list, or @FILE with one a line
    #[arg(long, value_name = "LIST|@FILE")]
    pub targets: Option<String>,

    /// Scan these ports and ranges, where the backend takes them with a launch
    #[arg(long, value_name = "LIST")]
    pub ports: Option<String>,

    /// What to do when the scan is running already
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    pub if_running: IfRunning,

    /// Read what a launch reads, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// What belongs to `results`.
    #[command(flatten)]
    pub findings: FindingFlags,
}

/// What to do when the scan is running already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum IfRunning {
    /// Fail with exit 6.
    #[default]
    Fail,
    /// Do nothing, exit 0.
    Skip,
    /// Take the active run; with --wait, follow it.
    Attach,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { scans, wait, patience, targets, ports, if_running, dry_run, findings } = args;
    findings.refuse(Verb::Launch, global, &scans)?;
    let order = Order { targets: list(targets.as_deref())?, ports: list(ports.as_deref())? };
    if if_running != IfRunning::Fail && !order.targets.is_empty() {
        return Err(Error::usage(
            "`--if-running skip` and `attach` do not go with `--targets`: the active run has other targets",
        )
        .into());
    }
    patience.need_wait(wait)?;
    global.output().check()?;
    let mut operations = vec![Operation::Launch { targets: !order.targets.is_empty() }];
    if !order.ports.is_empty() {
        operations.push(Operation::LaunchPorts);
    }
    if wait {
        operations.extend(patience.operations());
    }
    let plan = plan(context, &scans, &order, &operations)?;
    let output = Output::open(&global.output(), &context.ui)?.no_raw()?.addresses_when_quiet();
    let connected = targets::connect(context, plan, &operations, dry_run)?;
    let (order, patience, output_of) = (&order, &patience, &output);
    let launched = RefCell::default();
    let launch =
        Launch { context, output: output_of, order, if_running, wait: wait.then_some(patience), dry_run, launched };
    let launch = &launch;
    let work = async |backend: Rc<dyn Backend>, job: Job| launch.one(backend, &job).await;
    Ok(targets::each(context, &output, connected, work).await?)
}

/// A comma-separated list, or a file with one entry a line; `#` begins a comment there.
pub(super) fn list(text: Option<&str>) -> Result<Vec<String>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let entries: Vec<String> = match text.strip_prefix('@') {
        None => text.split(',').map(|entry| entry.trim().to_owned()).collect(),
        Some(file) => {
            let content = std::fs::read_to_string(file)
                .map_err(|problem| Error::usage(format!("cannot read {file}: {problem}")))?;
            content
                .lines()
                .flat_map(|line| line.split('#').next().unwrap_or_default().split(','))
                .map(|entry| entry.trim().to_owned())
                .collect()
        }
    };
    let entries: Vec<String> = entries.into_iter().filter(|entry| !entry.is_empty()).collect();
    if entries.is_empty() {
        return Err(Error::usage(format!("`{text}` lists nothing")));
    }
    Ok(entries)
}

/// The jobs of the call. Where a backend launches over given targets alone, no scan need be named.
fn plan(context: &Context, scans: &[String], order: &Order, operations: &[Operation]) -> Result<Plan> {
    if !scans.is_empty() {
        return targets::plan(context, Verb::Launch, scans, operations);
    }
    if order.targets.is_empty() {
        return Err(
            Error::usage("which scan?").hint("`scanctl scans list` shows them; `scanctl launch --help` has examples")
        );
    }
    let mut selected = context.selected()?;
    let (Some(profile), true) = (selected.pop(), selected.is_empty()) else {
        return Err(Error::usage("name one profile to launch over `--targets` alone"));
    };
    let spec = context.inspect(&profile)?.spec;
    let job = Job { index: 0, address: None, profile };
    let plan = targets::check(context, Verb::Launch, vec![job], operations)?;
    if !spec.launches_without_scan {
        return Err(Error::usage(format!("backend `{}` needs a scan to launch, also with `--targets`", spec.id)));
    }
    Ok(plan)
}

struct Launch<'a> {
    context: &'a Context,
    output: &'a Output,
    order: &'a Order,
    if_running: IfRunning,
    wait: Option<&'a waiting::Flags>,
    dry_run: bool,
    /// The scans of this call, by profile: an id, a name and a Director's copy may all be the same one.
    launched: RefCell<Vec<(String, ScanId)>>,
}

/// How far a launch came.
enum Step {
    /// The vendor accepted it, or reading back found it.
    Launched(Launched, Prepared, Instant),
    /// It is running already.
    Running(Run),
}

impl Launch<'_> {
    async fn one(&self, backend: Rc<dyn Backend>, job: &Job) -> Outcome {
        let mut outcome = targets::outcome(job, backend.spec().id, Verb::Launch, OutcomeKind::Accepted);
        let mut backend = backend;
        let aimed = guarded(self.context, async {
            let target = match &job.address {
                Some(address) => backend.resolve(address, Verb::Launch).await?,
                None => Target::default(),
            };
            backend.delegate(&target).await.map(|delegate| (target, delegate))
        });
        let mut target = match aimed.await {
            Err(error) => return self.failed(outcome, error),
            Ok((target, None)) => target,
            Ok((director, Some(delegate))) => {
                self.context.ui.status(&format!(
                    "{} of profile `{}` is {} of profile `{}`, which launches it",
                    director.describe(),
                    job.profile,
                    delegate.target.describe(),
                    delegate.backend.profile()
                ));
                backend = delegate.backend;
                backend.profile().clone_into(&mut outcome.profile);
                outcome.backend = backend.spec().id;
                delegate.target
            }
        };
        outcome.aim(&target);
        if let Some(scan) = &target.scan {
            let named = (outcome.profile.clone(), scan.clone());
            if self.launched.borrow().contains(&named) {
                let error = Error::usage(format!(
                    "`{}` is the scan {} once more, which is launched by this call",
                    job.full(),
                    outcome.address
                ));
                return self.failed(outcome, error);
            }
            self.launched.borrow_mut().push(named);
        }
        match self.send(&*backend, &target).await {
            Err(error) => self.failed(outcome, error),
            Ok(Step::Running(run)) => {
                target.learn(&run);
                outcome.learn(&run);
                self.already_running(&backend, target, outcome).await
            }
            Ok(Step::Launched(launched, prepared, sent)) => {
                self.launched(&backend, launched, &prepared, sent, outcome).await
            }
        }
    }

    fn failed(&self, mut outcome: Outcome, error: Error) -> Outcome {
        outcome.fail(error);
        outcome
    }

    /// Everything up to the vendor's answer, or to what reading back says in its place.
    async fn send(&self, backend: &dyn Backend, target: &Target) -> Result<Step> {
        let spec = backend.spec();
        if spec.running_check == RunningCheck::Unknowable && self.if_running != IfRunning::Fail {
            self.context.ui.warn(&format!(
                "profile `{}` cannot tell whether a scan is running; it is launched",
                backend.profile()
            ));
        }
        if spec.running_check == RunningCheck::Before {
            let running = guarded(self.context, backend.active_runs(target)).await?;
            if let Some(run) = running.into_iter().next() {
                return Ok(Step::Running(run));
            }
        }
        let prepared = guarded(self.context, backend.prepare(target, self.order)).await?;
        for warning in &prepared.warnings {
            self.context.ui.warn(warning);
        }
        let sent = Instant::now();
        let refused = match guarded(self.context, backend.launch(&prepared)).await {
            Ok(launched) => return Ok(Step::Launched(launched, prepared, sent)),
            Err(error) => error,
        };
        if let Some(lost) = refused.lost() {
            return self.read_back(backend, prepared, lost.sent, refused).await;
        }
        if refused.refused() && may_run_already(spec.running_check, &refused) {
            // Only a reading that shows an active run makes it "already running".
            match guarded(self.context, backend.active_runs(target)).await {
                Ok(running) => {
                    if let Some(run) = running.into_iter().next() {
                        return Ok(Step::Running(run));
                    }
                }
                Err(_unreadable) => {}
            }
        }
        match self.context.interrupt.received() {
            Some(signal) if refused.exit() != Exit::UnknownOutcome => Err(refused.with_exit(signal)),
            _ => Err(refused),
        }
    }

    /// The answer is lost: exactly one new run settles it, two do not, and none proves nothing.
    async fn read_back(&self, backend: &dyn Backend, prepared: Prepared, sent: Instant, lost: Error) -> Result<Step> {
        self.context.ui.warn(&format!("the answer to the launch was lost ({}); reading back", lost.message()));
        let found = look_until(self.context, backend, READ_BACK, READ_BACK_PAUSE, async || {
            let found = backend.find_launched(&prepared, sent).await?;
            Ok((!found.is_empty()).then_some(found))
        });
        let unknown = |error: Error| {
            let look = match &prepared.target.scan {
                Some(scan) if has_runs(backend) => {
                    format!("scanctl status {}", Address::full(backend.profile(), Some(scan), None))
                }
                _ => format!("scanctl scans list -p {}", backend.profile()),
            };
            error.hint(format!("it may be running: look with `{look}` before launching again"))
        };
        match found.await {
            Looked::Found(mut runs) if runs.len() == 1 => {
                let run = runs.remove(0);
                let launched = Launched {
                    scan: run.scan.or_else(|| prepared.target.scan.clone()),
                    run: run.run,
                    name: run.name.or_else(|| prepared.target.name.clone()),
                    native_state: run.native_state,
                    message: Some(match run.message {
                        Some(message) => format!("the answer was lost; found by reading back; {message}"),
                        None => "the answer was lost; found by reading back".to_owned(),
                    }),
                    request_id: None,
                };
                Ok(Step::Launched(launched, prepared, sent))
            }
            Looked::Found(runs) => {
                let addresses = addresses(backend, &runs);
                let error =
                    Error::new(Exit::UnknownOutcome, format!("the answer was lost, and {} runs are new", runs.len()))
                        .because(lost.one_line())
                        .with_answer(lost.answer().clone())
                        .with_detail(Detail::Candidates(addresses));
                Err(unknown(error))
            }
            Looked::Nothing => {
                Err(unknown(lost.context("the launch was sent, its answer was lost, and reading back found nothing")))
            }
            Looked::Unread => {
                Err(unknown(lost.context("the launch was sent, its answer was lost, and it could not be read back")))
            }
        }
    }

    async fn already_running(&self, backend: &Rc<dyn Backend>, mut target: Target, mut outcome: Outcome) -> Outcome {
        let said = match outcome.state {
            Some(RunState::Paused) => format!("{} is active already, and paused", target.describe()),
            _ => format!("{} is running already", target.describe()),
        };
        if self.if_running == IfRunning::Fail {
            let follow = match outcome.state {
                Some(RunState::Paused) => format!("somebody has to resume it: `scanctl resume {}`", outcome.address),
                _ => format!("follow it with `scanctl wait {}`", outcome.address),
            };
            let error = Error::new(Exit::InvalidState, said)
                .hint(format!("{follow}, or launch with --if-running skip or attach"));
            return self.failed(outcome, error);
        }
        outcome.kind = OutcomeKind::Skipped;
        outcome.message = Some(said.clone());
        self.context.ui.status(&format!("{}: {said}", outcome.label()));
        self.say_address(&mut outcome);
        if let (IfRunning::Attach, Some(flags), false) = (self.if_running, self.wait, self.dry_run) {
            waiting::conclude(self.context, backend, &mut target, Goal::End, flags, None, false, &mut outcome).await;
        }
        outcome
    }

    async fn launched(
        &self,
        backend: &Rc<dyn Backend>,
        launched: Launched,
        prepared: &Prepared,
        sent: Instant,
        mut outcome: Outcome,
    ) -> Outcome {
        let asked = poll::now();
        let mut target = Target {
            scan: launched.scan.or_else(|| prepared.target.scan.clone()),
            run: launched.run,
            name: launched.name.or_else(|| prepared.target.name.clone()),
        };
        outcome.message = launched.message;
        outcome.native_state = launched.native_state;
        outcome.request_id = launched.request_id;
        outcome.aim(&target);
        let has_runs = has_runs(&**backend);
        if target.run.is_none() && has_runs {
            if let Err(error) = self.discover(&**backend, prepared, sent, &mut target, &mut outcome).await {
                return self.failed(outcome, error);
            }
            outcome.aim(&target);
        }
        self.context.ui.status(&format!("launched {}: {}", outcome.address, target.describe()));
        if let Some(message) = &outcome.message {
            self.context.ui.status(&format!("note: {message}"));
        }
        if target.run.is_some() || !has_runs {
            self.say_address(&mut outcome);
        }
        if let Some(signal) = self.context.interrupt.received() {
            self.context.ui.hint(&format!("the scan goes on; follow it with `scanctl wait {}`", outcome.address));
            outcome.exit = signal;
            return outcome;
        }
        if let Some(flags) = self.wait {
            // One patience for the whole call: looking for the run was a part of it.
            let spent = Duration::from_secs((poll::now() - asked).as_secs());
            let left = flags.timeout().saturating_sub(spent);
            let flags = waiting::Flags { timeout: Some(left), ..flags.clone() };
            waiting::conclude(self.context, backend, &mut target, Goal::End, &flags, Some(sent), true, &mut outcome)
                .await;
        }
        outcome
    }

    /// Looks for the run of an accepted launch whose answer named none.
    async fn discover(
        &self,
        backend: &dyn Backend,
        prepared: &Prepared,
        sent: Instant,
        target: &mut Target,
        outcome: &mut Outcome,
    ) -> Result<()> {
        // A call that waits anyway looks as seldom as a wait does.
        let (patience, longest) = match self.wait {
            None => (DISCOVERY, READ_BACK_PAUSE),
            Some(flags) => (flags.timeout(), backend.spec().interval.first),
        };
        self.context.ui.status(&format!("accepted: {}; the vendor names no run, looking for it", target.describe()));
        let found = look_until(self.context, backend, patience, longest, async || {
            let found = backend.find_launched(prepared, sent).await?;
            Ok((!found.is_empty()).then_some(found))
        });
        match found.await {
            Looked::Found(mut runs) if runs.len() == 1 => {
                target.learn(&runs.remove(0));
                return Ok(());
            }
            Looked::Found(runs) => {
                outcome.candidates = addresses(backend, &runs);
                outcome.message =
                    Some(format!("accepted; {} runs are new, so which is this one is not known", runs.len()));
            }
            Looked::Nothing => outcome.message = Some("accepted; its run has not appeared yet".to_owned()),
            Looked::Unread => outcome.message = Some("accepted; which run is its own could not be read".to_owned()),
        }
        let said = outcome.message.clone().unwrap_or_default();
        if self.wait.is_some() && self.context.interrupt.received().is_none() {
            let runs = format!("scanctl runs list {}", Address::full(backend.profile(), target.scan.as_ref(), None));
            let error =
                Error::new(Exit::WaitEnded, said).hint(format!("the scan was started; find its run with `{runs}`"));
            let candidates = outcome.candidates.clone();
            return Err(if candidates.is_empty() { error } else { error.with_detail(Detail::Candidates(candidates)) });
        }
        if self.context.ui.is_quiet() {
            self.context.ui.stderr(&format!("{}: {said}", outcome.label()));
        }
        Ok(())
    }

    fn say_address(&self, outcome: &mut Outcome) {
        if let Err(problem) = self.output.address(&outcome.address) {
            outcome.exit = problem.exit();
            self.context.ui.error(&problem);
        }
    }
}

/// Whether the vendor has runs at all, or only results.
fn has_runs(backend: &dyn Backend) -> bool {
    !matches!((backend.spec().support)(Operation::RunsList, None), Support::No(_))
}

/// Whether a refusal is the one that the vendor gives, among other reasons, when the scan is running already.
fn may_run_already(check: RunningCheck, refused: &Error) -> bool {
    let RunningCheck::AfterRefusal { status, code } = check else { return false };
    let answer = refused.answer();
    answer.status == Some(status) && (code.is_none() || answer.code == code)
}

fn addresses(backend: &dyn Backend, runs: &[Run]) -> Vec<String> {
    runs.iter().map(|run| Address::full(backend.profile(), run.scan.as_ref(), run.run.as_ref())).collect()
}
