//! How much work a pass makes, by the server's ledger (interface: request budgets, dialect `document`).

use super::*;

#[tokio::test]
async fn a_first_upload_takes_a_request_for_each_file_and_two_for_each_folder() {
    for root in ["/", "/Sync"] {
        let world = World::start(Dialect::Document).await;
        let one = world.machine("one", root);
        let (folders, files) = (6, 5);
        for folder in 0..folders {
            for file in 0..files {
                one.write(&format!("f{folder}/{file}.txt"), &format!("{folder} {file}"));
            }
        }
        let pass = one.sync().await;
        assert_eq!(pass.uploaded, folders * files);
        let at_the_top = if root == "/" { folders } else { 1 };
        let budget = folders * files + 2 * folders + 10 + at_the_top;
        assert!(pass.requests <= budget, "{root}: {} of {budget}", pass.requests);
        let idle = one.sync().await;
        assert!(
            idle.requests <= folders + 10,
            "{root}: {} when nothing changed",
            idle.requests
        );
        let idle = one.sync().await;
        assert!(
            idle.requests <= folders + 10,
            "{root}: {} when nothing changed",
            idle.requests
        );
        assert_settled(&world, if root == "/" { "" } else { root }, &[&one]).await;
    }
}

#[tokio::test]
async fn a_renamed_folder_is_one_change_and_an_edited_file_three() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        for file in 0..20 {
            one.write(&format!("photos/2026/{file}.txt"), &format!("photo {file}"));
        }
        one.sync().await;
        world.mutations();
        one.rename("photos", "pictures");
        one.sync().await;
        assert_eq!(world.mutations(), 1, "{dialect:?}: a folder's rename");
        one.write("pictures/2026/3.txt", "another photo");
        one.sync().await;
        assert_eq!(world.mutations(), 3, "{dialect:?}: an edit");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}
