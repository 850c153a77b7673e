//! The flow of a change against a scripted backend: what is sent, when, and what is made of every answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use async_trait::async_trait;
use serde_json::json;

use super::Changing;
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::report::{ExportOrder, Fetch, Report};
use crate::backends::{
    Backend, Controlled, Identity, Launched, Order, Prepared, REGISTRY, Reading, RunQuery, ScanQuery, Spec, Target,
};
use crate::cli::{Cli, Global};
use crate::commands::targets::Job;
use crate::context::Context;
use crate::error::{Detail, Error, Lost, PlannedRequest, Result};
use crate::exit::Exit;
use crate::model::{Address, Control, Difference, Outcome, OutcomeKind, Run, RunId, Scan, ScanId, Verb};
use crate::output::{Output, Wanted};
use crate::ui::{ColorChoice, ProgressChoice, Settings, Ui};

/// A backend that does as it is told.
struct Told {
    prepared: Box<dyn Fn(PreparedChange) -> PreparedChange>,
    applied: RefCell<Vec<Result<Applied>>>,
    found: RefCell<Vec<Found>>,
    sent: Cell<usize>,
    looks: Cell<usize>,
}

impl Told {
    fn new(applied: Result<Applied>, found: Vec<Found>) -> Self {
        Self {
            prepared: Box::new(|prepared| prepared),
            applied: RefCell::new(vec![applied]),
            found: RefCell::new(found),
            sent: Cell::default(),
            looks: Cell::default(),
        }
    }
}

#[async_trait(?Send)]
impl Backend for Told {
    fn spec(&self) -> &'static Spec {
        REGISTRY[1]
    }

    fn profile(&self) -> &str {
        "sc"
    }

    fn is_loopback(&self) -> bool {
        true
    }

    async fn resolve(&self, address: &Address, _verb: Verb) -> Result<Target> {
        Ok(Target { scan: address.id().map(ScanId::new), run: address.run_id().cloned(), name: None })
    }

    async fn prepare_change(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        let mut prepared = PreparedChange::new(target, change);
        prepared.target.name = prepared.target.scan.is_some().then(|| "Weekly DMZ".to_owned());
        Ok((self.prepared)(prepared))
    }

    async fn apply(&self, _prepared: &PreparedChange) -> Result<Applied> {
        self.sent.set(self.sent.get() + 1);
        self.applied.borrow_mut().remove(0)
    }

    async fn find_applied(&self, _prepared: &PreparedChange, _sent: Instant) -> Result<Found> {
        self.looks.set(self.looks.get() + 1);
        let mut found = self.found.borrow_mut();
        Ok(if found.len() > 1 { found.remove(0) } else { found[0].clone() })
    }

    async fn identity(&self) -> Result<Identity> {
        unreachable!()
    }

    async fn prepare(&self, _target: &Target, _order: &Order) -> Result<Prepared> {
        unreachable!()
    }

    async fn launch(&self, _prepared: &Prepared) -> Result<Launched> {
        unreachable!()
    }

    async fn find_launched(&self, _prepared: &Prepared, _sent: Instant) -> Result<Vec<Run>> {
        unreachable!()
    }

    async fn active_runs(&self, _target: &Target) -> Result<Vec<Run>> {
        unreachable!()
    }

    async fn control(&self, _target: &Target, _control: Control) -> Result<Controlled> {
        unreachable!()
    }

    async fn status(&self, _target: &Target) -> Result<Reading<Run>> {
        unreachable!()
    }

    async fn results<'a>(&'a self, _target: &Target, _fetch: &Fetch<'_>) -> Result<Report<'a>> {
        unreachable!()
    }

    async fn export<'a>(&'a self, _: &Target, _: &ExportOrder, _: &Fetch<'_>) -> Result<Report<'a>> {
        unreachable!()
    }

    async fn active(&self) -> Result<Reading<Vec<Run>>> {
        unreachable!()
    }

    async fn scans(&self, _query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        unreachable!()
    }

    async fn scan(&self, _target: &Target, _query: &ScanQuery) -> Result<Reading<Scan>> {
        unreachable!()
    }

    async fn runs(&self, _target: Option<&Target>, _query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        unreachable!()
    }

    async fn close(&self) {}
}

fn scan(id: &str) -> Target {
    Target { scan: Some(ScanId::new(id)), name: Some("Weekly DMZ".to_owned()), run: None }
}

fn run(id: &str) -> Target {
    Target { run: Some(RunId::new(id)), ..Target::default() }
}

fn made(target: Target) -> Result<Applied> {
    Ok(Applied { target, ..Applied::default() })
}

fn lost() -> Result<Applied> {
    let detail = Detail::Lost(Lost { sent: Instant::now() });
    Err(Error::new(Exit::UnknownOutcome, "HTTP 502").with_detail(detail))
}

fn create() -> Change {
    Change::CreateScan(Draft::new(&REGISTRY[1].forms.scan))
}

async fn outcome(backend: Told, change: Change, address: Option<&str>, yes: bool) -> (Outcome, usize, usize) {
    let ui = Rc::new(Ui::new(Settings {
        quiet: true,
        color: ColorChoice::Never,
        progress: ProgressChoice::None,
        no_color: true,
        force_color: false,
        json_errors: false,
    }));
    let context = Context::new(Rc::clone(&ui), None, Vec::new());
    let mut global: Global = <Cli as clap::Parser>::try_parse_from(["scanctl", "backends"]).unwrap().global;
    global.yes = yes;
    let changing = Changing { context: &context, global: &global, verb: change.verb(), dry_run: false, wait: None };
    let output = Output::open(&Wanted::default(), &ui).unwrap();
    let job = Job { index: 0, address: address.map(|text| text.parse().unwrap()), profile: "sc".to_owned() };
    let told = Rc::new(backend);
    let backend: Rc<dyn Backend> = Rc::clone(&told) as Rc<dyn Backend>;
    let outcome = changing.one(&output, &backend, &job, &change).await;
    (outcome, told.sent.get(), told.looks.get())
}

fn told(outcome: &Outcome) -> String {
    let why = outcome.error.as_ref().map(|error| error.message().to_owned());
    let said = outcome.message.clone().or(why).unwrap_or_default();
    format!("{} {} {} | {said}", outcome.exit.code(), outcome.kind.name(), outcome.address)
}

#[tokio::test(start_paused = true)]
async fn what_was_made_is_named_by_its_answer() {
    let (outcome, sent, looks) = outcome(Told::new(made(scan("54")), vec![]), create(), None, false).await;
    assert_eq!(told(&outcome), "0 accepted sc/54 | made scan 54 \"Weekly DMZ\"");
    assert_eq!((sent, looks), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_made_without_a_name_is_looked_for_and_no_longer_than_a_minute() {
    let found = vec![Found::NotYet, Found::NotYet, Found::Seen(vec![run("9")])];
    let import = || Change::ImportRun { file: "report.nessus".into(), draft: Draft::new(&REGISTRY[1].forms.import) };
    let (one, sent, looks) = outcome(Told::new(made(Target::default()), found), import(), None, false).await;
    assert_eq!(told(&one), "0 accepted sc/@9 | imported report.nessus as run 9");
    assert_eq!((sent, looks), (1, 3));

    let started = tokio::time::Instant::now();
    let none = Told::new(made(Target::default()), vec![Found::NotYet]);
    let (none, sent, _) = outcome(none, import(), None, false).await;
    assert_eq!(told(&none), "0 accepted sc/ | accepted; what was made is not to be seen yet");
    assert_eq!((sent, started.elapsed().as_secs()), (1, 60));

    let two = Told::new(made(Target::default()), vec![Found::Seen(vec![run("9"), run("10")])]);
    let (two, ..) = outcome(two, import(), None, false).await;
    assert_eq!((two.candidates.join(" "), two.run), ("sc/@9 sc/@10".to_owned(), None));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_one_thing_that_is_new_and_by_nothing_else() {
    for (found, expected) in [
        (
            vec![Found::NotYet, Found::Seen(vec![scan("54")])],
            "0 confirmed sc/54 | made scan 54 \"Weekly DMZ\"; the answer was lost; seen by reading back",
        ),
        (vec![Found::Seen(vec![scan("54"), scan("55")])], "15 failed sc/ | the answer was lost, and 2 things are new"),
        (
            vec![Found::NotYet],
            "15 failed sc/ | scans create was sent, its answer was lost, and reading back does not show it",
        ),
        (vec![Found::Untold], "15 failed sc/ | scans create was sent, its answer was lost, and nothing to read tells"),
    ] {
        let (outcome, sent, _) = outcome(Told::new(lost(), found), create(), None, false).await;
        assert_eq!(told(&outcome), expected);
        assert_eq!(sent, 1, "{expected}");
    }
    let (gone, ..) =
        outcome(Told::new(lost(), vec![Found::Seen(vec![scan("34")])]), Change::DeleteScan, Some("sc/34"), true).await;
    assert_eq!(
        told(&gone),
        "0 confirmed sc/34 | deleted scan 34 \"Weekly DMZ\"; the answer was lost; seen by reading back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_the_end_and_nothing_is_looked_for() {
    let refused = Err(Error::new(Exit::Usage, "HTTP 403: no such policy").with_detail(Detail::Refused));
    let (outcome, sent, looks) = outcome(Told::new(refused, vec![]), create(), None, false).await;
    assert_eq!(told(&outcome), "2 failed sc/ | HTTP 403: no such policy");
    assert_eq!((sent, looks), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_update_sends_only_where_something_differs_and_says_what() {
    let update = || Change::UpdateScan(Draft::new(&REGISTRY[1].forms.scan));
    let (same, sent, _) = outcome(Told::new(made(scan("34")), vec![]), update(), Some("sc/34"), false).await;
    assert_eq!(told(&same), "0 skipped sc/34 | scan 34 \"Weekly DMZ\" is so already; nothing was sent");
    assert_eq!((sent, same.kind), (0, OutcomeKind::Skipped));

    let mut backend = Told::new(made(Target::default()), vec![]);
    let difference = Difference { key: "targets".into(), before: None, after: json!(["a"]), note: None };
    let differs = difference.clone();
    backend.prepared = Box::new(move |prepared| PreparedChange { differences: vec![differs.clone()], ..prepared });
    let (changed, sent, _) = outcome(backend, update(), Some("sc/34"), false).await;
    assert_eq!(told(&changed), "0 accepted sc/34 | asked to change scan 34 \"Weekly DMZ\"");
    assert_eq!((sent, changed.changes), (1, vec![difference]));
}

#[tokio::test(start_paused = true)]
async fn only_what_an_answer_or_a_look_shows_is_said_to_be_so() {
    let differing = |applied, found| {
        let mut backend = Told::new(applied, found);
        let difference = Difference { key: "name".into(), before: Some(json!("a")), after: json!("b"), note: None };
        backend.prepared =
            Box::new(move |prepared| PreparedChange { differences: vec![difference.clone()], ..prepared });
        backend
    };
    let update = || Change::UpdateScan(Draft::new(&REGISTRY[1].forms.scan));
    let shown = Ok(Applied { shown: true, ..Applied::default() });
    let (answered, ..) = outcome(differing(shown, vec![]), update(), Some("sc/34"), false).await;
    assert_eq!(told(&answered), "0 accepted sc/34 | changed scan 34 \"Weekly DMZ\"");
    let seen = || vec![Found::Seen(vec![Target::default()])];
    let (seen_so, ..) = outcome(differing(lost(), seen()), update(), Some("sc/34"), false).await;
    assert!(told(&seen_so).starts_with("0 confirmed sc/34 | changed scan 34"), "{}", told(&seen_so));
    let reimport = Change::ReimportRun(Draft::new(&REGISTRY[1].forms.reimport));
    let (again, ..) = outcome(Told::new(lost(), seen()), reimport, Some("sc/@8"), false).await;
    assert!(told(&again).starts_with("0 confirmed sc/@8 | run 8 is imported once more"), "{}", told(&again));
}

#[tokio::test(start_paused = true)]
async fn what_is_doubtful_needs_a_yes_before_anything_is_sent() {
    let doubtful = || {
        let mut backend = Told::new(made(scan("54")), vec![]);
        backend.prepared = Box::new(|prepared| PreparedChange {
            doubts: vec!["another config like an existing one".to_owned()],
            message: Some("`scanctl scans delete sc/54` removes it".to_owned()),
            ..prepared
        });
        backend
    };
    let (asked, sent, _) = outcome(doubtful(), create(), None, false).await;
    assert_eq!(
        told(&asked),
        "2 failed sc/ | another config like an existing one needs a confirmation, and there is no terminal to ask on"
    );
    assert_eq!(sent, 0);
    let (made, sent, _) = outcome(doubtful(), create(), None, true).await;
    assert_eq!(
        told(&made),
        "0 accepted sc/54 | made scan 54 \"Weekly DMZ\"; `scanctl scans delete sc/54` removes it; \
         another config like an existing one"
    );
    assert_eq!(sent, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_of_a_run_is_said_back_and_no_more() {
    for (change, expected) in [
        (Change::CopyRun { users: vec!["5".into(), "6".into()] }, "asked to copy run 8 to users 5, 6"),
        (Change::EmailRun { to: vec!["soc@example.org".into()] }, "asked to send run 8 to soc@example.org"),
        (Change::DeleteRun, "deleted run 8"),
        (Change::ReimportRun(Draft::new(&REGISTRY[1].forms.reimport)), "asked to import run 8 once more"),
    ] {
        let backend = Told::new(made(Target::default()), vec![]);
        let (outcome, ..) = outcome(backend, change, Some("sc/@8"), true).await;
        assert_eq!(told(&outcome), format!("0 accepted sc/@8 | {expected}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_would_follow_and_a_real_one_does_not() {
    let planned = Error::planned(PlannedRequest { method: "POST".into(), path: "/x".into(), body: None });
    let two = |applied| {
        let mut backend = Told::new(applied, vec![]);
        let message = || Some("it stays".to_owned());
        backend.prepared = Box::new(move |prepared| PreparedChange { message: message(), ..prepared });
        backend
    };
    let (dry, ..) = outcome(two(Err(planned.hint("then POST /y"))), create(), None, false).await;
    assert_eq!(told(&dry), "0 planned sc/ | then POST /y; it stays");
    let (real, ..) = outcome(two(made(scan("54"))), create(), None, false).await;
    assert_eq!(told(&real), "0 accepted sc/54 | made scan 54 \"Weekly DMZ\"; it stays");
}
