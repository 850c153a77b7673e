//! The latest open ports of a config, as findings or as they came.
//!
//! An address that is missing, or has no port, was not scanned yet or has nothing open: which of the two nobody says.
//! So a result without a port is never taken for a whole one.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use futures_util::stream;

use super::answer::{Envelope, OpenPort, OpenPorts};
use super::{Cloudflare, NO_RESULT, may_mean_no_result, no_result, reading};
use crate::backends::Target;
use crate::backends::report::{Decoder, Fetch, Report};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::{Details, Emitter, Host, OPEN_PORT, PageReader, Source};
use crate::http::download::Download;
use crate::model::{Address, Run};

const ABSENT: &str =
    "an address that is missing or without a port is not known to be closed: it may not have been scanned yet";
/// Rows of one host that are held at most.
const MOST_AT_ONCE: usize = 500;

/// Open ports as findings.
pub(super) async fn results<'a>(account: &Cloudflare, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
    let latest = latest(account, target, fetch).await?;
    // Where even the answer is missing there is nothing to read.
    let download = latest.body.clone().map_or_else(|| Download::new(stream::empty()), Download::whole);
    Ok(Report { decoder: Some(Decoder::Pages(reader())), ..latest.report(download) })
}

/// Reads the answer with the latest result as findings.
pub fn reader() -> PageReader {
    Box::new(read)
}

/// The answer as it is.
pub(super) async fn export<'a>(account: &Cloudflare, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
    let mut latest = latest(account, target, fetch).await?;
    match latest.body.take() {
        Some(body) => Ok(latest.report(Download::whole(body))),
        None => Err(missing(latest.notes)),
    }
}

struct Latest {
    run: Run,
    /// What was answered; none where that is a refusal that may mean that there is no result yet.
    body: Option<Bytes>,
    incomplete: Option<String>,
    notes: Vec<String>,
}

impl Latest {
    fn report(self, download: Download<'_>) -> Report<'_> {
        let Self { run, incomplete, notes, .. } = self;
        Report { run, source: Source::Cloudflare, decoder: None, download, incomplete, notes }
    }
}

/// One request where there is a port; else another one, which tells whether the config is there at all.
async fn latest(account: &Cloudflare, target: &Target, fetch: &Fetch<'_>) -> Result<Latest> {
    let scan = account.scan_of(target)?;
    let (summary, body, mut notes) = match account.latest(scan).await {
        Ok(latest) => (Some(latest.summary), Some(latest.raw), latest.notes),
        Err(problem) if may_mean_no_result(&problem) => {
            (None, None, vec![format!("the result could not be read: {}", problem.message())])
        }
        Err(problem) => return Err(problem),
    };
    let run = summary.as_ref().map_or_else(|| no_result(scan, None), |summary| reading(scan, summary));
    if run.state.is_some() {
        notes.extend(run.message.clone().into_iter().chain([ABSENT.to_owned()]));
        return Ok(Latest { run, body, incomplete: None, notes });
    }
    let listed = account.list().await?;
    if listed.find(scan).is_none() {
        return Err(account.not_listed(scan));
    }
    if !fetch.partial {
        let error = missing(notes);
        let address = Address::full(&account.profile, Some(scan), None);
        return Err(error.hint(format!(
            "`scanctl wait {address}` waits for an open port; `--partial` takes the result as it is, marked as incomplete"
        )));
    }
    Ok(Latest { run, body, incomplete: Some(NO_RESULT.to_owned()), notes })
}

fn missing(causes: Vec<String>) -> Error {
    causes.into_iter().fold(Error::new(Exit::InvalidState, NO_RESULT), Error::because)
}

/// Reads the answer; see [`crate::findings::PageReader`].
fn read(body: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Error>> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let ports = match serde_path_to_error::deserialize::<_, Envelope<OpenPorts>>(&mut json) {
        Ok(envelope) => envelope.result.unwrap_or_default(),
        Err(problem) => return Ok(Some(Error::bad_data(format!("the latest result cannot be read: {problem}")))),
    };
    for (address, ports) in &ports {
        let host = host(address);
        let mut ports = ports.as_deref().unwrap_or_default().chunks(MOST_AT_ONCE);
        let first = ports.next().unwrap_or_default();
        for part in std::iter::once(first).chain(ports) {
            let rows: Vec<Details<'_>> = part.iter().map(OpenPort::details).collect();
            emitter.host(&host, &rows)?;
        }
    }
    Ok(None)
}

fn host(address: &str) -> Host<'_> {
    // The same address has one spelling, so that findings of two results can be compared.
    let ip = address.parse::<IpAddr>().ok().map(|ip| Cow::Owned(ip.to_string()));
    Host { name: Cow::Borrowed(address), ip, ..Host::default() }
}

impl OpenPort {
    fn details(&self) -> Details<'_> {
        let word = self.status.text().map(str::trim).filter(|word| !word.is_empty());
        // The call is said to tell of open ports. Should it ever tell of others, they are not called open.
        let name = match word {
            Some(word) if !word.eq_ignore_ascii_case("open") => Cow::Owned(format!("{word} port")),
            _ => Cow::Borrowed(OPEN_PORT),
        };
        Details {
            port: self.number.number().and_then(|number| u16::try_from(number).ok()),
            protocol: self.proto.text().map(|proto| Cow::Owned(proto.trim().to_ascii_lowercase())),
            plugin_name: Some(name),
            state: word.map(Cow::Borrowed),
            ..Details::default()
        }
    }
}
