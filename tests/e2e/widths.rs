//! What is for people fits the terminal that it goes to, and nothing of it is left out; what goes anywhere else is whole.

use unicode_width::UnicodeWidthStr as _;

use crate::service::{self, end, until};
use crate::world::terminal::Terminal;
use crate::world::{Dialect, Machine, World};

/// A name wider than any of the terminals, of letters that take two columns.
const WIDE: &str = "写真/二〇二六年の夏の海辺の港の夕暮れの写真その一.txt";
/// A path of many folders.
const DEEP: &str = "photographs/of the summer/at-the-seaside/in-the-evening/harbour-and-lighthouse/empty.jpg";

/// What a command shows on a terminal of so many columns.
fn on(machine: &Machine, columns: u16, args: &[&str]) -> String {
    let (_, seen) = Terminal::spawn_on(machine.command(args), columns).end();
    seen.replace('\r', "")
}

/// All letters, without what lays them out.
fn letters(text: &str) -> String {
    text.replace([' ', '\n'], "")
}

#[track_caller]
fn fits(machine: &Machine, args: &[&str]) {
    let whole = machine.run(args).stdout;
    assert!(whole.contains("empty.jpg") || whole.contains("agreed"), "{whole}");
    for columns in [40, 80, 132] {
        let seen = on(machine, columns, args);
        for line in seen.lines() {
            assert!(
                line.width() <= usize::from(columns),
                "{columns}: {line:?} of {seen}"
            );
        }
        assert_eq!(letters(&seen), letters(&whole), "{columns}: {args:?}");
        if columns == 40 {
            assert!(seen.lines().count() > whole.lines().count(), "{seen}");
        }
    }
}

#[test]
fn lists_fit_the_terminal_and_a_file_gets_every_line_whole() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    machine.write(WIDE, "first");
    machine.sync();
    machine.write(WIDE, "changed here");
    world.cloud.web_edit(WIDE, b"changed there as well");
    // Skipped, and so a problem.
    machine.write(DEEP, "");
    machine.write(&DEEP.replace("empty", "not empty"), "something");
    machine.settle(4, false);
    let whole = machine.run(&["problems"]).stdout;
    assert!(whole.lines().any(|line| line.contains(DEEP)), "{whole}");
    for args in [
        &["problems"][..],
        &["history"],
        &["remote", "ls", "-l", "-R"],
        &["conflicts", "list"],
        &["status"],
    ] {
        if args[0] == "conflicts" || args[0] == "status" {
            // Of these something else tells that they are what they should be.
            let whole = machine.run(args).stdout;
            let seen = on(&machine, 40, args);
            assert!(seen.lines().all(|line| line.width() <= 40), "{seen}");
            assert!(
                letters(&seen).contains(&letters(whole.trim_end())),
                "{seen}{whole}"
            );
        } else {
            fits(&machine, args);
        }
    }
    // Programs read the same on a terminal.
    let json = on(&machine, 40, &["problems", "--json"]);
    assert_eq!(json.lines().count(), 1, "{json}");
    assert_eq!(json, machine.run(&["problems", "--json"]).stdout);
}

#[test]
fn a_status_of_a_service_fits_too_and_so_does_an_error() {
    let world = World::start(Dialect::Document);
    let machine = service::machine(&world, "d1");
    machine.write(DEEP, "");
    // Else the folders above it would be skipped too, and no room be left for it.
    machine.write(&DEEP.replace("empty", "not empty"), "something");
    let mut service = machine.spawn(&[]);
    until(&mut service, "what is skipped", |_| {
        machine.run(&["status"]).stdout.contains(DEEP)
    });
    let seen = on(&machine, 50, &["status"]);
    assert!(seen.lines().all(|line| line.width() <= 50), "{seen}");
    assert!(letters(&seen).contains(&letters(DEEP)), "{seen}");
    end(service);
    let error = on(&machine, 50, &["remote", "get", &format!("/{DEEP}")]);
    assert!(error.lines().all(|line| line.width() <= 50), "{error}");
    assert!(
        letters(&error).contains(&letters(DEEP)) && error.contains("Next: "),
        "{error}"
    );
}

#[test]
fn a_link_and_a_path_stay_one_line() {
    let world = World::start(Dialect::Document);
    world.cloud.web_create("a.txt", b"a");
    let machine = world.machine("d1");
    let link = on(&machine, 30, &["remote", "link", "/a.txt"]);
    assert_eq!(link.lines().count(), 1, "{link}");
    assert!(link.trim_end().len() > 30, "{link}");
    let path = on(&machine, 30, &["config", "path"]);
    assert_eq!(path, machine.run(&["config", "path"]).stdout);
}
