//! P19, cell by cell: every type of request in every situation, against one committed table.
//!
//! ```text
//! HANDLERS × State × Key × (role × relation) ─► act on the shipped loop ─► table.txt
//!                                                      └─► rules.rs: whatever the table says
//! ```
//!
//! Columns that are the same in every row share a number; the table begins with who has which.
//! `*` the database was written, `…` the answer came only when a password was hashed.
//! `P2SP_BLESS=1 cargo test --test simulation gate::` writes the table anew.

mod rules;
mod situation;
mod world;

use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use p2sp::handlers::{HANDLERS, Row};

use situation::{CALLERS, Key, Relation, Situation, State};
use world::{Cell, Village, World, village};

/// One situation and what becomes of each type in it, in the order of `HANDLERS`.
type Column = (Situation, Vec<Cell>);

/// Columns beside each other, so that a line fits the screen.
const COLUMNS_BESIDE: usize = 4;

#[test]
fn p19_every_request_in_every_situation_is_as_the_table_says() {
    let columns = columns();
    let mut broken = Vec::new();
    for (situation, cells) in &columns {
        for (Row { kind, role, .. }, cell) in HANDLERS.iter().zip(cells) {
            if let Err(rule) = rules::check(*kind, *role, *situation, cell) {
                broken.push(format!("{} ({situation}): {}: {rule}", kind.name(), show(cell)));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    compare(&table(&columns));
}

fn columns() -> Vec<Column> {
    thread::scope(|scope| {
        let callers = CALLERS.map(|caller| scope.spawn(move || columns_of(caller)));
        callers.into_iter().flat_map(|caller| caller.join().expect("no panic")).collect()
    })
}

fn columns_of(caller: (bool, Relation)) -> Vec<Column> {
    let village = village();
    let mut untouched = None;
    let columns = Situation::of(caller).map(|situation| {
        let untouched = untouched.get_or_insert_with(|| World::new(&village, situation).end());
        (situation, column(situation, &village, untouched))
    });
    columns.collect()
}

fn column(situation: Situation, village: &Village, untouched: &str) -> Vec<Cell> {
    let mut world = World::new(village, situation);
    let mut cells = Vec::new();
    for Row { kind, .. } in HANDLERS {
        let cell = world.act(*kind);
        if cell.wrote {
            world = World::new(village, situation);
        }
        cells.push(cell);
    }
    assert_eq!(world.end(), untouched, "{situation}: something had an effect unseen");
    cells
}

fn show(cell: &Cell) -> String {
    let (waited, wrote) = (if cell.waited { "…" } else { "" }, if cell.wrote { "*" } else { "" });
    format!("{waited}{}{wrote}", cell.code)
}

/// The table as text: who has which column, then the columns.
fn table(columns: &[Column]) -> String {
    let mut distinct: Vec<&[Cell]> = Vec::new();
    let mut legend = format!("{:<26}{:^27}{:^27}\n{:<26}", "", "user", "administrator", "");
    for (_, relation) in CALLERS {
        legend += &format!("{:>9}", format!("{relation:?}").to_lowercase());
    }
    for (state, key) in State::ALL.into_iter().flat_map(|s| Key::ALL.map(|key| (s, key))) {
        legend += &format!("\n{:<26}", format!("{state:?} {key:?}"));
        for (admin, relation) in CALLERS {
            let wanted = Situation { state, key, admin, relation };
            let Some((_, cells)) = columns.iter().find(|(found, _)| *found == wanted) else {
                legend += &format!("{:>9}", "-");
                continue;
            };
            let number = distinct.iter().position(|other| other == cells).unwrap_or_else(|| {
                distinct.push(cells);
                distinct.len() - 1
            });
            legend += &format!("{:>9}", number + 1);
        }
    }
    let mut text = legend + "\n";
    for (index, part) in distinct.chunks(COLUMNS_BESIDE).enumerate() {
        text += &format!("\n{:<16}", "");
        for beside in 0..part.len() {
            text += &format!("{:<20}", index * COLUMNS_BESIDE + beside + 1);
        }
        for (row, Row { kind, .. }) in HANDLERS.iter().enumerate() {
            text += &format!("\n{:<16}", kind.name());
            for cells in part {
                text += &format!("{:<20}", show(&cells[row]));
            }
        }
        text += "\n";
    }
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Compares with the committed table, or writes it.
fn compare(table: &str) {
    let path: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/gate/table.txt");
    if env::var_os("P2SP_BLESS").is_some() {
        fs::write(&path, table).expect("the table is written");
    }
    let committed = fs::read_to_string(&path).expect("the table is committed");
    let differs = table.lines().zip(committed.lines()).find(|(found, said)| found != said);
    assert!(table == committed, "it is not as the table says, first (found, said): {differs:#?}");
}
