//! How programs save: in place, by rename, by way of backups, in blocks, under locks. syncd runs in the middle of it and
//! after it; nothing is doubled, nothing is a conflict, the last version is in the account and the one before in its trash.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::checker::assert_same;
use crate::samples::bytes;
use crate::world::{Dialect, Entry, Tree, World, content_of, disk};

/// One move of a program's in a folder.
type Stroke = fn(&Path, &str);

/// Lets a program save `docs/letter.txt` stroke by stroke, and runs syncd after each. At no time a conflict; in the end
/// exactly these paths, the new version, and the old one in the account's trash.
fn saves(name: &str, strokes: &[Stroke], paths: &[&str]) {
    let world = World::start(Dialect::V4);
    let machine = world.machine("d1");
    let first = machine.write("docs/letter.txt", "first version");
    machine.sync();
    let docs = machine.local.join("docs");
    let mut last = first;
    for (round, text) in ["second version", "the third version"].into_iter().enumerate() {
        for (at, stroke) in strokes.iter().enumerate() {
            stroke(&docs, text);
            // The second time it saves at one go.
            if round == 0 {
                let run = machine.once(&[]);
                assert!([0, 3].contains(&run.code), "{name}, stroke {at}: {run:?}");
                let conflicts = run.pair()["conflicts"].as_array().map(Vec::len);
                assert_eq!(conflicts, Some(0), "{name}, stroke {at}: {run:?}");
            }
        }
        machine.settle(3, false);
        let tree = machine.tree();
        assert_same(&tree, &world.cloud.tree());
        assert_eq!(
            tree["docs/letter.txt"],
            Entry::File(content_of(text.as_bytes())),
            "{name}"
        );
        let synced: Vec<&str> = world
            .cloud
            .tree()
            .keys()
            .filter_map(|path| paths.iter().copied().chain(["docs"]).find(|known| known == path))
            .collect();
        assert_eq!(
            synced.len(),
            world.cloud.tree().len(),
            "{name}: more than was meant: {:?}",
            world.cloud.tree()
        );
        assert_eq!(
            synced.len(),
            paths.len() + 1,
            "{name}: less than was meant: {:?}",
            world.cloud.tree()
        );
        // A backup that the program keeps is the old version itself, live.
        let kept = world
            .cloud
            .tree()
            .values()
            .any(|entry| *entry == Entry::File(last));
        assert!(
            kept || world.cloud.trash().contains(&last),
            "{name}: the old version is gone"
        );
        last = content_of(text.as_bytes());
    }
    let mark = world.cloud.mark();
    machine.sync();
    assert_eq!(world.cloud.since(&mark).mutations, 0, "{name}");
}

#[test]
fn a_save_in_place_is_one_new_version() {
    saves(
        "in place",
        &[
            |docs, _| drop(fs::File::create(docs.join("letter.txt")).unwrap()),
            |docs, text| fs::write(docs.join("letter.txt"), &text[..5]).unwrap(),
            |docs, text| fs::write(docs.join("letter.txt"), text).unwrap(),
        ],
        &["docs/letter.txt"],
    );
}

#[test]
fn a_save_by_rename_is_one_new_version() {
    saves(
        "by rename",
        &[
            |docs, text| fs::write(docs.join("letter.txt.part"), text).unwrap(),
            |docs, _| fs::rename(docs.join("letter.txt.part"), docs.join("letter.txt")).unwrap(),
        ],
        &["docs/letter.txt"],
    );
}

#[test]
fn a_save_by_vim_with_its_swap_file_and_a_backup_that_goes_is_one_new_version() {
    saves(
        "vim",
        &[
            |docs, _| fs::write(docs.join(".letter.txt.swp"), "b0VIM 9.1").unwrap(),
            |docs, _| fs::write(docs.join("4913"), "").unwrap(),
            |docs, _| fs::remove_file(docs.join("4913")).unwrap(),
            |docs, _| fs::rename(docs.join("letter.txt"), docs.join("letter.txt~")).unwrap(),
            |docs, text| fs::write(docs.join("letter.txt"), text).unwrap(),
            |docs, _| fs::remove_file(docs.join("letter.txt~")).unwrap(),
            |docs, _| fs::remove_file(docs.join(".letter.txt.swp")).unwrap(),
        ],
        &["docs/letter.txt"],
    );
}

#[test]
fn a_save_by_emacs_with_its_lock_link_and_a_backup_that_stays_keeps_both() {
    saves(
        "emacs",
        &[
            |docs, _| symlink("user@host.4711:1", docs.join(".#letter.txt")).unwrap(),
            |docs, _| drop(fs::rename(docs.join("letter.txt"), docs.join("letter.txt~"))),
            |docs, text| fs::write(docs.join("letter.txt"), text).unwrap(),
            |docs, _| fs::remove_file(docs.join(".#letter.txt")).unwrap(),
        ],
        &["docs/letter.txt", "docs/letter.txt~"],
    );
}

#[test]
fn a_save_by_an_office_with_its_lock_file_is_one_new_version() {
    saves(
        "office",
        &[
            |docs, _| {
                fs::write(
                    docs.join(".~lock.letter.txt#"),
                    ",user,host,25.11.2026 10:00,file:///;",
                )
                .unwrap()
            },
            |docs, text| fs::write(docs.join("lu4711abc.tmp"), text).unwrap(),
            |docs, _| fs::rename(docs.join("lu4711abc.tmp"), docs.join("letter.txt")).unwrap(),
            |docs, _| fs::remove_file(docs.join(".~lock.letter.txt#")).unwrap(),
        ],
        &["docs/letter.txt"],
    );
}

#[test]
fn a_lock_file_that_an_office_left_behind_never_goes_up() {
    let world = World::start(Dialect::V4);
    let machine = world.machine("d1");
    machine.write("docs/.~lock.letter.odt#", ",user,host,25.11.2026 10:00,file:///;");
    machine.write("docs/letter.odt", "a letter");
    world
        .cloud
        .web_create("docs/.~lock.other.odt#", b"of another machine");
    machine.settle(3, false);
    assert!(world.cloud.tree().contains_key("docs/letter.odt"));
    assert!(!world.cloud.tree().contains_key("docs/.~lock.letter.odt#"));
    assert!(!machine.tree().contains_key("docs/.~lock.other.odt#"));
}

/// Commands of git in a work tree whose repository lies elsewhere. `false`: there is no git.
fn git(work: &Path, repository: &Path, args: &[&str]) -> bool {
    let done = Command::new("git")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "-c",
            "init.defaultBranch=one",
        ])
        .arg("--git-dir")
        .arg(repository)
        .arg("--work-tree")
        .arg(work)
        .args(args)
        .current_dir(work)
        .output();
    match done {
        Ok(out) if out.status.success() => true,
        Ok(out) => panic!("git {args:?}: {}", String::from_utf8_lossy(&out.stderr)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => panic!("git {args:?}: {error}"),
    }
}

/// The files of a branch: of 500, each has a part of its own.
fn branch(number: u64) -> Vec<(String, Vec<u8>)> {
    let range = if number == 1 { 0..400 } else { 100..500 };
    range
        .map(|at: u64| {
            // Half of those in both differ.
            let seed = if at.is_multiple_of(2) {
                at
            } else {
                at + 1000 * number
            };
            (format!("src/{}/{at}.rs", at % 7), bytes(400 + at, seed))
        })
        .collect()
}

fn lay_out(work: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        // As git does it: never over a file, always a new one.
        let _ = fs::remove_file(work.join(path));
        disk::write(work, path, bytes);
    }
}

#[test]
fn a_checkout_of_five_hundred_files_while_syncd_runs_ends_as_the_branch_says() {
    let world = World::start(Dialect::V4);
    let mut machine = world.machine("d1");
    machine.set("max_delete_percent", "100");
    let (work, repository) = (machine.local.clone(), world.join("repository"));
    let (one, two) = (branch(1), branch(2));
    lay_out(&work, &one);
    let there_is_git = git(&work, &repository, &["init"]);
    if there_is_git {
        git(&work, &repository, &["add", "src"]);
        git(&work, &repository, &["commit", "-qm", "one"]);
        git(&work, &repository, &["checkout", "-qb", "two"]);
        git(&work, &repository, &["rm", "-rq", "src"]);
        lay_out(&work, &two);
        git(&work, &repository, &["add", "src"]);
        git(&work, &repository, &["commit", "-qm", "two"]);
        git(&work, &repository, &["checkout", "-q", "one"]);
    }
    machine.sync();
    assert_same(&machine.tree(), &world.cloud.tree());

    let mark = world.cloud.mark();
    let mut running = machine.spawn_once(&[]);
    running.watch(|_| world.cloud.since(&mark).requests > 0);
    if there_is_git {
        git(&work, &repository, &["checkout", "-q", "two"]);
    } else {
        for (path, _) in &one {
            fs::remove_file(work.join(path)).unwrap();
        }
        lay_out(&work, &two);
    }
    let run = running.wait();
    assert!([0, 3].contains(&run.code), "{run:?}");
    machine.settle(4, false);
    let files: Tree = two
        .iter()
        .map(|(path, bytes)| (path.clone(), Entry::File(content_of(bytes))))
        .collect();
    let mut tree = machine.tree();
    assert_same(&tree, &world.cloud.tree());
    tree.retain(|_, entry| *entry != Entry::Folder);
    assert_eq!(tree, files);
}

#[test]
fn a_file_that_rsync_changes_in_place_in_blocks_ends_as_its_source() {
    let world = World::start(Dialect::V4);
    let machine = world.machine("d1");
    let (old, mut new) = (bytes(2_000_000, 1), bytes(2_000_000, 1));
    new[700_000..900_000].copy_from_slice(&bytes(200_000, 2));
    new[1_999_000..].copy_from_slice(&bytes(1_000, 3));
    machine.write("disk.img", &old);
    let path = machine.local.join("disk.img");
    // The source is older than the copy: its time goes back.
    let source_time = SystemTime::now() - Duration::from_secs(90 * 86_400);
    let stamp = |file: &fs::File| file.set_modified(source_time).unwrap();
    stamp(&fs::File::options().write(true).open(&path).unwrap());
    machine.sync();
    // `rsync --inplace`: reads a block, writes it if it differs, and sets the time at the end.
    let mut file = fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut block = vec![0; 100_000];
    for (number, wanted) in new.chunks(block.len()).enumerate() {
        let at = u64::try_from(number * block.len()).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.read_exact(&mut block[..wanted.len()]).unwrap();
        if block[..wanted.len()] != *wanted {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(wanted).unwrap();
        }
        if number == 8 {
            // In the middle, with the size of both versions.
            machine.once(&[]);
        }
    }
    file.set_len(2_000_000).unwrap();
    stamp(&file);
    drop(file);
    machine.settle(3, false);
    assert_eq!(world.cloud.tree()["disk.img"], Entry::File(content_of(&new)));
    assert_same(&machine.tree(), &world.cloud.tree());
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(modified, source_time, "its time is the user's");
    assert!(world.cloud.trash().contains(&content_of(&old)));
}

#[test]
fn a_database_in_use_goes_on_working_and_is_whole_in_the_account_once_it_is_closed() {
    for mode in ["WAL", "DELETE"] {
        let world = World::start(Dialect::V4);
        let (machine, other) = (world.machine("d1"), world.machine("d2"));
        let path = machine.local.join("app/data.db");
        machine.mkdir("app");
        let rows = 300;
        {
            let db = rusqlite::Connection::open(&path).unwrap();
            db.pragma_update(None, "journal_mode", mode).unwrap();
            db.execute_batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
                .unwrap();
            for round in 0..3 {
                // A transaction that is open, with pages spilled to the disk, while syncd reads.
                db.execute_batch("PRAGMA cache_size = 2; BEGIN IMMEDIATE")
                    .unwrap();
                for row in 0..rows / 3 {
                    let id = round * (rows / 3) + row;
                    db.execute(
                        "INSERT INTO notes VALUES (?1, ?2)",
                        (id, format!("{id} {}", "x".repeat(200))),
                    )
                    .unwrap();
                    if row == 50 {
                        let run = machine.once(&[]);
                        assert!([0, 3].contains(&run.code), "{mode}: {run:?}");
                    }
                }
                db.execute_batch("COMMIT").unwrap();
                whole(&db, (round + 1) * (rows / 3));
                // Between transactions nothing may be changed here either.
                let before = disk::content_at(&path);
                machine.once(&[]);
                assert_eq!(
                    disk::content_at(&path),
                    before,
                    "{mode}: the database was changed"
                );
            }
        }
        // Closing it takes the side files away.
        machine.settle(3, false);
        assert_same(&machine.tree(), &world.cloud.tree());
        assert_eq!(world.cloud.tree().len(), 2, "{:?}", world.cloud.tree());
        other.settle(3, false);
        let db = rusqlite::Connection::open(other.local.join("app/data.db")).unwrap();
        whole(&db, rows);
    }
}

fn whole(db: &rusqlite::Connection, rows: i64) {
    let check: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    let count: i64 = db
        .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
        .unwrap();
    assert_eq!((check.as_str(), count), ("ok", rows));
}
