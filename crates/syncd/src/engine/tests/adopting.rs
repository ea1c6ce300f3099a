//! A first sync of trees that are alike: put on record folder by folder, and what is not alike as ever.

use super::*;

/// A tree of the account, and a machine that has most of it already.
async fn met(world: &World, name: &str, first_merge: &str) -> Machine {
    let one = world.machine("one", "/Sync");
    for number in 0..80 {
        one.write(
            &format!("f{}/{number}.txt", number % 8),
            &format!("text {number}"),
        );
    }
    one.write("f1/deep/deeper/a.txt", "deep");
    one.write("theirs/only.txt", "theirs");
    one.sync().await;
    let two = world.machine_with(name, "/Sync", &format!("first_merge = \"{first_merge}\""));
    for (path, bytes) in one.tree() {
        if !path.ends_with('/') && !path.starts_with("/theirs") {
            two.write(path.trim_start_matches('/'), &bytes);
        }
    }
    two.remove("f3/3.txt");
    two.write("f4/4.txt", "another one");
    two.write("f5/mine.txt", "mine");
    two.write("mine/only.txt", "mine");
    // Until times tell that no file changes.
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    two
}

#[tokio::test]
async fn equal_trees_are_put_on_record_in_parts_and_the_rest_is_decided_as_ever() {
    for first_merge in ["size", "verify"] {
        for dialect in DIALECTS {
            let mut sides = Vec::new();
            for at_once in [10, usize::MAX] {
                let world = World::start(dialect).await;
                let mut two = met(&world, "two", first_merge).await;
                two.config.adopt_at_once = at_once;
                let pass = two.once().await;
                let why = format!("{first_merge} {dialect:?} {at_once} {pass:#?}");
                assert!(pass.error.is_none() && pass.stop.is_none(), "{why}");
                assert_eq!((pass.downloaded, pass.conflicts.len()), (3, 1), "{why}");
                let (decided, of) = pass.decided.unwrap();
                if at_once == 10 {
                    let staged = fs::read_dir(two.disk.join(".syncd/staging")).map_or(0, Iterator::count);
                    assert!(staged < 10, "{staged} compared files are kept\n{why}");
                    assert!(decided * 2 < of && of >= 87, "{why}");
                } else {
                    assert_eq!(decided, of, "{why}");
                }
                until_quiet(&world, &[&two]).await;
                assert_settled(&world, "/Sync", &[&two]).await;
                // But for the time in the conflict's name.
                let named = |(path, bytes): (String, String)| match path.split_once(" (conflict") {
                    Some((stem, _)) => (stem.to_owned(), bytes),
                    None => (path, bytes),
                };
                sides.push(world.account().into_iter().map(named).collect::<Vec<_>>());
            }
            assert_eq!(sides[0], sides[1], "{first_merge} {dialect:?}");
        }
    }
}
