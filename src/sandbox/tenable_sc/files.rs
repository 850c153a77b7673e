//! `/file`: uploads as multipart forms, kept until they are used or cleared. Not for what is in them.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Value, json};

use super::super::Request;
use super::wire::{self, Outcome, Refusal, Success};
use super::world::{Upload, World};

/// Answers the calls below `/file`.
pub(super) fn answer(world: &mut World, request: &Request, path: &[&str]) -> Outcome {
    match (request.method.as_str(), path) {
        ("POST", ["upload"]) => upload(world, request),
        ("POST", ["clear"]) => clear(world, request),
        _ => Err(Refusal::no_route(request)),
    }
}

fn upload(world: &mut World, request: &Request) -> Outcome {
    let kind = request.header("content-type").unwrap_or_default();
    let boundary = boundary(kind).ok_or_else(|| Refusal::because("File upload failed.\nNo file was uploaded."))?;
    let parts = parts(&request.body, boundary);
    let named = |name: &str| parts.iter().find(|part| part.name == name);
    let file = named("Filedata").filter(|part| part.file_name.is_some());
    let file = file.ok_or_else(|| Refusal::because("File upload failed.\nThe part 'Filedata' is missing."))?;
    let text =
        |name: &str| named(name).map(|part| String::from_utf8_lossy(part.content).into_owned()).unwrap_or_default();
    let original = file.file_name.clone().unwrap_or_default();
    let filename: String = (0..6).map(|_| world.random.alphanumeric()).collect();
    let content = if text("returnContent") == "true" {
        base64::engine::general_purpose::STANDARD.encode(file.content)
    } else {
        String::new()
    };
    world.uploads.insert(filename.clone(), Upload { original: original.clone(), content: Arc::from(file.content) });
    Ok(Success::Body(json!({
        "filename": filename, "originalFilename": original, "content": content, "context": text("context"),
    })))
}

fn clear(world: &mut World, request: &Request) -> Outcome {
    let body = wire::body(request)?;
    let name = body.get("filename").and_then(Value::as_str);
    let name = name.ok_or_else(|| Refusal::because("The attribute 'filename' is required."))?;
    match world.uploads.remove(name) {
        Some(_) => Ok(Success::Body(json!({"filename": format!("/opt/sc/orgs/1/uploads/{name}")}))),
        None => Err(Refusal::because(format!("Unable to clear file '{name}'.\nThe file does not exist."))),
    }
}

struct Part<'a> {
    name: String,
    file_name: Option<String>,
    content: &'a [u8],
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let parameter = parameters.split(';').filter_map(|pair| pair.trim().split_once('='));
    parameter.filter(|(key, _)| key.eq_ignore_ascii_case("boundary")).map(|(_, value)| value.trim_matches('"')).next()
}

fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = split(body, delimiter.as_bytes()).map(|(_, rest)| rest);
    while let Some(current) = rest {
        if current.starts_with(b"--") {
            break;
        }
        let Some((part, next)) = split(current, delimiter.as_bytes()) else { break };
        rest = Some(next);
        let part = part.strip_prefix(b"\r\n").unwrap_or(part);
        let part = part.strip_suffix(b"\r\n").unwrap_or(part);
        let Some((head, content)) = split(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(head);
        let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"));
        let parameter = |wanted: &str| {
            let mut pairs = disposition?.split(';').filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(key, _)| *key == wanted).map(|(_, value)| value.trim_matches('"').to_owned())
        };
        if let Some(name) = parameter("name") {
            parts.push(Part { name, file_name: parameter("filename"), content });
        }
    }
    parts
}

fn split<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(delimiter.len()).position(|window| window == delimiter)?;
    Some((&bytes[..at], &bytes[at + delimiter.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_taken_apart() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"returnContent\"\r\n\r\ntrue\r\n--x\r\n\
            Content-Disposition: form-data; name=\"Filedata\"; filename=\"a b.nessus\"\r\nContent-Type: text/xml\r\n\r\n\
            <a>\r\n\r\n</a>\r\n--x--\r\n";
        let parts = parts(body, "x");
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].name.as_str(), parts[0].content), ("returnContent", b"true".as_slice()));
        assert_eq!(parts[1].file_name.as_deref(), Some("a b.nessus"));
        assert_eq!(parts[1].content, b"<a>\r\n\r\n</a>");
        assert_eq!(boundary("multipart/form-data; boundary=\"x\""), Some("x"));
        assert_eq!(boundary("application/json"), None);
    }
}
