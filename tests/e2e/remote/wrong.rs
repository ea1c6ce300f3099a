//! Wrong uses, with what the user then sees, word for word.

use std::fmt::Write as _;

use super::{alone, remote};
use crate::world::Dialect;

/// A line for each: the arguments, the exit code, what is said first.
const WRONG: &[&str] = &[
    "remote",
    "remote lsx",
    "remote ls /nothing",
    "remote ls docz",
    "remote ls /docs/../etc",
    "remote ls id:0",
    "remote ls id:12x",
    "remote stat id:999999",
    "remote ls file:7/x",
    "remote ls /docs/[",
    "remote ls /docs/*.png",
    "remote ls /docs/a.txt/b",
    "remote tree --depth 0",
    "remote cat /docs",
    "remote cat --json /docs/a.txt",
    "remote mkdir /docs",
    "remote mkdir /no/such/parent",
    "remote mkdir --public 3 /x",
    "remote mkdir --password /x",
    "remote mkdir --password-stdin /x",
    "remote put /nothing-here /docs",
    "remote put /etc/hostname",
    "remote put /etc /docs",
    "remote put /etc/hostname /docs/a.txt",
    "remote get /docs --to /nothing-here",
    "remote get /nothing",
    "remote get --force --resume /docs",
    "remote cp /docs /copy",
    "remote cp /docs/a.txt /docs",
    "remote cp -r / /docs",
    "remote mv / /docs",
    "remote mv /docs /docs/sub",
    "remote mv /docs/a.txt /docs/b.txt",
    "remote mv /docs/a.txt /docs/b.txt /new",
    "remote rm /",
    "remote rm /docs",
    "remote edit /docs",
    "remote edit /docs --type text/plain",
    "remote edit /docs/a.txt --public 1",
    "remote edit /docs/a.txt --name b.txt",
    "remote edit /docs --name syncd-up-00000000-0000000000000000",
    "remote link /docs",
    "remote import ftp://host/file /docs",
    "remote import http://127.0.0.1:1/x",
    "remote import --status abc",
    "remote raw folder/listng",
    "remote raw authorize key1=x",
    "remote raw file/upload",
    "remote raw folder/listing parent_folder_id",
    "remote raw folder/listing access_token=x",
    "remote raw folder/edit access_password=x",
];

#[test]
fn wrong_uses_say_what_is_wrong_and_what_to_do() {
    let (world, machine) = alone(Dialect::Document);
    world.cloud.web_create("docs/a.txt", b"one");
    world.cloud.web_create("docs/b.txt", b"two");
    world.cloud.web_mkdir("docs/sub");
    let before = world.cloud.tree();
    let mut said = String::new();
    for line in WRONG {
        let args: Vec<&str> = line.split(' ').collect();
        let run = machine.run(&args);
        assert_ne!(run.code, 0, "{run:?}");
        let text = run.stderr.replace(&world.cloud.api_url(), "API/");
        let _ = writeln!(said, "$ syncd {line}  [{}]\n{}", run.code, text.trim_end());
    }
    assert_eq!(world.cloud.tree(), before, "nothing was changed by any of them");
    insta::assert_snapshot!(said);
}

#[test]
fn wrong_credentials_are_exit_5_and_never_said() {
    let (_world, machine) = alone(Dialect::Document);
    machine.save_credentials(
        &format!("key1 = \"{}\"\nkey2 = \"{}\"\n", "k".repeat(64), "l".repeat(64)),
        0o600,
    );
    let run = remote(&machine, &["ls"]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(!run.said().contains("kkkk"), "{run:?}");
}

#[test]
fn no_secret_is_said_at_any_verbosity() {
    let (world, machine) = alone(Dialect::Document);
    world.cloud.web_create("docs/a.txt", b"one");
    for args in [
        &["-vvv", "login"][..],
        &["-vvv", "cat", "docs/a.txt"],
        &["-vvv", "logout"],
    ] {
        let run = remote(&machine, args).expect(0);
        for secret in world.cloud.keys() {
            assert!(!run.said().contains(&secret), "{run:?}");
        }
        assert!(!run.said().contains("download_token"), "{run:?}");
    }
}
