//! `syncd why`: the three trees and the rule, from the journal, through a service, and with a look at the account; and for
//! each of the planner's named cases.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use self::table::{Do, ELSEWHERE, Row, Says, UNREADABLE, WORLDS};
use crate::service::{end, machine, until};
use crate::shell_blocks::workspace;
use crate::world::Machine;
use crate::world::settings::quoted;
use crate::world::{Dialect, World};

#[test]
fn why_names_the_rule_with_and_without_a_service_and_asks_the_account_when_told() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    machine.write("docs/a.txt", "one");
    machine.sync();
    let mark = world.cloud.mark();
    let synced = machine.run(&["why", "docs/a.txt", "--json"]).expect(0).json();
    let why = &synced["why"][0];
    // Whether its times are old enough to be believed is a matter of moments.
    let rule = why["rules"][0]["rule"].as_str().unwrap();
    assert!(
        ["Unchanged", "Refreshed"].contains(&rule) && why["status"] == "synced",
        "{why}"
    );
    assert_eq!(why["remote"]["state"], "as_agreed");
    machine.write("docs/a.txt", "another one");
    let absolute = machine.local.join("docs/a.txt");
    let run = machine.run(&["why", absolute.to_str().unwrap()]).expect(3);
    for words in [
        "EditedHere",
        "upload docs/a.txt",
        "both sides agreed on a file of 3 B",
        "looked at",
    ] {
        assert!(run.stdout.contains(words), "{words}: {run:?}");
    }
    assert_eq!(world.cloud.since(&mark).requests, 0, "nobody was asked");
    // What nobody here knows is seen by who asks the account; a look writes nothing.
    world.cloud.web_create("docs/there.txt", b"there");
    machine.run(&["why", "docs/there.txt"]).expect(1);
    let asked = machine
        .run(&["why", "--ask", "docs/there.txt", "--json"])
        .expect(3)
        .json();
    let why = &asked["why"][0];
    assert_eq!(
        (
            &why["rules"][0]["rule"],
            &why["steps"][0]["kind"],
            &why["remote"]["state"]
        ),
        (&"CreatedThere".into(), &"download".into(), &"asked".into()),
        "{why}"
    );
    assert!(!machine.tree().contains_key("docs/there.txt"));
    // A service looks, and carries out what the look showed.
    machine.set("poll_interval", &quoted("1h"));
    machine.set("max_poll_interval", &quoted("1h"));
    let mut service = machine.spawn(&[]);
    until(&mut service, "the download", |_| {
        machine.local.join("docs/there.txt").exists()
    });
    world.cloud.web_create("later.txt", b"later");
    until(&mut service, "an answer", |_| {
        machine.run(&["why", "--ask", "later.txt"]).code == 0
    });
    assert!(machine.local.join("later.txt").exists());
    end(service);
}

/// What the pair is in the account.
const PAIR: &str = "pair";
/// Nobody, who may not read what root may.
const NOBODY: u32 = 65_534;

/// Ids of files in the account by their names, the older first.
fn ids(world: &World) -> BTreeMap<String, Vec<(u64, Option<u64>)>> {
    let mut ids: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for file in world.cloud.control.tree().unwrap().files {
        ids.entry(file.path.unwrap_or_default())
            .or_default()
            .push((file.id, file.folder));
    }
    for found in ids.values_mut() {
        found.sort_unstable();
    }
    ids
}

/// A path of a case with the ids that it names.
fn placed(world: &World, case: &str, path: &str) -> String {
    let Some((before, rest)) = path.split_once('{') else {
        return format!("{case}/{path}");
    };
    let (name, after) = rest.split_once('}').unwrap();
    let ids = ids(world);
    let (id, _) = ids[&format!("/{PAIR}/{case}/{name}")].last().unwrap();
    format!("{case}/{before}{id}{after}")
}

/// The bytes of a case's file: no other case has them, or files of two could be taken for one that moved. Of one length where the
/// texts are.
fn bytes(case: &str, path: &str, text: &str) -> String {
    if text.is_empty() || path == ".syncignore" {
        return text.to_owned();
    }
    format!("{text} of {case}")
}

fn act(world: &World, machine: &Machine, case: &str, what: Do) {
    let here = |path: &str| placed(world, case, path);
    let disk = |path: &str| machine.local.join(here(path));
    let there = |path: &str| format!("{PAIR}/{case}/{path}");
    let cloud = &world.cloud;
    match what {
        Do::Write(path, text) => drop(machine.write(&here(path), bytes(case, path, text))),
        Do::Large(path) => drop(machine.write(&here(path), "x".repeat(2000))),
        Do::Save(path, text) => {
            machine.write(&here("new"), bytes(case, path, text));
            machine.rename(&here("new"), &here(path));
        }
        Do::Touch(path) => {
            let times = fs::FileTimes::new()
                .set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(60));
            fs::File::options()
                .write(true)
                .open(disk(path))
                .unwrap()
                .set_times(times)
                .unwrap();
        }
        Do::Anew(path) => {
            let copy = disk("copy");
            fs::create_dir(&copy).unwrap();
            for entry in fs::read_dir(disk(path)).unwrap() {
                let entry = entry.unwrap();
                fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
            }
            machine.remove(&here(path));
            machine.rename(&here("copy"), &here(path));
        }
        Do::Remove(path) => machine.remove(&here(path)),
        Do::Rename(from, to) => machine.rename(&here(from), &here(to)),
        Do::Mkdir(path) => machine.mkdir(&here(path)),
        Do::HardLink(from, to) => fs::hard_link(disk(from), disk(to)).unwrap(),
        Do::Link(path) => {
            fs::create_dir_all(disk("")).unwrap();
            std::os::unix::fs::symlink("/nowhere", disk(path)).unwrap();
        }
        Do::Pipe(path) => {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, disk(path), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }
        Do::Shut(path) => fs::set_permissions(disk(path), fs::Permissions::from_mode(0o000)).unwrap(),
        Do::WebCreate(path, text) => drop(cloud.web_create(&there(path), bytes(case, path, text).as_bytes())),
        Do::WebEdit(path, text) => drop(cloud.web_edit(&there(path), bytes(case, path, text).as_bytes())),
        Do::WebMove(from, to) => cloud.web_move(&there(from), &there(to)),
        Do::WebTrash(path) => cloud.web_trash(&there(path)),
        Do::WebMkdir(path) => cloud.web_mkdir(&there(path)),
        Do::WebLeave(path) => cloud.web_move(&there(path), &format!("elsewhere/{case}")),
        Do::WebTrashFirst(path) => {
            let (id, _) = ids(world)[&format!("/{}", there(path))][0];
            cloud.control.trash_file(id).unwrap();
        }
        Do::WebMoveLast(path, folder) => {
            let (id, _) = *ids(world)[&format!("/{}", there(path))].last().unwrap();
            let tree = cloud.control.tree().unwrap();
            let is_it = format!("/{}", there(folder));
            let folder = tree
                .folders
                .iter()
                .find(|row| row.path.as_deref() == Some(&is_it))
                .unwrap();
            cloud.control.move_file(id, Some(folder.id)).unwrap();
        }
    }
}

/// What is wrong with what is said of a path; nothing: `None`.
fn wrong(said: &serde_json::Value, wanted: Says) -> Option<String> {
    let texts = |key: &str, name: &str| -> Vec<String> {
        let items = said[key].as_array().unwrap();
        items
            .iter()
            .map(|item| item[name].as_str().unwrap().to_owned())
            .collect()
    };
    let (rules, kinds, reasons) = (
        texts("rules", "rule"),
        texts("held", "kind"),
        texts("held", "reason"),
    );
    let compared = said["remote"]["text"].as_str().unwrap().contains("byte by byte");
    let right = match wanted {
        Says::By(rule) => rules.first().is_some_and(|first| first == rule),
        Says::OneOf(one) => rules.first().is_some_and(|first| one.contains(&first.as_str())),
        Says::All(all) => all.iter().all(|rule| rules.iter().any(|it| it == rule)),
        Says::Compare => compared && rules.is_empty(),
        Says::Kept(kind, words) => kinds
            .iter()
            .zip(&reasons)
            .any(|(it, reason)| it == kind && reason.contains(words)),
    };
    let synced = said["status"] == "synced" && said["steps"] != serde_json::json!([]);
    (!right || synced).then(|| {
        format!(
            "{wanted:?}, but {rules:?} {kinds:?} {reasons:?} {compared} {}",
            said["steps"]
        )
    })
}

/// Brings all cases about in one world, and asks why.
fn live(settings: &[(&str, &str)], rows: &[Row], prepare: impl FnOnce(&mut Machine)) {
    let world = World::start(Dialect::Document);
    world.cloud.web_mkdir(PAIR);
    let mut machine = world.machine_at("d1", &format!("/{PAIR}"));
    machine.set("max_delete_percent", "100");
    for (key, value) in settings {
        match key.strip_prefix("package.") {
            Some(key) => world.cloud.package(key, value),
            None => machine.set(key, value),
        }
    }
    machine.mkdir("kept");
    for row in rows {
        for what in row.agreed {
            act(&world, &machine, row.name, *what);
        }
    }
    prepare(&mut machine);
    machine.settle(5, false);
    for row in rows {
        for what in row.then {
            act(&world, &machine, row.name, *what);
        }
    }
    let mark = world.cloud.mark();
    let (mut failed, mut asked) = (Vec::new(), 0);
    for row in rows {
        for (path, wanted) in row.says {
            asked += 1;
            let place = placed(&world, row.name, path);
            let run = machine.run(&["why", "--ask", "--json", &place]);
            let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_default();
            match told["why"].get(0) {
                None => failed.push(format!("{place}: {wanted:?}, but {}", run.said())),
                Some(said) => failed.extend(wrong(said, *wanted).map(|what| format!("{place}: {what}"))),
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {asked}:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert_eq!(
        world.cloud.since(&mark).mutations,
        0,
        "a question changes nothing"
    );
}

/// Cases of one world: each question looks at all of it.
const TOGETHER: usize = 25;

#[test]
fn why_gives_the_rule_of_each_named_case() {
    let worlds = WORLDS.iter();
    let worlds = worlds.flat_map(|(settings, rows)| rows.chunks(TOGETHER).map(|rows| (*settings, rows)));
    std::thread::scope(|scope| {
        let lived: Vec<_> = worlds
            .map(|(settings, rows)| scope.spawn(move || live(settings, rows, |_| {})))
            .collect();
        let failed: Vec<_> = lived.into_iter().filter_map(|it| it.join().err()).collect();
        let told = |panic: &Box<dyn std::any::Any + Send>| panic.downcast_ref::<String>().cloned();
        assert!(
            failed.is_empty(),
            "{}",
            failed.iter().filter_map(told).collect::<Vec<_>>().join("\n")
        );
    });
}

#[test]
fn what_the_account_lost_and_the_user_let_through_is_sent_anew_and_why_says_so() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    for name in ["a.txt", "b.txt", "c.txt", "d.txt"] {
        machine.write(name, name);
    }
    machine.sync();
    let tree = world.cloud.control.tree().unwrap();
    let lost = tree
        .files
        .iter()
        .filter(|file| matches!(&*file.name, "a.txt" | "b.txt"));
    let files: Vec<_> = lost.map(|file| file.id).collect();
    assert_eq!(files.len(), 2);
    let folders = Vec::new();
    world
        .cloud
        .control
        .web(devcloud::WebAction::LoseRows { files, folders })
        .unwrap();
    machine.once(&[]).expect(4);
    machine.run(&["approve"]).expect(0);
    let why = machine.run(&["why", "--ask", "--json", "a.txt"]).expect(3).json();
    assert_eq!(wrong(&why["why"][0], Says::By("LostApproved")), None, "{why}");
}

#[test]
fn why_says_what_cannot_be_read() {
    live(&[], UNREADABLE, |machine| {
        // Root reads everything.
        if rustix::process::geteuid().is_root() {
            machine.become_user(NOBODY);
        }
    });
}

#[test]
fn every_named_case_is_asked_about_or_has_a_reason_why_not() {
    let mut named = BTreeSet::new();
    let folder = workspace().join("crates/planner/src/merge/cases");
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        // A case begins in its own line, one step in, within the macro.
        let cases = text.split_once("\ncases! {\n").map_or("", |(_, cases)| cases);
        let names = cases
            .lines()
            .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" {"));
        named.extend(names.filter(|name| !name.contains(' ')).map(str::to_owned));
    }
    let rows = WORLDS.iter().flat_map(|(_, rows)| *rows).chain(UNREADABLE);
    let elsewhere = ELSEWHERE.iter().flat_map(|(_, names)| *names);
    let mut told = BTreeSet::new();
    let lost = "h03_lost_there_and_approved_is_uploaded_anew";
    for name in rows.map(|row| row.name).chain(elsewhere.copied()).chain([lost]) {
        assert!(told.insert(name.to_owned()), "{name} is there twice");
    }
    let differ: Vec<_> = told.symmetric_difference(&named).collect();
    assert!(differ.is_empty(), "{differ:?}");
}
