//! A blocking client in its smallest form: one thread reads the keyboard, one reads the socket.
//!
//! ```text
//! stdin  ─► this thread    ─► a request as a frame ─► socket
//! stdout ◄─ another thread ◄─ an answer or a push  ◄─ socket
//! ```
//!
//! `cargo run --example minimal_client -- 127.0.0.1:18888 alice` reads the password from the first
//! line. Each further line names a friend and has a text for them: `bob hello`.
//!
//! Both reads block, so one thread cannot do both. The server does it for thousands of peers in one
//! thread: compare `src/event_loop/`. The shipped client, in `client/`, also connects again when
//! the connection is cut, confirms what it has shown, and speaks TLS.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::thread;

use p2sp::limits::FRAME_HEADER_BYTES;
use p2sp::locale::{Lang, shown};
use p2sp::wire::{frame, request};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, name] = &args[..] else {
        eprintln!("usage: minimal_client ADDRESS:PORT NAME");
        return ExitCode::from(2);
    };
    let talked = TcpStream::connect(address)
        .and_then(|socket| talk(&socket, name, io::stdin().lock(), io::stdout()));
    match talked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Signs in, sends each line of `input`, and shows on `output` what comes. Returns when the input
/// is at its end and the server has answered all of it.
///
/// # Errors
/// The sign-in was refused, the connection was cut, or the input or the output failed.
pub fn talk(
    socket: &TcpStream,
    name: &str,
    input: impl BufRead,
    output: impl Write + Send,
) -> io::Result<()> {
    let mut lines = input.lines();
    let password = lines.next().transpose()?.unwrap_or_default();
    // Without `ack` what this machine's kernel took counts as received: there is nothing to confirm.
    let login = json!({"username": name, "password": password, "ack": false});
    send(socket, "login", &login)?;
    let answer = receive(socket)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let Some(key) = answer["payload"]["auth_token"].as_str() else {
        return Err(io::Error::other(shown::lines(&answer, Lang::En, " ").concat()));
    };
    thread::scope(|scope| {
        let reader = scope.spawn(|| show(socket, output));
        for line in lines {
            let line = line?;
            let Some((username, message)) = line.split_once(' ') else { continue };
            let args = json!({"auth_token": key, "username": username, "message": message});
            send(socket, "send", &args)?;
        }
        // The server answers what it has, and closes; this ends the other thread.
        socket.shutdown(Shutdown::Write)?;
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Shows what comes, until the server closes.
fn show(socket: &TcpStream, mut output: impl Write) -> io::Result<()> {
    while let Some(message) = receive(socket)? {
        for line in shown::lines(&message, Lang::En, "\n  ") {
            writeln!(output, "{line}")?;
        }
    }
    Ok(())
}

/// Writes a request; blocks while the kernel's buffer is full.
fn send(mut socket: &TcpStream, type_name: &str, args: &Value) -> io::Result<()> {
    let mut bytes = Vec::new();
    request::append(&mut bytes, type_name, 0, args);
    socket.write_all(&bytes)
}

/// Reads one frame; blocks until all of it has come. `None`: the server has closed.
fn receive(mut socket: &TcpStream) -> io::Result<Option<Value>> {
    let mut bytes = vec![0; FRAME_HEADER_BYTES];
    if let Err(error) = socket.read_exact(&mut bytes) {
        let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
        return if is_end { Ok(None) } else { Err(error) };
    }
    let broken = |_| io::Error::other("these bytes are not of a p2sp server");
    // The length is looked at before any memory is asked for it.
    let length = frame::frame_len(&bytes).map_err(broken)?.unwrap_or(bytes.len());
    bytes.resize(length, 0);
    socket.read_exact(&mut bytes[FRAME_HEADER_BYTES..])?;
    let payload = frame::payload(&bytes).map_err(broken)?;
    Ok(Some(serde_json::from_slice(payload)?))
}
