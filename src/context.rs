//! What a command works with: the printer, the config, and connected backends.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use crate::backends::{self, Backend, Connector, Peers, Spec};
use crate::config::Config;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::http::connection::Connection;
use crate::http::{Shared, Writes};
use crate::interrupt::Interrupt;
use crate::model::{Address, Operation, Support};
use crate::ui::Ui;

/// One program run.
pub struct Context {
    /// The printer.
    pub ui: Rc<Ui>,
    /// Ctrl-C and SIGTERM.
    pub interrupt: Interrupt,
    /// Changing requests under way.
    pub writes: Rc<Writes>,
    config_file: Option<PathBuf>,
    wanted: Vec<String>,
    config: OnceCell<Config>,
    open: RefCell<Vec<Rc<dyn Backend>>>,
}

impl Context {
    /// A context that has read nothing yet.
    pub fn new(ui: Rc<Ui>, config_file: Option<PathBuf>, wanted: Vec<String>) -> Self {
        Self {
            ui,
            interrupt: Interrupt::default(),
            writes: Rc::default(),
            config_file,
            wanted,
            config: OnceCell::new(),
            open: RefCell::default(),
        }
    }

    /// The config, read at the first need.
    ///
    /// # Errors
    /// Exit 3.
    pub fn config(&self) -> Result<&Config> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = Config::load(self.config_file.as_deref())?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The profiles that flags, environment or config select.
    ///
    /// # Errors
    /// Exit 2 or 3.
    pub fn selected(&self) -> Result<Vec<String>> {
        let config = self.config()?;
        if self.wanted.is_empty() { config.fallback() } else { config.expand(&self.wanted) }
    }

    /// Whether profiles were named by flag or environment.
    pub fn profiles_named(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// The profile of an address: its own, else the one selected.
    ///
    /// # Errors
    /// Exit 2 where several are selected: an id means something else on each.
    pub fn profile_of(&self, address: &Address) -> Result<String> {
        if let Some(profile) = &address.profile {
            self.config()?.knows(profile)?;
            return Ok(profile.to_string());
        }
        let mut selected = self.selected()?;
        match (selected.pop(), selected.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                Err(Error::usage(format!("`{address}` means something else on each of the selected profiles"))
                    .hint(format!("put the profile before it: `{last}/{address}`")))
            }
            (None, _) => Err(Error::usage("no profile is selected")),
        }
    }

    /// A profile's settings and backend, every key read and known. No secret is read.
    ///
    /// # Errors
    /// Exit 3.
    pub fn inspect(&self, profile: &str) -> Result<Inspected> {
        let settings = self.config()?.profile(profile)?;
        let spec = backends::find(&settings)?;
        backends::check_keys(&settings, spec)?;
        let reader = settings.reader();
        let connection = Connection::read(&reader, spec.defaults)?;
        let connect = (spec.configure)(&reader)?;
        reader.finish()?;
        Ok(Inspected { spec, connection, connect, settings: settings.clone() })
    }

    /// Whether a profile can do all of these.
    ///
    /// # Errors
    /// Exit 3, or 7 for the first it cannot do.
    pub fn require(&self, profile: &str, operations: &[Operation]) -> Result<Inspected> {
        let inspected = self.inspect(profile)?;
        for operation in operations {
            if let Support::No(why) = (inspected.spec.support)(*operation, Some(&inspected.settings)) {
                return Err(backends::unsupported(inspected.spec, *operation, why));
            }
        }
        Ok(inspected)
    }

    /// Connects a profile for exactly these operations: support first, secrets second, no request.
    ///
    /// # Errors
    /// Exit 3 or 7.
    pub fn connect(&self, profile: &str, operations: &[Operation], dry_run: bool) -> Result<Rc<dyn Backend>> {
        let inspected = self.require(profile, operations)?;
        let peers = ContextPeers { context: self, dry_run };
        let connector = Connector {
            profile,
            connection: inspected.connection,
            shared: self.shared(dry_run),
            operations,
            peers: &peers,
        };
        let backend = (inspected.connect)(connector)?;
        self.open.borrow_mut().push(Rc::clone(&backend));
        Ok(backend)
    }

    fn shared(&self, dry_run: bool) -> Shared {
        let ui = Rc::clone(&self.ui);
        Shared { dry_run, writes: Rc::clone(&self.writes), notice: Rc::new(move |text| ui.warn(text)) }
    }

    /// Ends every session that was opened.
    pub async fn close(&self) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        futures_util::future::join_all(open.iter().map(|backend| backend.close())).await;
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Context").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// A profile that was read in full, before its secrets.
pub struct Inspected {
    /// Its backend.
    pub spec: &'static Spec,
    /// Its settings.
    pub settings: Settings,
    /// Its connection.
    pub connection: Connection,
    /// Reads the secrets and makes the backend.
    pub connect: backends::Connect,
}

impl std::fmt::Debug for Inspected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Inspected").field("spec", &self.spec).finish_non_exhaustive()
    }
}

struct ContextPeers<'a> {
    context: &'a Context,
    dry_run: bool,
}

impl Peers for ContextPeers<'_> {
    fn spec(&self, profile: &str) -> Result<&'static Spec> {
        Ok(self.context.inspect(profile)?.spec)
    }

    fn open(&self, profile: &str, operations: &[Operation]) -> Result<Rc<dyn Backend>> {
        self.context.connect(profile, operations, self.dry_run)
    }
}
