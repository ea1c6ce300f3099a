//! `syncd why`: the three trees and the rule, from the journal, through a service, and with a look at the account.

use crate::service::{end, machine, until};
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
