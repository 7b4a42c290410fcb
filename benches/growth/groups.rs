//! Groups grow. A message to one is one row, and costs the same, while nobody is there to read.

use p2sp_bench::Outcome;
use p2sp_bench::edge::cost::{self, Cost};
use p2sp_bench::edge::data::{Data, Filling};
use p2sp_bench::edge::server::SimulatedServer;
use p2sp_bench::edge::talk::Talk;
use p2sp_bench::table::Row;

use super::report::Report;
use super::scale::Scale;

/// Messages of the one sender under way: as many as a tick takes from a connection.
const UNDER_WAY: u64 = p2sp::limits::FRAMES_PER_CONN as u64;

/// Takes turns between the sizes.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let groups = scale.groups().to_vec();
    let owners = groups.len();
    let users = owners + groups.iter().copied().max().unwrap_or(0);
    let log = scale.short_log();
    let data = Data::fill(&Filling { log, users, groups, ..Filling::default() })?;
    let mut server = SimulatedServer::open(data, owners, scale.smoke)?;
    server.sign_in(0..owners)?;
    server.rest()?;
    let mut talks: Vec<Talk> = (0..owners).map(|owner| Talk::to_group(owner, UNDER_WAY)).collect();
    let mut costs = scale.groups().map(|members| Cost::new(format!("group of {members}")));
    for _ in 0..scale.runs {
        for (talk, cost) in talks.iter_mut().zip(&mut costs) {
            cost.add(talk.run(&mut server, scale.messages)?, scale.messages);
        }
    }
    report.note_ticks(&server)?;
    cost::compare(&costs, &mut report.table);
    let said: u64 = talks.iter().map(|talk| talk.said).sum();
    let rows = server.end().open()?.log_rows() - log;
    let row = Row::told("rows a message to a group", format!("{:.3}", rows as f64 / said as f64));
    report.table.add(row.wanted("1", rows == said));
    Ok(())
}
