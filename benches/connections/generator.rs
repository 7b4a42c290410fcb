//! A process that holds connections, and lets the first of them talk: it does what its standard
//! input says, a line at a time, and answers with a line.
//!
//! ```text
//! hold N ─────► "done"        N users in all are signed in and caught up
//! talk MILLIS ► "done 271 640"  p50 and p99 of that time, in microseconds
//! ```
//!
//! It ends when its standard input does. In a talk, user 0 says something to user 1, 2 to 3 …, one
//! message under way each; latency is from the message to its delivery.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use p2sp_bench::Outcome;
use p2sp_bench::crowd::{Crowd, Heard};
use p2sp_bench::edge::talk::{Reader, letter};
use p2sp_bench::meter::TURN;
use p2sp_bench::words::{self, Letter, Said};
use p2sp_bench::world::Machine;
use socket2::{Domain, Protocol, Socket, Type};

use super::counts::Task;

/// Pairs who talk.
pub const PAIRS: usize = 4;
/// Connections that are signing in at once.
const SIGN_INS_AT_ONCE: usize = 64;
/// How long nothing may happen.
const STALL: Duration = Duration::from_secs(60);

/// A generator, seen from the process that started it.
pub struct Generator {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Generator {
    /// Starts the process.
    pub fn start(server: SocketAddr, from: Option<SocketAddr>, first: usize) -> Outcome<Generator> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--bench", "generate", "--server", &server.to_string()]);
        command.args(["--first", &first.to_string()]);
        if let Some(from) = from {
            command.args(["--from", &from.to_string()]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = process.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no output")?);
        Ok(Generator { process, orders, answers })
    }

    /// Begins to sign in so many users in all; the answer is the end of it.
    pub fn hold(&mut self, users: usize) -> Outcome<()> {
        Ok(writeln!(self.orders, "hold {users}")?)
    }

    /// Begins a talk; the answer is what it came to.
    pub fn talk(&mut self, span: Duration) -> Outcome<()> {
        Ok(writeln!(self.orders, "talk {}", span.as_millis())?)
    }

    /// Waits for the answer.
    pub fn answer(&mut self) -> Outcome<Vec<f64>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let numbers = line.strip_prefix("done").ok_or("a generator gave up")?;
        Ok(numbers.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // Of no effect on one that has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The generator's own life.
pub fn run(task: &Task) -> Outcome<()> {
    Machine::prepare(0)?;
    let (mut circle, mut out) = (Circle::new(task)?, std::io::stdout());
    for line in std::io::stdin().lock().lines() {
        match line?.split_once(' ') {
            Some(("hold", users)) => {
                circle.hold(users.parse()?)?;
                writeln!(out, "done")?;
            }
            Some(("talk", millis)) => {
                let [p50, p99] = circle.talk(Duration::from_millis(millis.parse()?))?;
                writeln!(out, "done {p50} {p99}")?;
            }
            _ => return Err("not understood".into()),
        }
    }
    Ok(())
}

/// The connections, and the pairs among them.
struct Circle<'a> {
    task: &'a Task,
    crowd: Crowd,
    held: usize,
    pairs: Vec<Pair>,
}

struct Pair {
    letter: Letter,
    number: u64,
    sent: Instant,
    answered: bool,
    delivered: bool,
    reader: Reader,
}

impl Circle<'_> {
    fn new(task: &Task) -> Outcome<Circle<'_>> {
        let pair = |number| Pair {
            letter: letter(task.first + 2 * number, false),
            number: 0,
            sent: Instant::now(),
            answered: true,
            delivered: true,
            reader: Reader::default(),
        };
        let pairs = (0..PAIRS).map(pair).collect();
        Ok(Circle { task, crowd: Crowd::new()?, held: 0, pairs })
    }

    fn hold(&mut self, users: usize) -> Outcome<()> {
        let mut begun = self.held;
        let mut progress = Instant::now();
        while self.held < users {
            while begun < users.min(self.held + SIGN_INS_AT_ONCE) {
                let user = self.task.first + begun;
                let who = self.crowd.adopt(connect(self.task, begun)?)?;
                self.crowd.say(who, |out| words::resume(out, user));
                begun += 1;
            }
            let held = &mut self.held;
            self.crowd.turn(TURN, |_, heard, at| {
                progress = at;
                if understand(&heard)? == Said::CaughtUp {
                    *held += 1;
                }
                Ok(())
            })?;
            if progress.elapsed() > STALL {
                return Err(format!("{} of {users} signed in, and no more", self.held).into());
            }
        }
        Ok(())
    }

    fn talk(&mut self, span: Duration) -> Outcome<[u64; 2]> {
        let mut latencies = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        let (ends, Circle { crowd, pairs, task, .. }) = (Instant::now() + span, self);
        let mut acks = Vec::new();
        loop {
            let goes_on = Instant::now() < ends;
            let free = pairs.iter_mut().enumerate().filter(|(_, pair)| pair.is_free());
            let mut busy = PAIRS;
            for (number, pair) in free {
                busy -= 1;
                if goes_on {
                    pair.say(crowd, 2 * number);
                }
            }
            if !goes_on && busy == 0 {
                return Ok([0.5, 0.99].map(|quantile| latencies.value_at_quantile(quantile)));
            }
            crowd.turn(TURN, |who, heard, at| {
                let pair = pairs.get_mut(who / 2).ok_or("somebody else hears something")?;
                acks.extend(pair.hear(&heard, at, &mut latencies)?.map(|seq| (who, seq)));
                Ok(())
            })?;
            for (who, seq) in acks.drain(..) {
                crowd.say(who, |out| words::ack(out, task.first + who, seq));
            }
        }
    }
}

impl Pair {
    fn is_free(&self) -> bool {
        self.answered && self.delivered
    }

    fn say(&mut self, crowd: &mut Crowd, who: usize) {
        (self.sent, self.answered, self.delivered) = (Instant::now(), false, false);
        crowd.say(who, |out| self.letter.write(out, self.number));
        self.number += 1;
    }

    /// Whether there is something to confirm.
    fn hear(
        &mut self,
        heard: &Heard,
        at: Instant,
        latencies: &mut Histogram<u64>,
    ) -> Outcome<Option<i64>> {
        match understand(heard)? {
            Said::Done => self.answered = true,
            Said::Push { seq, prev } => {
                self.delivered = true;
                latencies.saturating_record(at.duration_since(self.sent).as_micros() as u64);
                return Ok(self.reader.take(seq, prev)?.then_some(seq));
            }
            said => return Err(format!("{said:?} in the middle of a talk").into()),
        }
        Ok(None)
    }
}

fn understand(heard: &Heard) -> Outcome<Said> {
    match heard {
        Heard::Frame(frame) => words::understand(frame),
        Heard::End => Err("the server has closed a connection".into()),
    }
}

/// Begins the connection of that number, from a port of its own.
fn connect(task: &Task, number: usize) -> Outcome<TcpStream> {
    let domain = Domain::for_address(task.server);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Some(from) = task.from {
        // A connection of an earlier bench may linger there.
        socket.set_reuse_address(true)?;
        let port = u16::try_from(usize::from(from.port()) + number)?;
        socket.bind(&SocketAddr::new(from.ip(), port).into())?;
    }
    // Whether it succeeds is told by the poll.
    match socket.connect(&task.server.into()) {
        Err(error) if !is_under_way(&error) => Err(error.into()),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

fn is_under_way(error: &std::io::Error) -> bool {
    error.raw_os_error().map(rustix::io::Errno::from_raw_os_error)
        == Some(rustix::io::Errno::INPROGRESS)
}
