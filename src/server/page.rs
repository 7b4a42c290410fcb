//! The page, and the way from it to a WebSocket: what a browser may ask for.
//!
//! The files of `client/web/` are in the program. None of them is fetched from elsewhere, and the
//! page may do nothing that the policy does not name.

use crate::wire::http::{self, Head, Status};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

/// A file as it is asked for by its name.
macro_rules! file {
    ($name:literal, $kind:expr) => {
        (concat!("/", $name), $kind, include_bytes!(concat!("../../client/web/", $name)))
    };
}

/// The page's files: where they are asked for, what they are, what they hold.
const FILES: &[(&str, &str, &[u8])] = &[
    ("/", HTML, include_bytes!("../../client/web/index.html")),
    file!("admin.js", SCRIPT),
    file!("app.js", SCRIPT),
    file!("conversation.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("entrance.js", SCRIPT),
    file!("icon.svg", DRAWING),
    file!("keep.js", SCRIPT),
    file!("link.js", SCRIPT),
    file!("links.js", SCRIPT),
    file!("list.js", SCRIPT),
    file!("panels.js", SCRIPT),
    file!("question.js", SCRIPT),
    file!("requests.js", SCRIPT),
    file!("search.js", SCRIPT),
    file!("session.js", SCRIPT),
    file!("stream.js", SCRIPT),
    file!("style.css", STYLE),
    file!("talk.js", SCRIPT),
    file!("text.js", SCRIPT),
    file!("words.js", SCRIPT),
    file!("world.js", SCRIPT),
];

/// Where WebSocket begins.
const SOCKET_PATH: &str = "/ws";
/// The one version of WebSocket there is.
const SOCKET_VERSION: &str = "13";
/// Of a request's key: 16 bytes in base64.
const SOCKET_KEY_BYTES: usize = 24;

/// Nothing but what came with the page, and its own server; and no text is ever taken for markup or
/// for a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The connection is done.
    Answered,
    /// It speaks WebSocket behind the head.
    Upgraded {
        /// The head's length.
        head_bytes: usize,
    },
}

/// Appends the answer to a request. One that `may_not_enter`, from elsewhere and in plaintext, is
/// shown the way to TLS.
pub(super) fn answer(out: &mut Vec<u8>, head: &Head, may_enter: bool) -> Heard {
    let file = FILES.iter().find(|(path, ..)| *path == head.path());
    let is_get = head.method() == "GET";
    match (file, head.path()) {
        _ if !may_enter => append_way_to_tls(out, head),
        (None, SOCKET_PATH) if is_get => match socket_key(head) {
            Ok(key) => {
                http::append_upgrade(out, key);
                return Heard::Upgraded { head_bytes: head.bytes };
            }
            Err(status) => {
                http::append_status(out, status, &[("Sec-WebSocket-Version", SOCKET_VERSION)]);
            }
        },
        (None, path) if path != SOCKET_PATH => http::append_status(out, "404 Not Found", &[]),
        (Some((_, kind, content)), _) if is_get || head.method() == "HEAD" => {
            append_file(out, head, kind, content);
        }
        _ => http::append_status(out, "405 Method Not Allowed", &[("Allow", "GET, HEAD")]),
    }
    Heard::Answered
}

fn append_file(out: &mut Vec<u8>, head: &Head, kind: &str, content: &[u8]) {
    let tag = format!("\"{:x}-{:08x}\"", content.len(), crc32fast::hash(content));
    let headers = [
        ("Content-Type", kind),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        // Asked again each time, which costs a head: a new version is there at once.
        ("Cache-Control", "no-cache"),
        ("ETag", &tag),
    ];
    if head.lists("if-none-match", &tag) {
        return http::append_head(out, "304 Not Modified", &headers, content.len());
    }
    http::append_head(out, "200 OK", &headers, content.len());
    if head.method() == "GET" {
        out.extend_from_slice(content);
    }
}

fn append_way_to_tls(out: &mut Vec<u8>, head: &Head) {
    match head.only("host") {
        Some(host) if head.method() == "GET" => {
            let place = format!("https://{host}{}", head.path());
            http::append_status(out, "307 Temporary Redirect", &[("Location", &place)]);
        }
        _ => http::append_status(out, "426 Upgrade Required", &[("Upgrade", "TLS/1.3")]),
    }
}

/// The key of a request for WebSocket that may have it.
fn socket_key<'b>(head: &Head<'_, 'b>) -> Result<&'b str, Status> {
    let asks = head.lists("upgrade", "websocket") && head.lists("connection", "upgrade");
    if !asks || head.only("sec-websocket-version") != Some(SOCKET_VERSION) {
        return Err("426 Upgrade Required");
    }
    if !is_own_page(head) {
        return Err("403 Forbidden");
    }
    let key = head.only("sec-websocket-key").filter(|key| key.len() == SOCKET_KEY_BYTES);
    key.ok_or("400 Bad Request")
}

/// Whether a browser is led here by our own page: any page of the web could ask, in the name of
/// whoever looks at it. Programs that are no browsers name no origin.
fn is_own_page(head: &Head) -> bool {
    if !head.has("origin") {
        return true;
    }
    let origin = head.only("origin").and_then(|origin| origin.split_once("://"));
    let host = head.only("host");
    matches!((origin, host), (Some(("http" | "https", from)), Some(host))
        if from.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn ask(request: &str, may_enter: bool) -> (Heard, String) {
        let mut out = Vec::new();
        let heard = http::read(request.as_bytes(), |head| answer(&mut out, head, may_enter));
        let heard = heard.expect("whole").expect("a request");
        (heard, String::from_utf8_lossy(&out).into_owned())
    }

    fn status(request: &str) -> String {
        ask(request, true).1.get(9..12).expect("a status").to_owned()
    }

    #[test]
    fn every_file_of_the_page_is_served_with_its_policy() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("client/web");
        let names = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<String> =
            names.map(|file| format!("/{}", file.file_name().to_string_lossy())).collect();
        names.iter_mut().filter(|name| *name == "/index.html").for_each(|name| name.truncate(1));
        names.sort();
        let mut paths: Vec<&str> = FILES.iter().map(|(path, ..)| *path).collect();
        paths.sort();
        assert_eq!(paths, names);
        for (path, kind, content) in FILES {
            let (_, answer) = ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"), true);
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
            assert_eq!(body.as_bytes(), *content);
            assert!(head.contains(kind) && head.contains(POLICY), "{head}");
            assert!(head.contains(&format!("Content-Length: {}", content.len())), "{head}");
        }
    }

    #[test]
    fn what_is_not_there_or_not_allowed_is_told_so() {
        for (request, expected) in [
            ("GET / HTTP/1.1", "200"),
            ("GET /?lang=zh HTTP/1.1", "200"),
            ("GET /ws HTTP/1.1", "426"),
            ("POST /ws HTTP/1.1", "405"),
            ("GET /index.html HTTP/1.1", "404"),
            ("GET /../Cargo.toml HTTP/1.1", "404"),
            ("POST / HTTP/1.1", "405"),
            ("POST /login HTTP/1.1", "404"),
        ] {
            assert_eq!(status(&format!("{request}\r\nHost: a\r\n\r\n")), expected, "{request}");
        }
    }

    #[test]
    fn a_file_is_not_sent_again_while_it_is_the_same() {
        let (_, first) = ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true);
        assert!(first.ends_with("\r\n\r\n"), "a head alone");
        let tag = first.lines().find_map(|line| line.strip_prefix("ETag: ")).expect("a tag");
        let again = |tag: &str| status(&format!("GET / HTTP/1.1\r\nIf-None-Match: {tag}\r\n\r\n"));
        assert_eq!(again(tag), "304");
        assert_eq!(again(&format!("\"0\", {tag}")), "304");
        assert_eq!(again("\"0\""), "200");
    }

    #[test]
    fn a_socket_is_opened_for_our_own_page_and_for_programs() {
        let open = |more: &str| {
            status(&format!(
                "GET /ws HTTP/1.1\r\nHost: chat.example:18888\r\n\
                 Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
            ))
        };
        let version = "Sec-WebSocket-Version: 13\r\n";
        assert_eq!(open(version), "101");
        for (origin, expected) in [
            ("https://chat.example:18888", "101"),
            ("http://CHAT.example:18888", "101"),
            ("https://chat.example", "403"),
            ("https://evil.example:18888", "403"),
            ("https://chat.example:18888.evil.example", "403"),
            ("ftp://chat.example:18888", "403"),
            ("null", "403"),
            ("https://chat.example:18888\r\nOrigin: https://chat.example:18888", "403"),
        ] {
            assert_eq!(open(&format!("{version}Origin: {origin}\r\n")), expected, "{origin}");
        }
        assert_eq!(open("Sec-WebSocket-Version: 8\r\n"), "426");
        assert_eq!(open(""), "426");
        assert_eq!(open(&format!("{version}Sec-WebSocket-Key: twice\r\n")), "400");
    }

    #[test]
    fn from_elsewhere_plaintext_is_shown_the_way_to_tls() {
        let (heard, answer) = ask("GET / HTTP/1.1\r\nHost: chat.example:1\r\n\r\n", false);
        assert_eq!(heard, Heard::Answered);
        assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
        assert!(answer.contains("\r\nLocation: https://chat.example:1/\r\n"), "{answer}");
        let socket = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let (heard, answer) = ask(socket, false);
        assert_eq!((heard, &answer[..12]), (Heard::Answered, "HTTP/1.1 426"));
    }
}
