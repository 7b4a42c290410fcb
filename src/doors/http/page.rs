//! The requests of browsers: for the files of the page, and for a WebSocket.
//!
//! The files of `client/web/` are in the program, and are compressed once, when it starts. The page
//! fetches nothing from elsewhere, and may do nothing that the policy does not name.

use std::borrow::Cow;
use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::head::{Head, append_head, status_answer, text_answer, upgrade};
use super::origin::{Authority, Host, Scheme};
use crate::doors::codec::Transport;
use crate::limits::WEBSOCKET_KEY_BYTES;
use crate::locale::page::PageRefusal;
use crate::locale::{Lang, excerpt};

/// Embeds files of `client/web/`: the path of each, and its content.
macro_rules! files {
    ($($name:literal)+) => {
        &[$((concat!("/", $name), include_bytes!(concat!("../../../client/web/", $name)))),+]
    };
}

/// The page's files.
const FILES: &[(&str, &[u8])] = files! {
    "index.html" "style.css" "icon.svg" "admin.js" "app.js" "conversation.js" "dom.js" "entrance.js"
    "keep.js" "link.js" "links.js" "list.js" "panels.js" "question.js" "requests.js" "search.js"
    "session.js" "stream.js" "talk.js" "text.js" "words.js" "world.js"
};

/// The files as they are sent.
static READY: LazyLock<Vec<File>> = LazyLock::new(|| FILES.iter().map(File::of).collect());

/// Compresses the page's files, which takes some milliseconds: before the loop runs, and not when
/// the first browser asks.
pub fn compress() {
    LazyLock::force(&READY);
}

/// A file in the two encodings that browsers take (RFC 9110, section 8.4).
struct File {
    path: &'static str,
    kind: &'static str,
    as_is: Encoded,
    gzip: Encoded,
}

/// The bytes of an encoding. Each has a tag of its own (RFC 9110, section 8.8.3.3).
struct Encoded {
    bytes: Cow<'static, [u8]>,
    tag: String,
}

impl File {
    fn of(&(path, content): &(&'static str, &'static [u8])) -> File {
        let (path, kind) = match path.rsplit_once('.') {
            Some((_, "html")) => ("/", "text/html; charset=utf-8"),
            Some((_, "css")) => (path, "text/css; charset=utf-8"),
            Some((_, "svg")) => (path, "image/svg+xml"),
            _ => (path, "text/javascript; charset=utf-8"),
        };
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let gzip = gzip.write_all(content).and_then(|()| gzip.finish()).unwrap_or_default();
        let tag = format!("{:x}-{:08x}", content.len(), crc32fast::hash(content));
        File {
            path,
            kind,
            gzip: Encoded { bytes: gzip.into(), tag: format!("\"{tag}-gzip\"") },
            as_is: Encoded { bytes: content.into(), tag: format!("\"{tag}\"") },
        }
    }
}

/// The path at which WebSocket begins.
const SOCKET_PATH: &str = "/ws";
/// The only version of WebSocket.
const SOCKET_VERSION: &str = "13";

/// The page may load its own files and connect to its own server, and nothing else. No text is ever
/// taken for markup or for a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// How a request came: the answer depends on it.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// Whether messages can be taken.
    pub is_healthy: bool,
    /// It came over TLS, or from this machine, or plaintext is allowed.
    pub may_enter: bool,
    /// Whether it came over TLS, if that is known.
    pub scheme: Option<Scheme>,
    /// The names that the operator gave the server.
    pub hosts: &'a [String],
    /// The language of the answer.
    pub lang: Lang,
}

/// The answer to a request.
#[derive(Debug)]
pub enum HttpAnswer {
    /// The connection closes after this answer.
    Answered(Transport),
    /// The same, because plaintext is not allowed.
    NeedsTls(Transport),
    /// After the head the connection speaks WebSocket.
    Upgraded {
        /// The head's length.
        head_bytes: usize,
        /// The answer.
        answer: Transport,
    },
}

/// Answers a request. One that may not enter is redirected to TLS.
pub fn answer(head: &Head, visit: &Visit) -> HttpAnswer {
    if let Some(answer) = health(head, visit.is_healthy) {
        return HttpAnswer::Answered(answer);
    }
    if let Err(why) = check_host(head, visit.hosts) {
        let status = if why == PageRefusal::BadHost { "400 Bad Request" } else { "403 Forbidden" };
        return HttpAnswer::Answered(text_answer(status, &[], &why.say(visit.lang)));
    }
    if !visit.may_enter {
        return HttpAnswer::NeedsTls(way_to_tls(head));
    }
    let file = READY.iter().find(|file| file.path == head.path());
    let is_get = head.method() == "GET";
    HttpAnswer::Answered(match (file, head.path()) {
        (None, SOCKET_PATH) if is_get => match socket_key(head, visit) {
            Ok(key) => {
                return HttpAnswer::Upgraded { head_bytes: head.bytes, answer: upgrade(key) };
            }
            Err(answer) => answer,
        },
        (None, path) if path != SOCKET_PATH => status_answer("404 Not Found", &[]),
        (Some(file), _) if is_get || head.method() == "HEAD" => file_answer(head, file),
        _ => status_answer("405 Method Not Allowed", &[("Allow", "GET, HEAD")]),
    })
}

/// The answer to a program that asks whether the server can take messages, if it is such a request.
/// It tells nothing else, so anyone may ask, by whatever host name and without TLS.
pub fn health(head: &Head, is_healthy: bool) -> Option<Transport> {
    let is_asked = head.path() == "/health" && head.method() == "GET";
    let status = if is_healthy { "200 OK" } else { "503 Service Unavailable" };
    is_asked.then(|| status_answer(status, &[("Cache-Control", "no-store")]))
}

fn file_answer(head: &Head, file: &File) -> Transport {
    let is_gzip = head.accepts("gzip");
    let Encoded { bytes, tag } = if is_gzip { &file.gzip } else { &file.as_is };
    let mut headers = vec![
        ("Content-Type", file.kind),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        // A browser asks again each time, which costs a head: a new version is there at once.
        ("Cache-Control", "no-cache"),
        ("ETag", tag),
        ("Vary", "Accept-Encoding"),
    ];
    if is_gzip {
        headers.push(("Content-Encoding", "gzip"));
    }
    // A proxy that encodes anew marks the tag as weak, and the content is the same.
    let is_known =
        head.lists("if-none-match", tag) || head.lists("if-none-match", &format!("W/{tag}"));
    let status = if is_known { "304 Not Modified" } else { "200 OK" };
    let mut out = Vec::new();
    append_head(&mut out, status, &headers, bytes.len());
    if !is_known && head.method() == "GET" {
        out.extend_from_slice(bytes);
    }
    Transport(out)
}

fn way_to_tls(head: &Head) -> Transport {
    match head.only("host") {
        Some(host) if head.method() == "GET" => {
            let place = format!("https://{host}{}", head.path());
            status_answer("307 Temporary Redirect", &[("Location", &place)])
        }
        _ => status_answer("426 Upgrade Required", &[("Upgrade", "TLS/1.3")]),
    }
}

/// The key of a request for WebSocket that may have it.
///
/// # Errors
/// The answer to one that may not.
fn socket_key<'b>(head: &Head<'_, 'b>, visit: &Visit) -> Result<&'b str, Transport> {
    let no_socket = |status| status_answer(status, &[("Sec-WebSocket-Version", SOCKET_VERSION)]);
    let asks = head.lists("upgrade", "websocket") && head.lists("connection", "upgrade");
    if !asks || head.only("sec-websocket-version") != Some(SOCKET_VERSION) {
        return Err(no_socket("426 Upgrade Required"));
    }
    check_origin(head, visit.scheme)
        .map_err(|why| text_answer("403 Forbidden", &[], &why.say(visit.lang)))?;
    let key = head.only("sec-websocket-key").filter(|key| key.len() == WEBSOCKET_KEY_BYTES);
    key.ok_or_else(|| no_socket("400 Bad Request"))
}

/// Whether a browser means this server, and not another whose name was made to mean our address.
/// Programs that are no browsers may name none.
///
/// # Errors
/// Why the name is refused.
pub fn check_host(head: &Head, hosts: &[String]) -> Result<(), PageRefusal> {
    if !head.has("host") {
        return Ok(());
    }
    let asked = head.only("host").and_then(Authority::parse).ok_or(PageRefusal::BadHost)?;
    match asked.host {
        Host::Name(name) if name != "localhost" && !hosts.contains(&name) => {
            Err(PageRefusal::HostNotOurs { host: excerpt(&name) })
        }
        Host::Name(_) | Host::Address(_) => Ok(()),
    }
}

/// Whether our own page made the browser ask: any page of the web could, in the name of the user
/// who looks at it. Programs that are no browsers name no origin.
fn check_origin(head: &Head, scheme: Option<Scheme>) -> Result<(), PageRefusal> {
    if !head.has("origin") {
        return Ok(());
    }
    let (origin, host) = (head.only("origin"), head.only("host"));
    let is_own = origin
        .zip(host.and_then(Authority::parse))
        .is_some_and(|(origin, host)| host.is_origin(origin, scheme));
    let shown = |text: Option<&str>| excerpt(text.unwrap_or_default());
    match is_own {
        true => Ok(()),
        false => Err(PageRefusal::OriginNotOurs { origin: shown(origin), host: shown(host) }),
    }
}

#[cfg(test)]
mod tests;
