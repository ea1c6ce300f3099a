//! Names that repeat, that lead elsewhere, that drive a terminal.

use std::fs;

use super::{alone, good, remote};
use crate::world::{Dialect, disk, in_every_dialect};

#[test]
fn a_path_that_names_two_things_lists_their_ids_and_each_id_works() {
    in_every_dialect(|dialect| {
        let (world, machine) = alone(dialect);
        let control = &world.cloud.control;
        let one = control.put_file(None, "a.txt", b"one").unwrap();
        let two = control.put_file(None, "b.txt", b"two!").unwrap();
        control.rename_file(two, "a.txt").unwrap();
        let run = remote(&machine, &["cat", "/a.txt"]);
        assert_eq!(run.code, 2, "{run:?}");
        for id in [one, two] {
            assert!(run.stderr.contains(&format!("file:{id} (a.txt, ")), "{run:?}");
        }
        assert!(run.stderr.contains("by its id"), "{run:?}");
        assert_eq!(
            good(dialect, &machine, &["cat", &format!("file:{two}")]).stdout,
            "two!"
        );
        assert_eq!(
            good(dialect, &machine, &["cat", &format!("file:{one}")]).stdout,
            "one"
        );
    });
}

#[test]
fn a_number_that_a_file_and_a_folder_have_is_not_guessed() {
    let (world, machine) = alone(Dialect::Document);
    let control = &world.cloud.control;
    let mut folders = vec![control.create_folder(None, "f0").unwrap()];
    let file = control.put_file(None, "a.txt", b"one").unwrap();
    while *folders.last().unwrap() < file {
        folders.push(
            control
                .create_folder(None, &format!("f{}", folders.len()))
                .unwrap(),
        );
    }
    let mut number = file;
    while !folders.contains(&number) {
        number = control.put_file(None, format!("more{number}"), b"more").unwrap();
        folders.push(control.create_folder(None, &format!("g{number}")).unwrap());
    }
    let run = remote(&machine, &["stat", &format!("id:{number}")]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains(&format!("folder:{number} (")), "{run:?}");
    assert!(run.stderr.contains(&format!("file:{number} (")), "{run:?}");
}

#[test]
fn hostile_names_never_leave_the_folder_nor_drive_the_terminal() {
    let (world, machine) = alone(Dialect::Document);
    let control = &world.cloud.control;
    let folder = control.create_folder(None, "bag").unwrap();
    let evil = control.create_folder(Some(folder), "..").unwrap();
    control.put_file(Some(evil), "out", b"1").unwrap();
    for (at, name) in [
        "../../escaped",
        "/etc/passwd",
        "nul\0here",
        "..",
        ".",
        "\u{1b}[2Jx",
        "a\nb",
    ]
    .into_iter()
    .enumerate()
    {
        let file = control
            .put_file(Some(folder), format!("n{at}"), name.as_bytes())
            .unwrap();
        control.rename_file(file, name).unwrap();
    }
    let to = machine.local.join("into");
    fs::create_dir(&to).unwrap();
    let before = disk::everything(&world.join("")).len();
    let run = remote(&machine, &["get", "bag", "--to", to.to_str().unwrap()]).expect(0);
    assert!(!run.said().contains('\u{1b}'), "{run:?}");
    let below: Vec<String> = disk::tree(&to).into_keys().collect();
    assert!(below.len() >= 8, "{below:?}");
    assert!(below.iter().any(|path| path == "bag/⟦2E⟧⟦2E⟧/out"), "{below:?}");
    assert!(
        below.iter().any(|path| path == "bag/..⟦2F⟧..⟦2F⟧escaped"),
        "{below:?}"
    );
    let runs = 2;
    assert_eq!(
        disk::everything(&world.join("")).len(),
        before + below.len() + runs + 3,
        "{below:?}"
    );
    let listed = remote(&machine, &["ls", "bag"]).expect(0);
    assert!(!listed.stdout.contains('\u{1b}'), "{listed:?}");
}

#[test]
fn a_link_in_the_folder_that_files_go_to_is_not_followed() {
    let (world, machine) = alone(Dialect::Document);
    world.cloud.web_create("bag/x.txt", b"one");
    let (to, elsewhere) = (machine.local.join("into"), machine.local.join("elsewhere"));
    fs::create_dir(&to).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, to.join("bag")).unwrap();
    let run = remote(&machine, &["get", "bag", "--to", to.to_str().unwrap()]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(disk::tree(&elsewhere).is_empty());
}

#[test]
fn patterns_name_what_fits_and_an_exact_name_comes_first() {
    let (world, machine) = alone(Dialect::Document);
    for path in [
        "photos/a.jpg",
        "photos/b.jpg",
        "photos/c.txt",
        "photos/[ab].jpg",
        "other/a.jpg",
    ] {
        world.cloud.web_create(path, path.as_bytes());
    }
    let ls = |pattern: &str| remote(&machine, &["ls", pattern]).expect(0).stdout;
    assert_eq!(
        ls("/photos/*.jpg"),
        "/photos/[ab].jpg\n/photos/a.jpg\n/photos/b.jpg\n"
    );
    assert_eq!(ls("/photos/[ab].jpg"), "/photos/[ab].jpg\n");
    assert_eq!(ls("/*/a.jpg"), "/other/a.jpg\n/photos/a.jpg\n");
}
