//! Rows that no writer of ours stored: whatever is in a table, the journal is refused, or answers, or answers an error.
//! It never panics, and never takes a NULL for a value.
//!
//! The normal run is the same each time; `PROPTEST_CASES` asks for others.

use planner::hold::Side;
use planner::id::{FileId, FolderId, RemoteId};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::cases::cases_or;
use crate::journal::DATABASE;
use crate::testing::{Home, contents, deletion, file, folder};
use crate::{
    Absence, Change, Conflict, ConflictVersion, HeldDeletion, HeldWhat, IntentBody, Journal, JournalError,
    Problem, ProblemKind, base_state,
};

/// A journal with a row in nearly every table.
fn full() -> Home {
    let home = Home::new();
    let mut journal = home.open();
    let nodes = [folder(1, None), file(2, Some(1)), file(3, None)];
    let mut changes: Vec<Change> = nodes.iter().cloned().map(Change::Put).collect();
    changes.push(Change::History(deletion(5, Side::Local, 1)));
    changes.push(Change::Problem(Problem {
        path: "a".into(),
        kind: ProblemKind::Held,
        reason: "why".into(),
        since: 5,
    }));
    changes.push(Change::NewConflict(Conflict {
        path: "a".into(),
        copy: Some("b".into()),
        policy: "keep-both".into(),
        reason: "why".into(),
        at: 5,
        node: None,
        copy_node: None,
        local: ConflictVersion::default(),
        local_mtime_ns: Some(5),
        remote: ConflictVersion::default(),
        remote_file: FileId::new(7),
        end: None,
    }));
    journal.commit(&changes).unwrap();
    journal
        .begin(IntentBody::MakeFolder { path: "a".into() }, 5)
        .unwrap();
    let held = [HeldWhat::DeleteLocal, HeldWhat::LostRow].map(|what| HeldDeletion {
        node: nodes[1].id,
        what,
        base: base_state(&nodes[1]),
        path: "a".into(),
    });
    journal.hold_deletions(&held).unwrap();
    journal.approve(None, "me", 6).unwrap();
    journal.hold_deletions(&held).unwrap();
    let absence = Absence {
        missed_at: 5,
        trashed_at: None,
        lost_at: Some(6),
    };
    let row = RemoteId::File(FileId::new(7).unwrap());
    journal.replace_absences(&[(row, absence)].into()).unwrap();
    let proved = [(FolderId::new(7).unwrap(), Some("today".to_owned()))];
    journal.replace_proved(&proved.into()).unwrap();
    journal.set_walked(5).unwrap();
    journal.set_note("stop", Some("{}")).unwrap();
    journal.record_synced_count(5).unwrap();
    drop(journal);
    home
}

/// Every table and column.
fn columns(conn: &Connection) -> Vec<(String, String)> {
    let select =
        "SELECT m.name, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'
        AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2";
    let mut query = conn.prepare(select).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        2 => any::<i64>().prop_map(Value::Integer),
        2 => prop::sample::select(vec![0_i64, -1, 1, 2, i64::MIN, i64::MAX]).prop_map(Value::Integer),
        1 => any::<f64>().prop_map(Value::Real),
        2 => any::<String>().prop_map(Value::Text),
        1 => prop::sample::select(vec!["", "/", "..", "a/b", "local", "{}", "[]", "{\"make_folder\":{}}"])
            .prop_map(|text| Value::Text(text.into())),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Blob),
    ]
}

/// Writes values where no constraint of the schema would let them be, then puts the schema back.
fn write_past_the_schema(home: &Home, strict: bool, writes: &[(usize, Value)]) {
    let path = home.path().join(DATABASE);
    let schema = |change: &dyn Fn(&str) -> String| {
        let conn = Connection::open(&path).unwrap();
        let mut query = conn
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL")
            .unwrap();
        let tables = query
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .unwrap();
        let tables: Vec<(String, String)> = tables
            .map(Result::unwrap)
            .filter(|(name, _)| !name.starts_with("sqlite"))
            .collect();
        conn.pragma_update(None, "writable_schema", true).unwrap();
        for (name, sql) in tables {
            let update = "UPDATE sqlite_schema SET sql = ?2 WHERE type = 'table' AND name = ?1";
            conn.execute(update, (&name, change(&sql))).unwrap();
        }
    };
    let relaxed = |sql: &str| {
        sql.replace(") STRICT, ", ") ")
            .replace(") STRICT", ")")
            .replace("IS NOT NULL", "NOTNULL")
            .replace("NOT NULL", "")
    };
    let before: std::collections::BTreeMap<String, String> = {
        let conn = Connection::open(&path).unwrap();
        let mut query = conn
            .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL")
            .unwrap();
        let all = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        all.map(Result::unwrap).map(|sql| (relaxed(&sql), sql)).collect()
    };
    if !strict {
        schema(&relaxed);
    }
    {
        let conn = Connection::open(&path).unwrap();
        conn.pragma_update(None, "foreign_keys", false).unwrap();
        conn.pragma_update(None, "ignore_check_constraints", true)
            .unwrap();
        let columns = columns(&conn);
        for (at, value) in writes {
            let (table, column) = &columns[at % columns.len()];
            // Keys still refuse some values: then the row stays as it is.
            let _ = conn.execute(&format!("UPDATE \"{table}\" SET \"{column}\" = ?1"), [value]);
        }
    }
    if !strict {
        schema(&|sql| before.get(sql).cloned().unwrap_or_else(|| sql.to_owned()));
    }
}

/// Everything that is ever read, and a few writes. What comes back does not matter: it must come back.
fn use_all(journal: &mut Journal) {
    let file_id = FileId::new(1_002).unwrap();
    drop((
        journal.synced(),
        journal.synced_files(),
        journal.ever_held(file_id),
        journal.held_since(file_id),
    ));
    drop((
        journal.open_intents(),
        journal.closed_intents(),
        journal.recent_intents(0),
        journal.unlanded_uploads(),
    ));
    drop((
        journal.history(10),
        journal.last_pass(),
        journal.problems(),
        journal.notes(),
        journal.walked_at(),
    ));
    drop((
        journal.held_deletions(),
        journal.approvals(),
        journal.conflicts(),
        journal.open_conflicts(),
    ));
    drop((
        journal.kept_copies(),
        journal.remote_hashes(),
        journal.local_hashes(),
        journal.proved(),
    ));
    drop((
        journal.absences(),
        journal.deletions_since(0, Side::Local),
        journal.synced_at_hour_start(5),
    ));
    drop(journal.commit(&[
        Change::Put(file(9, None)),
        Change::History(deletion(i64::MAX, Side::Remote, u64::MAX)),
    ]));
    drop(journal.begin(IntentBody::MakeFolder { path: "b".into() }, i64::MAX));
    drop(journal.replace_problems(&[]));
    drop(journal.forget_old_intents(i64::MAX));
    drop(journal.approve(None, "me", i64::MIN));
    drop(journal.record_synced_count(i64::MIN));
}

proptest! {
    #![proptest_config(cases_or(48))]

    #[test]
    fn rows_that_no_writer_stored_are_an_error_and_never_a_panic(
        writes in prop::collection::vec((any::<usize>(), any_value()), 1..5),
        strict in any::<bool>(),
    ) {
        let home = full();
        write_past_the_schema(&home, strict, &writes);
        if let Ok(mut journal) = Journal::open(home.path()) {
            use_all(&mut journal);
        }
        let known = Journal::read(home.path());
        drop(known.map(|journal| journal.map(|mut journal| use_all(&mut journal))));
    }

    #[test]
    fn bytes_changed_anywhere_are_an_error_and_never_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let home = full();
        let name = DATABASE.to_owned();
        let mut bytes = contents(home.path())[&name].clone();
        for (at, byte) in changes {
            let place = at.index(bytes.len());
            bytes[place] = byte;
        }
        std::fs::write(home.path().join(name), bytes).unwrap();
        if let Ok(mut journal) = Journal::open(home.path()) {
            use_all(&mut journal);
        }
    }
}

#[test]
fn a_null_that_no_writer_stored_is_damage() {
    for (table, column) in [
        ("problem", "since"),
        ("node", "remote_id"),
        ("history", "path"),
        ("conflict", "at"),
    ] {
        let home = full();
        let conn = Connection::open(home.path().join(DATABASE)).unwrap();
        let is = |found: &(String, String)| (found.0.as_str(), found.1.as_str()) == (table, column);
        let place = columns(&conn).iter().position(is).unwrap();
        drop(conn);
        write_past_the_schema(&home, false, &[(place, Value::Null)]);
        let error = Journal::open(home.path()).map(drop).unwrap_err();
        assert!(
            matches!(error, JournalError::Damaged { .. }),
            "{table}.{column}: {error}"
        );
        write_past_the_schema(&home, false, &[(place, Value::Integer(1))]);
        let sound = Journal::open(home.path());
        assert!(
            sound.is_ok() || column == "path",
            "the schema is put back: {sound:?}"
        );
    }
}
