//! The page: a first visit, which loads every file of it, and a visit after that, which asks
//! whether they have changed. Each request has a connection of its own.
//!
//! Beside p2sp stands nginx with the same files, compressed beforehand by the same library. Its
//! answers have fewer headers: it sends no policy.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use p2sp_bench::crowd::{Crowd, Frames, Heard};
use p2sp_bench::meter::{Meter, Sample, TURN};
use p2sp_bench::sizes::{Over, Sizes};
use p2sp_bench::visits::DRAIN_MAX;
use p2sp_bench::world::HOSTS;
use p2sp_bench::{Outcome, place};
use tempfile::TempDir;

use super::dialect::Program;

/// The page's files, in the repository.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client/web");
const INDEX: &str = "index.html";
const HEAD_END: &[u8] = b"\r\n\r\n";
const LOADED: &[u8] = b"HTTP/1.1 200";
const UNCHANGED: &[u8] = b"HTTP/1.1 304";

/// The head of a request.
type Request = Vec<u8>;

/// nginx, and the files that it serves.
pub struct Nginx {
    root: TempDir,
}

impl Nginx {
    /// Compresses the files.
    pub fn new() -> Outcome<Nginx> {
        let root = place::directory("page-")?;
        for file in files()? {
            let name = file.file_name().ok_or("a file without a name")?.to_owned();
            let content = fs::read(&file)?;
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(&content)?;
            fs::write(root.path().join(&name), content)?;
            let name = root.path().join(name);
            fs::write(format!("{}.gz", name.display()), gzip.finish()?)?;
        }
        Ok(Nginx { root })
    }
}

impl Program for Nginx {
    fn program(&self) -> Option<&'static str> {
        Some("nginx")
    }

    fn config(&self, port: u16, data: &str, _over: Over) -> String {
        let listen: String =
            HOSTS.iter().map(|host| format!("listen {host}:{port} backlog=4096;")).collect();
        let root = self.root.path().display();
        format!(
            "daemon off; master_process off; worker_processes 1; user root; pid {data}/pid;\n\
             error_log stderr crit;\nevents {{ worker_connections 4096; }}\n\
             http {{ access_log off; include /etc/nginx/mime.types; keepalive_timeout 0;\n\
             server {{ {listen} root {root}; gzip_static on; etag on; }} }}\n"
        )
    }

    fn flags(&self) -> &'static [&'static str] {
        &["-e", "stderr", "-c"]
    }
}

/// Requests a second, of a first visit or of the next one.
pub fn measure(
    address: impl Fn(usize) -> SocketAddr,
    process: u32,
    is_first: bool,
    sizes: &Sizes,
) -> Outcome<Sample> {
    let [first, next] = requests(address(0))?;
    let (requests, status) = if is_first { (first, LOADED) } else { (next, UNCHANGED) };
    let mut crowd = Crowd::of(Frames { cut: answer_len, header_bytes: 0 }, Over::Tcp)?;
    let mut meter = Meter::of(process, sizes.span())?;
    let (mut open, mut made) = (HashMap::new(), 0);
    loop {
        let goes_on = !meter.is_over();
        while goes_on && open.len() < sizes.in_flight {
            let who = crowd.connect(address(made))?;
            crowd.say(who, |out| out.extend_from_slice(&requests[made % requests.len()]));
            open.insert(who, (Instant::now(), false));
            made += 1;
        }
        if open.is_empty() {
            return meter.sample();
        }
        let mut gone = Vec::new();
        crowd.turn(TURN, |who, heard, at| {
            let (began, is_answered) = open.get_mut(&who).ok_or("an answer that is not awaited")?;
            match heard {
                Heard::Frame(answer) if answer.starts_with(status) => {
                    *is_answered = true;
                    meter.answered(*began, at);
                    meter.count(at);
                    Ok(())
                }
                Heard::Frame(answer) => {
                    Err(format!("it says {:?}", String::from_utf8_lossy(answer)).into())
                }
                Heard::End if *is_answered => {
                    gone.push(who);
                    Ok(())
                }
                Heard::End => Err("disconnected before the answer".into()),
            }
        })?;
        for who in gone {
            crowd.forget(who);
            open.remove(&who);
        }
        if open.values().any(|(began, _)| began.elapsed() > DRAIN_MAX) {
            return Err("a request is not answered".into());
        }
    }
}

/// How many bytes a server sends in both visits, as a sentence.
pub fn describe(address: SocketAddr) -> Outcome<String> {
    let [first, next] = requests(address)?;
    let sizes = |requests: &[Request]| -> Outcome<[usize; 2]> {
        let (mut all, mut bodies) = (0, 0);
        for request in requests {
            let answer = ask(address, request)?;
            all += answer.len();
            bodies += answer.len() - head_len(&answer).ok_or("an answer without a head")?;
        }
        Ok([all, bodies])
    };
    let ([all, bodies], [later, _]) = (sizes(&first)?, sizes(&next)?);
    let plain: u64 =
        files()?.iter().map(|file| fs::metadata(file).map_or(0, |data| data.len())).sum();
    let count = first.len();
    Ok(format!(
        "{count} requests load {all} bytes, {bodies} of them files ({plain} uncompressed); \
         in the next visit {count} requests load {later} bytes"
    ))
}

/// The requests of a first visit and of the next one, where each file's tag is known.
fn requests(address: SocketAddr) -> Outcome<[Vec<Request>; 2]> {
    let (mut first, mut next) = (Vec::new(), Vec::new());
    for file in files()? {
        let name = file.file_name().ok_or("a file without a name")?.to_string_lossy();
        let path = if name == INDEX { "" } else { &name };
        let head = format!(
            "GET /{path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, deflate\r\n\
             User-Agent: bench\r\n"
        );
        let request = format!("{head}\r\n").into_bytes();
        let answer = ask(address, &request)?;
        let answer = String::from_utf8_lossy(&answer);
        let tag = answer.lines().find_map(|line| line.strip_prefix("ETag: "));
        let tag = tag.ok_or_else(|| format!("{path} has no tag: {answer:.400}"))?;
        next.push(format!("{head}If-None-Match: {tag}\r\n\r\n").into_bytes());
        first.push(request);
    }
    Ok([first, next])
}

/// The whole answer to one request.
fn ask(address: SocketAddr, request: &[u8]) -> Outcome<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn files() -> Outcome<Vec<PathBuf>> {
    let files = fs::read_dir(FILES)?.map(|entry| Ok(entry?.path()));
    let mut files = files.collect::<Outcome<Vec<PathBuf>>>()?;
    files.sort();
    Ok(files)
}

/// The length of the answer that some bytes begin with.
fn answer_len(bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(head) = head_len(bytes) else { return Ok(None) };
    if bytes.starts_with(UNCHANGED) {
        return Ok(Some(head));
    }
    let text = str::from_utf8(&bytes[..head])?;
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    Ok(Some(head + length.ok_or("an answer without a length")?.trim().parse::<usize>()?))
}

fn head_len(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    Some(end + HEAD_END.len())
}
