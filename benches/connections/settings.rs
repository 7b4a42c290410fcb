//! What the system must allow before so many connections can be held, and the commands that make
//! it. Where a figure is not told (not on Linux), nothing is demanded of it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use p2sp::limits::RESERVED_FILES;
use rustix::process::{Resource, getrlimit};

/// Processes that hold the other ends, at most: each has a loopback address of its own.
const GENERATORS_MAX: usize = 250;
const PORT_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// Open files and ports of a generator that are for something else.
const SPARE: usize = 100;
/// Open files of everybody else on the machine.
const OTHERS_FILES: u64 = 10_000;
/// What both ends of a connection take: the kernel about 10 KiB, server and generator the rest.
const CONNECTION_BYTES: u64 = 11 * 1024;

/// How many connections one generator can hold.
pub fn per_generator() -> usize {
    let ports = local_ports().unwrap_or(usize::MAX);
    let files = usize::try_from(files_max()).unwrap_or(usize::MAX);
    files.min(ports).saturating_sub(SPARE).max(1)
}

/// Where the connections of a generator come from, one port after the other: a loopback address of
/// its own, where the system has more than one, and the first port that nobody listens at. Left to
/// itself the kernel would search for a free port each time, and find one ever more slowly.
pub fn origin(generator: usize) -> Option<SocketAddr> {
    let address = Ipv4Addr::new(127, 0, 1, 1 + (generator % GENERATORS_MAX) as u8);
    Some((address, u16::try_from(number(PORT_RANGE, 0)?).ok()?).into())
}

/// A line for each setting that does not allow `count` connections.
pub fn missing(count: usize) -> Vec<String> {
    let connections = count as u64;
    let files = connections + RESERVED_FILES;
    let proc = |name: &str| number(&format!("/proc/sys/{name}"), 0);
    let sysctl = |name: &str, value: u64| format!("sysctl -w {}={value}", name.replace('/', "."));
    let mut lines = Vec::new();
    let mut need = |what: &str, has: Option<u64>, needs: u64, command: String| {
        if let Some(has) = has.filter(|has| *has < needs) {
            lines.push(format!("{what}: {has}, but {needs} are needed: {command}"));
        }
    };
    let ulimit = format!("ulimit -n {files}");
    need("open files of one process", Some(files_max()), files, ulimit);
    need("open files that may be allowed", proc("fs/nr_open"), files, sysctl("fs/nr_open", files));
    let all = 2 * connections + OTHERS_FILES;
    need("open files in all", proc("fs/file-max"), all, sysctl("fs/file-max", all));
    let watches = "fs/epoll/max_user_watches";
    need("polled sockets of one user", proc(watches), all, sysctl(watches, all));
    let ports = (count.div_ceil(GENERATORS_MAX) + SPARE) as u64;
    let range = "sysctl -w net.ipv4.ip_local_port_range=\"10000 65535\"".to_owned();
    need("local ports", local_ports().map(|ports| ports as u64), ports, range);
    // A page each, so that everybody can be told something at once.
    let tcp_mem = "/proc/sys/net/ipv4/tcp_mem";
    let pages = [connections / 2, connections * 3 / 4, connections];
    let pages = pages.map(|pages| pages.to_string()).join(" ");
    let command = format!("sysctl -w net.ipv4.tcp_mem=\"{pages}\"");
    need("pages of memory for sockets", number(tcp_mem, 2), connections, command);
    let available = kib("MemAvailable").map(|kib| kib >> 10);
    let mib = (connections * CONNECTION_BYTES) >> 20;
    need("MiB of memory", available, mib, "no command for that".into());
    lines
}

/// A figure of /proc/meminfo, in KiB.
fn kib(name: &str) -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Open files that a process may have when it has raised its limit.
fn files_max() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

fn local_ports() -> Option<usize> {
    Some((number(PORT_RANGE, 1)? + 1).saturating_sub(number(PORT_RANGE, 0)?) as usize)
}

/// A number of a file with a few of them.
fn number(path: &str, index: usize) -> Option<u64> {
    fs::read_to_string(path).ok()?.split_whitespace().nth(index)?.parse().ok()
}
