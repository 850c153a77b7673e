//! Rows for the tests of the writers.

use super::sample::Shared;
use super::{About, Change, FindingFormat, Options, open};
use crate::findings::{Decoded, Details, Emitter, Finding, FindingSink, Host, Origin, Severity};

/// One row, with everything around it.
#[derive(Clone)]
pub(super) struct Row {
    pub origin: Origin,
    pub host: Host<'static>,
    pub details: Details<'static>,
    pub change: Option<Change>,
}

/// A row of a plugin on a host, and nothing else.
pub(super) fn row(host: &str, plugin: &str, severity: Severity) -> Row {
    Row {
        origin: Origin::default(),
        host: Host { name: host.to_owned().into(), ..Host::default() },
        details: Details {
            plugin_id: Some(plugin.to_owned().into()),
            plugin_name: Some(format!("plugin {plugin}").into()),
            protocol: Some("tcp".into()),
            port: Some(0),
            severity,
            ..Details::default()
        },
        change: None,
    }
}

impl Row {
    pub(super) fn port(mut self, port: u16) -> Self {
        self.details.port = Some(port);
        self
    }

    pub(super) fn compared(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut Details<'static>)) -> Self {
        change(&mut self.details);
        self
    }

    pub(super) fn host(mut self, change: impl FnOnce(&mut Host<'static>)) -> Self {
        change(&mut self.host);
        self
    }

    /// Calls with the row as a finding, its id made as any row's is.
    pub(super) fn with(&self, take: impl FnMut(&Finding<'_>) + Send) {
        struct Take<F>(F);
        impl<F: FnMut(&Finding<'_>) + Send> FindingSink for Take<F> {
            fn finding(&mut self, finding: &Finding<'_>) -> crate::error::Result<()> {
                (self.0)(finding);
                Ok(())
            }
        }
        Emitter::new(&self.origin, &mut Take(take)).host(&self.host, std::slice::from_ref(&self.details)).unwrap();
    }
}

/// The document of one report, and what its writer notes.
pub(super) fn document(format: FindingFormat, about: &About, rows: &[Row], complete: bool) -> (String, Vec<String>) {
    let options = Options::default();
    document_with(format, &options, about, rows, complete)
}

pub(super) fn document_with(
    format: FindingFormat,
    options: &Options,
    about: &About,
    rows: &[Row],
    complete: bool,
) -> (String, Vec<String>) {
    let place = Shared::default();
    let mut writer = open(format, Box::new(place.clone()), options);
    writer.begin(about).unwrap();
    for row in rows {
        let row = Row { origin: about.origin.clone(), ..row.clone() };
        row.with(|finding| match row.change {
            Some(change) => writer.compared(finding, change, None).unwrap(),
            None => writer.finding(finding).unwrap(),
        });
    }
    let decoded = Decoded { findings: rows.len() as u64, hosts: 1, ..Decoded::default() };
    writer.end(&decoded, complete).unwrap();
    writer.finish(complete).unwrap();
    (place.text(), writer.notes())
}
