//! Quirks of names: Q07, Q08, Q25 to Q29, Q34 (wire.md §4).

use devcloud::Dialect;

use crate::common::{Site, number};

/// The names of the root after uploading these in order.
async fn uploaded(quirks: &[&str], names: &[&str]) -> Vec<String> {
    let site = Site::with(quirks).await;
    for name in names {
        site.put("", name, name.as_bytes()).await;
    }
    let mut files = site.files("").await;
    files.sort();
    files
}

#[tokio::test]
async fn q07_number_on_collision() {
    assert_eq!(
        uploaded(&[], &["photo.JPG", "photo.JPG"]).await,
        ["photo (2).jpg", "photo.JPG"]
    );
    assert_eq!(
        uploaded(&[], &["a.b", "a.b", "a.b"]).await,
        ["a (2).b", "a (3).b", "a.b"]
    );
    assert_eq!(
        uploaded(&[], &["README", "README"]).await,
        ["READM (2).readme", "README"]
    );
    assert_eq!(uploaded(&["-Q07"], &["a.b", "a.b"]).await, ["a.b", "a.b"]);
}

#[tokio::test]
async fn q07_only_active_files_of_the_same_folder_are_equal() {
    let site = Site::with(&[]).await;
    let folder = site.mkdir("", "F").await.to_string();
    let id = site.put("", "a.txt", b"1").await;
    site.put(&folder, "a.txt", b"2").await;
    site.call("file/delete", &[("file_id", &id.to_string())])
        .await
        .data();
    site.put("", "a.txt", b"3").await;
    assert_eq!(
        (site.files("").await, site.files(&folder).await),
        (vec!["a.txt".into()], vec!["a.txt".into()])
    );
}

#[tokio::test]
async fn q08_upload_name_mangling() {
    for (given, stored) in [
        (".bashrc", "bashrc"),
        ("..x", ".x"),
        ("it's \"x\".txt", "its x.txt"),
        ("<b>hi</b>.txt", "b>.txt"),
        (" a.txt ", "a.txt"),
        ("x/y.txt", "y.txt"),
        ("x\\y.txt", "y.txt"),
        ("a < b.txt", "a < b.txt"),
    ] {
        assert_eq!(uploaded(&["Q08"], &[given]).await, [stored], "{given}");
        assert_eq!(uploaded(&[], &[given]).await, [given], "{given}");
    }
}

#[tokio::test]
async fn q08_the_comparison_comes_before_the_cleaning() {
    let twice = ["it's \"x\".txt", "it's \"x\".txt"];
    assert_eq!(uploaded(&["Q08"], &twice).await, ["its x.txt", "its x.txt"]);
    assert_eq!(uploaded(&["Q08"], &["..x", "..x"]).await, [" (2).x", ".x"]);
}

#[tokio::test]
async fn q25_copy_keeps_name() {
    for (quirk, names) in [("Q25", ["a.txt", "a.txt"]), ("-Q25", ["a (2).txt", "a.txt"])] {
        let site = Site::with(&[quirk]).await;
        let id = site.put("", "a.txt", b"a").await.to_string();
        let said = site
            .call("file/copy", &[("file_id", &id), ("copy_to_folder_id", "null")])
            .await;
        assert!(said.json["new_file"]["data"]["id"].is_string());
        assert_eq!(site.files("").await, names);
    }
}

#[tokio::test]
async fn q26_strip_tags() {
    let site = Site::with(&["Q26"]).await;
    let id = site.put("", "x.txt", b"x").await.to_string();
    for (given, stored) in [
        ("a<b.txt", "a"),
        ("a < b.txt", "a < b.txt"),
        ("<b>hi</b>.txt", "hi.txt"),
        (" a.txt ", "a.txt"),
        (".x", ".x"),
        ("x/y\\z.txt", "x/y\\z.txt"),
        ("<gone", "x/y\\z.txt"),
    ] {
        let said = site
            .call("file/edit", &[("file_id", &id), ("filename", given)])
            .await;
        assert_eq!(said.data()["filename"], stored, "{given}");
    }
    let said = site.call("folder/create", &[("folder_name", " <i>F</i> ")]).await;
    assert_eq!(said.data()["folderName"], "F");
    let site = Site::with(&[]).await;
    let said = site.call("folder/create", &[("folder_name", " <i>F</i> ")]).await;
    assert_eq!(said.data()["folderName"], " <i>F</i> ");
}

#[tokio::test]
async fn q27_cut_255() {
    let long = format!("{}.pdf", "n".repeat(300));
    assert_eq!(
        uploaded(&["Q27"], &[&long, &long]).await,
        ["n".repeat(255), "n".repeat(255)]
    );
    assert_eq!(uploaded(&[], &[&long]).await, [long.as_str()]);
    let site = Site::with(&["Q27"]).await;
    let id = site.put("", "a.abcdefghijklmnop", b"a").await;
    assert_eq!(site.file_info(id).await.data()["extension"], "abcdefghij");
    let said = site.upload("", &long, b"n").await;
    assert_eq!(said.data()[0]["name"], long, "the answer comes before the cut");
}

#[tokio::test]
async fn q28_no_emoji() {
    assert_eq!(uploaded(&["Q28"], &["a😀b.txt", "a😀b.txt"]).await, ["a", "a"]);
    assert_eq!(uploaded(&[], &["a😀b.txt"]).await, ["a😀b.txt"]);
    let site = Site::with(&["Q28"]).await;
    site.knob("Q28.mode", "question");
    let id = site.mkdir("", "x😀y").await.to_string();
    let info = site.call("folder/info", &[("parent_folder_id", &id)]).await;
    assert_eq!(info.data()["folderName"], "x?y");
}

#[tokio::test]
async fn q29_collation_equal() {
    let names = ["Été.txt", "ete.TXT"];
    assert_eq!(uploaded(&["Q29"], &names).await, ["ete (2).txt", "Été.txt"]);
    assert_eq!(uploaded(&[], &names).await, ["ete.TXT", "Été.txt"]);
}

#[tokio::test]
async fn q34_duplicate_race() {
    for (quirk, names) in [("Q34", ["a.txt", "a.txt"]), ("-Q34", ["a (2).txt", "a.txt"])] {
        let site = Site::with(&[quirk]).await;
        site.knob("Q34.window", "0.3");
        let (one, two) = tokio::join!(site.upload("", "a.txt", b"1"), site.upload("", "a.txt", b"2"));
        assert_ne!(
            number(&one.data()[0]["file_id"]),
            number(&two.data()[0]["file_id"])
        );
        assert_eq!(site.files("").await, names);
    }
}

#[tokio::test]
async fn names_may_hold_anything_and_repeat_in_every_dialect() {
    for dialect in [Dialect::Document, Dialect::V4, Dialect::V5] {
        let site = Site::dialect(dialect).await;
        let one = site.put("", "1.txt", b"1").await;
        let two = site.put("", "2.txt", b"2").await;
        for id in [one, two] {
            let said = site
                .call(
                    "file/edit",
                    &[("file_id", &id.to_string()), ("filename", "a/b\"c'.txt")],
                )
                .await;
            assert_eq!(said.data()["filename"], "a/b\"c'.txt", "{dialect}");
        }
        assert_eq!(site.files("").await.len(), 2);
    }
}

#[tokio::test]
async fn listings_are_ordered_by_name_without_regard_to_case() {
    let site = Site::with(&[]).await;
    for name in ["b.txt", "C.txt", "a.txt", "é.txt", "f.txt"] {
        site.put("", name, name.as_bytes()).await;
        site.mkdir("", name).await;
    }
    let order = ["a.txt", "b.txt", "C.txt", "é.txt", "f.txt"];
    assert_eq!(
        (site.files("").await, site.folders("").await),
        (order.map(str::to_owned).into(), order.map(str::to_owned).into())
    );
}
