//! The file of a result, which both products hand out in the same way.
//!
//! The vendor sends a zip archive or, as clients have met, the bare document; it calls either BASE64, and it is not. What
//! was sent is told from its first bytes, by those who read it. Only what is plainly no file is told here.

use serde_json::json;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::sniff;
use crate::http::Request;
use crate::http::download::Download;
use crate::model::ExportFormat;

use super::result::FIELDS;

/// What is asked of a run before its result is fetched.
pub fn fields() -> String {
    format!("{FIELDS},downloadAvailable")
}

/// Asks for the file of a result. The request is a POST that only reads.
///
/// # Errors
/// Exit 6 where the vendor refuses the file of that run, 16 for an answer that is no file.
pub async fn download(request: Request<'_>, format: ExportFormat) -> Result<Download<'static>> {
    let request = request.json(&json!({"downloadType": format.name()})).accept("*/*").reads();
    let (answer, download) = request.label("download").download().await.map_err(of_the_run)?;
    if let Some(other) = sniff::refused(format, &answer.body) {
        return Err(answer.unreadable(other.message()));
    }
    Ok(download)
}

/// The error of a result that has no file.
pub fn no_file(address: &str) -> Error {
    Error::new(Exit::InvalidState, format!("the vendor has no file of `{address}` to download"))
}

/// A refusal as what it is: nothing in the request is the user's, so it is not the request that is wrong but the run
/// that has no such file. Which code this refusal has is not documented; its text is "Scan Result #8 failed".
fn of_the_run(problem: Error) -> Error {
    let answer = problem.answer();
    let is_refused_file = match (problem.exit(), answer.code) {
        (Exit::Usage, _) => true,
        (Exit::Auth, code) => {
            let failed = answer.text.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains("failed"));
            problem.refused() && failed && code != Some(super::dialect::REFUSED)
        }
        _ => false,
    };
    if is_refused_file { problem.with_exit(Exit::InvalidState) } else { problem }
}
