//! What holds for every statement, which is found in the source itself, and what is recorded of
//! those that write.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use rusqlite::types::{Null, Value};
use rusqlite::{StatementStatus, params_from_iter};

use super::Change;
use crate::id::{Conversation, GroupId};
use crate::store::tests::{ANN, BOB, Temp, add_group, text};
use crate::store::{NewEntry, Store};

/// A statement as the source declares it.
struct Statement {
    /// Of one that writes.
    number: Option<u16>,
    name: String,
    changes_people: bool,
    sql: String,
}

/// The source files that may have statements, without their tests.
fn sources() -> impl Iterator<Item = String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let dirs = ["log", "people", "store"].map(|dir| fs::read_dir(src.join(dir)).expect("a module"));
    let files = dirs.into_iter().flatten().map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.is_file() && !path.ends_with("tests.rs"));
    files.map(|path| {
        let source = fs::read_to_string(path).expect("a source");
        source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
    })
}

fn statements() -> Vec<Statement> {
    let mut all = Vec::new();
    for source in sources() {
        let sql = |rest: &str| rest.split('"').nth(1).expect("a text").to_owned();
        for part in source.split("const ").skip(1) {
            if let Some((name, rest)) = part.split_once(": Sql =")
                && !name.contains(' ')
            {
                let (name, sql) = (name.to_owned(), sql(rest));
                all.push(Statement { number: None, name, changes_people: false, sql });
            }
        }
        for part in source.split("numbered! {").skip(1) {
            let words: Vec<&str> = part.split_whitespace().collect();
            let number = Some(words[0].parse().expect("a number"));
            let (name, changes_people) = (words[1].to_owned(), words[2] == "of");
            all.push(Statement { number, name, changes_people, sql: sql(part) });
        }
    }
    assert!(all.len() > 100, "they are found");
    all
}

/// The statements that write, each with its number.
fn writes() -> Vec<(u16, Statement)> {
    let numbered = |write: Statement| Some((write.number?, write));
    statements().into_iter().filter_map(numbered).collect()
}

#[test]
fn every_statement_has_a_name() {
    let calls =
        ["write(", "run(", "insert(", "writer(", "row(", "rows(", "count(", "exists(", "query("];
    for source in sources() {
        let squeezed: String = source.split_whitespace().collect();
        for call in calls {
            for part in squeezed.split(&format!("self.db.{call}")).skip(1) {
                let argument = part.trim_start_matches('&').trim_start_matches("Self::");
                assert!(argument.starts_with(char::is_uppercase), "{call}{}", &part[..40]);
            }
        }
    }
}

/// A number means one statement for ever: recorded changes name it. One that is changed or taken
/// away leaves its number unused.
#[test]
fn p25_every_statement_that_writes_keeps_its_number() {
    let known = include_str!("../../tests/data/statements.txt");
    let known: Vec<(u16, &str)> = known
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(number, sql)| (number.parse().expect("a number"), sql))
        .collect();
    let mut given: Vec<u16> = known.iter().map(|(number, _)| *number).collect();
    given.sort_unstable();
    assert!(given.windows(2).all(|pair| pair[0] < pair[1]), "a number is given once");
    let mut used = Vec::new();
    for (number, write) in writes() {
        let sql = write.sql.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            known.contains(&(number, &sql)),
            "not in tests/data/statements.txt: {number} {sql}"
        );
        used.push(number);
    }
    used.sort_unstable();
    assert!(used.windows(2).all(|pair| pair[0] < pair[1]), "a number is used once");
}

/// What is written follows from the statement, its values and the rows that are there.
#[test]
fn p25_no_statement_that_writes_asks_a_clock_or_draws_a_number() {
    for (number, write) in writes() {
        let sql = write.sql.to_lowercase();
        for word in ["random", "date(", "time(", "'now'", "current_", "last_insert", "changes("] {
            assert!(!sql.contains(word), "{number}: {word}");
        }
        assert!(!sql.contains("limit") || sql.contains("order by"), "{number}: which?");
    }
}

/// What is kept in memory of people is forgotten when such a statement runs.
#[test]
fn p18_every_statement_that_changes_users_or_friends_says_so() {
    for (_, write) in writes() {
        let words: Vec<&str> = write.sql.split_whitespace().collect();
        let table = match words[..] {
            ["INSERT", "INTO", table, ..] | ["DELETE", "FROM", table, ..] => table,
            ["INSERT", "OR", "REPLACE", "INTO", table, ..] => table,
            ["UPDATE", table, ..] => table,
            _ => unreachable!("what does it write? {words:?}"),
        };
        assert_eq!(write.changes_people, matches!(table, "users" | "friends"), "{words:?}");
    }
}

#[test]
fn every_statement_searches_an_index() {
    let temp = Temp::with_users(&[]);
    // At the start, when users are counted and the log's ends are looked for.
    let at_the_start = ["HEAD", "FIRST", "INDEXED", "USERS", "DISSOLVING"];
    for Statement { name, sql, .. } in statements() {
        let mut explain =
            temp.store.sqlite().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("SQL");
        let nulls = vec![Null; explain.parameter_count()];
        let plan = explain.query_map(params_from_iter(nulls), |row| row.get(3)).expect("plan");
        let plan: Vec<String> = plan.map(|step| step.expect("step")).collect();
        let bad = |step: &String| {
            // The rows of a VALUES clause are in the statement itself, and the index of words
            // is asked by a match or by a rowid.
            let words = step.split_once("VIRTUAL TABLE INDEX ");
            let by_words = words.is_some_and(|(_, how)| how.contains(['M', '=']));
            let scans = step.contains("SCAN") && step != "SCAN 2-ROW VALUES CLAUSE";
            // Of a subquery no more is gone through than it finds, which is a step of its own.
            let scans = scans && !by_words && !step.starts_with("SCAN (subquery");
            scans || step.contains("TEMP B-TREE")
        };
        let is_good = at_the_start.contains(&name.as_str()) || !plan.iter().any(bad);
        assert!(is_good, "{name}: {sql}\n{plan:#?}");
    }
}

/// SQLite may compile a statement anew whenever another value is bound, if its plan could depend
/// on it: at the price of a whole request.
#[test]
fn every_statement_is_compiled_once() {
    let temp = Temp::with_users(&["ann", "bob"]);
    for Statement { name, sql, .. } in statements() {
        let mut statement = temp.store.sqlite().prepare(&sql).expect("SQL");
        for value in 1..=5 {
            for parameter in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(parameter, value).expect("bind");
            }
            // What the values make of it does not matter, so neither does an error.
            _ = statement.raw_query().next();
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{name}: {sql}");
    }
}

/// What a transaction wrote.
fn recorded(temp: &mut Temp, work: impl FnOnce(&mut Store)) -> Vec<Change> {
    let (sender, changes) = channel();
    temp.store.record(Box::new(move |changes| sender.send(changes).expect("received")));
    temp.transact(work);
    changes.try_iter().flatten().collect()
}

/// Does in another database what was recorded of a transaction, in one transaction.
fn repeat(changes: &[Change], other: &Temp) {
    let writes = writes();
    let sqlite = other.store.sqlite();
    sqlite.execute_batch("BEGIN").expect("begin");
    for Change { number, values, rows, id } in changes {
        let write = writes.iter().find(|(known, _)| known == number);
        let sql = &write.expect("a known number").1.sql;
        assert_eq!(sqlite.execute(sql, params_from_iter(values)), Ok(*rows), "{sql}");
        assert!(id.is_none_or(|id| id == sqlite.last_insert_rowid()), "{sql}");
    }
    sqlite.execute_batch("COMMIT").expect("commit");
}

/// Every row of every table, those of the full-text index among them.
fn everything(temp: &Temp) -> Vec<(String, Vec<Vec<Value>>)> {
    let sqlite = temp.store.sqlite();
    let tables = "SELECT name FROM pragma_table_list
        WHERE schema = 'main' AND type <> 'virtual' ORDER BY name";
    let mut tables = sqlite.prepare(tables).expect("SQL");
    let names = tables.query_map((), |row| row.get::<_, String>(0)).expect("names");
    let all = names.map(|name| {
        let name = name.expect("a name");
        let mut all = sqlite.prepare(&format!("SELECT * FROM {name}")).expect("SQL");
        let columns = all.column_count();
        let rows = all.query_map((), |row| (0..columns).map(|at| row.get(at)).collect());
        let rows = rows.expect("rows").map(|row| row.expect("a row")).collect();
        (name, rows)
    });
    all.collect()
}

#[test]
fn p25_what_follows_from_the_log_is_the_same_elsewhere() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let other = Temp::with_users(&["ann", "bob"]);
    let mut team = GroupId(0);
    for round in 0..20_i64 {
        let changes = recorded(&mut temp, |store| {
            if round % 5 == 0 {
                team = add_group(store, ANN, "team");
            }
            store.people_mut().join(team, BOB).expect("join");
            for number in 0..7 {
                let mid = (number % 3 > 0).then(|| format!("{}", number * 7 % 5));
                let to = [Conversation::Group(team), Conversation::Inbox(ANN)][number % 2];
                let body = format!("text {round}");
                let (mid, unix) = (mid.as_deref(), round);
                let new = NewEntry { mid, unix, ..text(BOB, to, &body) };
                store.log_mut().append(&new).expect("append");
            }
            store.leave(team, BOB).expect("leave");
            if round % 5 == 4 {
                store.people_mut().delete_group(team).expect("delete");
            }
        });
        repeat(&changes, &other);
        let changes = recorded(&mut temp, |store| {
            store.log_mut().index_some(9).expect("index");
            let head = store.head();
            store.log_mut().prune(round - 9, head, 5).expect("prune");
        });
        repeat(&changes, &other);
    }
    assert!(temp.count("SELECT count(*) FROM log_slices") > 9);
    assert!(everything(&temp) == everything(&other));
}
