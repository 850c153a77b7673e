//! `/qvm`: the asset model by saved searches, which run as tasks, and by the older calls, which answer at once.

use super::asset_model::{self, Condition, Instance};
use super::reply::{self, body, code, error, integer, no_endpoint};
use super::world::World;
use super::{Outcome, query};
use crate::sandbox::{Reply, Request};
use query::Takes;
use serde_json::{Value, json};

const SEARCH_FIELDS: &str = "id,name,owner,filters(parameter,operator,value)";
const TASK_FIELDS: &str = "id,status,retention_period_in_days";
const QUEUED_SECONDS: f64 = 4.0;
const PROCESSING_SECONDS: f64 = 16.0;
const CANCELLING_SECONDS: f64 = 3.0;
const DAY: f64 = 86_400.0;
const MOST_RETENTION_DAYS: i64 = 14;

/// The saved searches and the tasks made from them.
pub(super) struct Searches {
    speed: f64,
    searches: Vec<Search>,
    tasks: Vec<Task>,
}

struct Search {
    id: i64,
    name: String,
    owner: String,
    conditions: Vec<Condition>,
}

struct Task {
    id: i64,
    conditions: Vec<Condition>,
    created: f64,
    cancelled: Option<f64>,
    retention_days: i64,
}

impl Searches {
    /// Three searches; the API can read, re-own and delete them, not make them.
    pub(super) fn seeded(speed: f64) -> Self {
        let search = |id, name: &str, owner: &str, conditions| Search {
            id,
            name: name.to_owned(),
            owner: owner.to_owned(),
            conditions,
        };
        let searches = vec![
            search(101, "Everything", "admin", Vec::new()),
            search(104, "Critical risk", "user", vec![Condition::risk_factor("Critical")]),
            search(110, "The payment server", "user", vec![Condition::address("10.100.85.135")]),
        ];
        Self { speed, searches, tasks: Vec::new() }
    }

    fn search(&self, id: i64) -> Result<&Search, Reply> {
        self.searches.iter().find(|search| search.id == id).ok_or_else(|| not_found("saved search", id))
    }

    /// A task, as long as its results are kept.
    fn task(&self, id: i64, now: f64) -> Result<&Task, Reply> {
        #[expect(clippy::cast_precision_loss, reason = "at most 14")]
        let kept = |task: &&Task| task.id == id && now <= task.created + task.retention_days as f64 * DAY;
        self.tasks.iter().find(kept).ok_or_else(|| not_found("search task", id))
    }

    fn task_object(&self, task: &Task, now: f64) -> Value {
        let status = task.status(now, self.speed);
        json!({"id": task.id, "status": status, "retention_period_in_days": task.retention_days})
    }

    /// The instances a task has found, once it has.
    fn found(&self, world: &World, id: &str, now: f64) -> Result<Vec<Instance>, Reply> {
        let task = self.task(integer(id, "task_id")?, now)?;
        match task.status(now, self.speed) {
            "COMPLETED" => Ok(asset_model::instances(world, &task.conditions, now)),
            status => {
                let message = format!("Search task {} has no results, its status is {status}.", task.id);
                Err(error(404, code::NOT_FOUND, &message))
            }
        }
    }

    /// The conditions that the older calls take in their query: a search by id or by name, or a list of conditions.
    fn conditions(&self, request: &Request) -> Result<Vec<Condition>, Reply> {
        let refuse = |message: &str| error(420, code::LEGACY_PARAMETER, message);
        let by_id = request
            .parameter("savedSearchId")
            .map(|id| self.searches.iter().find(|search| search.id.to_string() == id));
        let by_name =
            request.parameter("savedSearchName").map(|name| self.searches.iter().find(|search| search.name == name));
        if let Some(search) = by_id.or(by_name) {
            return search
                .map(|search| search.conditions.clone())
                .ok_or_else(|| refuse("There is no such saved search."));
        }
        let Some(text) = request.parameter("filters") else { return Ok(Vec::new()) };
        let Ok(Value::Array(filters)) = serde_json::from_str(text) else {
            return Err(refuse("The filters are not a JSON array."));
        };
        filters.iter().map(|filter| Condition::parse(filter).map_err(|message| refuse(&message))).collect()
    }
}

impl Task {
    fn status(&self, now: f64, speed: f64) -> &'static str {
        let age = (now - self.created) * speed;
        match self.cancelled {
            Some(moment) if (now - moment) * speed < CANCELLING_SECONDS => "CANCEL_REQUESTED",
            Some(_) => "CANCELLED",
            None if age < QUEUED_SECONDS => "QUEUED",
            None if age < QUEUED_SECONDS + PROCESSING_SECONDS => "PROCESSING",
            None => "COMPLETED",
        }
    }
}

impl Search {
    fn object(&self) -> Value {
        let filters: Vec<Value> = self.conditions.iter().map(Condition::object).collect();
        json!({"id": self.id, "name": self.name, "owner": self.owner, "filters": filters})
    }
}

/// Answers `/qvm/…`.
pub(super) fn answer(searches: &mut Searches, world: &World, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("GET", ["filters"]) => Ok(reply::json(200, &asset_model::filters())),
        ("GET", ["savedsearches"]) => Ok(reply::json(200, &searches.searches.iter().map(Search::object).collect())),
        ("GET", [kind @ ("assets" | "vulns" | "vulninstances" | "openservices" | "network")]) => {
            let instances = asset_model::instances(world, &searches.conditions(request)?, now);
            let rows = match *kind {
                "assets" => asset_model::asset_rows(&instances),
                "vulns" => asset_model::vulnerability_rows(&instances),
                "openservices" => asset_model::service_rows(&instances),
                "network" => asset_model::network_rows(&instances),
                _ => asset_model::instance_rows(&instances),
            };
            Ok(reply::json(200, &Value::Array(rows)))
        }
        ("GET", ["saved_searches"]) => {
            let all = searches.searches.iter().map(Search::object).collect();
            query::list(request, all, SEARCH_FIELDS, Takes::All)
        }
        ("GET", ["saved_searches", "vuln_instances", id, "status"]) => {
            let task = searches.task(integer(id, "task_id")?, now)?;
            query::one(request, 200, &searches.task_object(task, now), TASK_FIELDS)
        }
        ("POST", ["saved_searches", "vuln_instances", id, "status"]) => set_status(searches, request, id, now),
        ("GET", ["saved_searches", "vuln_instances", id, "results", kind]) => {
            let found = searches.found(world, id, now)?;
            let (rows, fields) = match *kind {
                "vuln_instances" => (asset_model::instance_rows(&found), asset_model::INSTANCE_FIELDS),
                "assets" => (asset_model::asset_rows(&found), asset_model::ASSET_FIELDS),
                "vulnerabilities" => (asset_model::vulnerability_rows(&found), asset_model::VULNERABILITY_FIELDS),
                _ => return Err(no_endpoint(request)),
            };
            query::list(request, rows, fields, Takes::All)
        }
        ("GET", ["saved_searches", id]) => {
            let search = searches.search(integer(id, "saved_search_id")?)?;
            query::one(request, 200, &search.object(), SEARCH_FIELDS)
        }
        ("POST", ["saved_searches", id]) => change_owner(searches, request, id),
        ("DELETE", ["saved_searches", id]) => {
            let id = searches.search(integer(id, "saved_search_id")?)?.id;
            searches.searches.retain(|search| search.id != id);
            Ok(reply::empty(204))
        }
        // A GET that makes a task, each time it is asked.
        ("GET", ["saved_searches", id, "vuln_instances"]) => {
            let conditions = searches.search(integer(id, "saved_search_id")?)?.conditions.clone();
            let id = 7001 + i64::try_from(searches.tasks.len()).unwrap_or_default();
            let task = Task { id, conditions, created: now, cancelled: None, retention_days: 2 };
            let created = query::one(request, 201, &searches.task_object(&task, now), TASK_FIELDS)?;
            searches.tasks.push(task);
            Ok(created)
        }
        _ => Err(no_endpoint(request)),
    }
}

fn set_status(searches: &mut Searches, request: &Request, id: &str, now: f64) -> Outcome {
    let id = integer(id, "task_id")?;
    let status = searches.task(id, now)?.status(now, searches.speed);
    let cancel = match request.parameter("status") {
        None => false,
        Some("CANCELLED") if matches!(status, "QUEUED" | "PROCESSING") => true,
        Some("CANCELLED") => {
            let message = format!("Search task {id} cannot be cancelled, its status is {status}.");
            return Err(error(409, code::CONFLICT, &message));
        }
        Some(other) => {
            return Err(error(422, code::NOT_PERMITTED, &format!("A search task cannot be set to {other}.")));
        }
    };
    let retention = match request.parameter("retention_period_in_days").map(str::parse::<i64>) {
        None => None,
        Some(Ok(days)) if (0..=MOST_RETENTION_DAYS).contains(&days) => Some(days),
        Some(_) => {
            let message = "retention_period_in_days is a whole number from 0 to 14.";
            return Err(error(422, code::NOT_PERMITTED, message));
        }
    };
    if let Some(task) = searches.tasks.iter_mut().find(|task| task.id == id) {
        task.cancelled = if cancel { Some(now) } else { task.cancelled };
        task.retention_days = retention.unwrap_or(task.retention_days);
    }
    let changed = searches.tasks.iter().find(|task| task.id == id).map(|task| searches.task_object(task, now));
    query::one(request, 200, &changed.unwrap_or_default(), TASK_FIELDS)
}

fn change_owner(searches: &mut Searches, request: &Request, id: &str) -> Outcome {
    let id = integer(id, "saved_search_id")?;
    let owner = body(request)?.as_ref().and_then(|search| search.get("owner")?.as_str().map(str::to_owned));
    let owner = owner.ok_or_else(|| error(422, code::NOT_PERMITTED, "The saved search has no owner."))?;
    let search =
        searches.searches.iter_mut().find(|search| search.id == id).ok_or_else(|| not_found("saved search", id))?;
    search.owner = owner;
    query::one(request, 200, &search.object(), SEARCH_FIELDS)
}

fn not_found(what: &str, id: i64) -> Reply {
    error(404, code::NOT_FOUND, &format!("There is no {what} {id}."))
}
