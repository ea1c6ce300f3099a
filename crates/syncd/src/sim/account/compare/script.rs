//! What is asked of both in a fixed order: each endpoint, each trap of the lines, each end.

use super::*;

async fn files(story: &mut Story) {
    let info = story.client.account_info().await;
    story.say("account", info.map(|info| (info.id, info.status, info.level_id)));
    let package = story.client.account_package().await;
    story.say("package", package);
    story.create("Sync", 0).await;
    story.create("docs", 1).await;
    story.create("docs", 1).await;
    story.create("<b>x</b> ", 1).await;
    story.create("a\u{1F600}b", 1).await;
    story.create("lost", 99).await;
    story.list(0).await;
    story.list(1).await;
    story.list(99).await;
    for name in [
        "a.txt",
        "a.txt",
        "A.TXT ",
        ".bashrc",
        "it's \"x\".txt",
        "x/y\\z.txt",
        "x.php",
        "README",
        "README",
    ] {
        story.upload(name, b"hello", 1).await;
    }
    // Numbering cuts the letter in half, and the folder cannot be listed any more (Q39).
    for name in ["é", "É"] {
        story.upload(name, b"cut", 4).await;
    }
    story.list(4).await;
    for name in [
        "日本.txt",
        "日本.TXT",
        "e\u{301}.txt",
        "é.txt",
        "É.txt",
        "q\\\"r",
        "a\u{1F600}.b",
        "\u{1F600}",
    ] {
        story.upload(name, b"two bytes", 2).await;
    }
    story.upload("two", b"12", 0).await;
    story.upload("astray", b"123", 98).await;
    story.list(0).await;
    story.list(1).await;
    story.list(2).await;
    story.info(1).await;
    story.info(77).await;
    story.edit(FileEdit::of(file(1)).name("b <c>d.txt ")).await;
    story.edit(FileEdit::of(file(1)).name("<b>")).await;
    story.edit(FileEdit::of(file(1)).name("x/y.\"z")).await;
    story.edit(FileEdit::of(file(1)).folder(folder(2))).await;
    story
        .edit(FileEdit::of(file(1)).name("moved.txt").folder(folder(97)))
        .await;
    story.edit(FileEdit::of(file(1)).folder(Parent::Top)).await;
    story.edit(FileEdit::of(file(76)).name("none")).await;
    story.shift(2, 2).await;
    story.shift(2, 96).await;
    story.shift(2, 0).await;
    story.list(0).await;
    story.list(2).await;
}

async fn transfers_and_trash(story: &mut Story, dialect: Dialect) {
    story.web(Web::Put(Some(2), "web.txt", b"0123456789"));
    if dialect != Dialect::Document {
        // The document's server has no other way of uploading that stores nothing.
        story.web(Web::Put(Some(2), "web.txt", b""));
    }
    story.web(Web::Put(Some(2), "ab", b"ab"));
    story.list(2).await;
    let listing = story.client.folder_listing(folder(2)).await.unwrap();
    let ids: Vec<(u64, u64)> = listing
        .files
        .iter()
        .map(|row| (row.id.to_string().parse().unwrap(), row.size))
        .collect();
    for (id, size) in &ids {
        for offset in [0, 1, 2, 9] {
            if offset < *size {
                story.fetch(*id, *size, offset).await;
            }
        }
        story.fetch(*id, size + 1, 0).await;
    }
    story.fetch(75, 5, 0).await;
    let last = ids.iter().map(|(id, _)| *id).max().unwrap();
    story.info(last).await;
    story.delete(last).await;
    story.delete(last).await;
    story.delete(74).await;
    story.info(last).await;
    story.list(0).await;
    story
        .edit(FileEdit::of(file(last)).name("dead.txt").folder(folder(1)))
        .await;
    story.shift(last, 1).await;
    story.list(1).await;
    story.delete(last).await;
    story.fetch(last, 2, 0).await;
    story.web(Web::RestoreFile(last, Some(2)));
    story.web(Web::RenameFile(last, "Web.TXT"));
    story.info(last).await;
    story.web(Web::TrashFile(last));
    story.list(0).await;
    story.list(2).await;
}

async fn folders(story: &mut Story) {
    story.folder_info(2).await;
    story.folder_info(95).await;
    story.folder_edit(FolderEdit::of(folder(2)).name("Docs ")).await;
    story
        .folder_edit(FolderEdit::of(folder(2)).name("D").parent(folder(94)))
        .await;
    story
        .folder_edit(FolderEdit::of(folder(2)).parent(folder(3)))
        .await;
    story.folder_edit(FolderEdit::of(folder(93)).name("none")).await;
    story.folder_move(3, 0).await;
    story.folder_move(3, 92).await;
    story.folder_move(91, 1).await;
    story.folder_move(3, 1).await;
    for id in [1, 2, 3, 90, 2_147_483_647] {
        story.probe(id).await;
    }
    story.create("inner", 2).await;
    story.upload("deep.txt", b"deep", 2).await;
    story.folder_delete(3).await;
    story.folder_delete(3).await;
    story.folder_delete(89).await;
    for id in [0, 1, 2, 3] {
        story.list(id).await;
    }
    for id in [2, 3] {
        story.folder_info(id).await;
        story.probe(id).await;
    }
    story.create("below trash", 2).await;
    story.upload("below trash.txt", b"below", 2).await;
    story.list(2).await;
    story
        .folder_edit(FolderEdit::of(folder(3)).name("dead").parent(folder(1)))
        .await;
    story.edit(FileEdit::of(file(1)).folder(folder(3))).await;
    story.web(Web::RestoreFolder(3, Some(1)));
    for id in [0, 1, 2, 3] {
        story.list(id).await;
    }
    story.web(Web::Mkdir(Some(3), "new"));
    story.web(Web::MoveFolder(2, None));
    story.list(3).await;
    story.web(Web::TrashFolder(3));
    story.list(3).await;
    story.web(Web::EndSessions);
    story.list(0).await;
}

async fn rings_and_ends(story: &mut Story) {
    story.create("outer", 1).await;
    let listing = story.client.folder_listing(folder(1)).await.unwrap();
    let outer: u64 = listing
        .folders
        .iter()
        .find(|row| row.name == "outer")
        .unwrap()
        .id
        .to_string()
        .parse()
        .unwrap();
    story.create("inner", outer).await;
    story.folder_move(outer, outer + 1).await;
    story
        .folder_edit(FolderEdit::of(folder(outer)).parent(folder(outer + 1)))
        .await;
    story.folder_info(outer).await;
    story.list(outer).await;
    story.upload("ring.txt", b"ring", outer + 1).await;
    story.list(outer + 1).await;
    story.folder_delete(outer).await;
    story
        .folder_edit(FolderEdit::of(folder(outer)).parent(Parent::Top))
        .await;
    story.folder_delete(outer).await;
    story.raw("folder/listing", &[("parent_folder_id", "-1")]).await;
    story.raw("folder/listing", &[("parent_folder_id", "0")]).await;
    story.raw("file/info", &[("file_id", "")]).await;
    story.raw("file/info", &[("file_id", "x")]).await;
    story
        .raw(
            "folder/move",
            &[("folder_id", "1"), ("new_parent_folder_id", "1")],
        )
        .await;
    story.raw("folder/move", &[("folder_id", "1")]).await;
    story.raw("file/move", &[("file_id", "1")]).await;
    story.raw("folder/create", &[("folder_name", "")]).await;
    story
        .raw("folder/create", &[("folder_name", "n"), ("parent_id", "-3")])
        .await;
    story.web(Web::EmptyTrash);
    story.list(0).await;
    story.folder_info(outer).await;
    story.list(outer).await;
    story.probe(outer).await;
    story.folder_delete(outer).await;
    let out = story.client.sign_out().await;
    story.say("sign out", out);
    story.list(1).await;
}

pub(super) async fn told(story: &mut Story, dialect: Dialect) {
    files(story).await;
    transfers_and_trash(story, dialect).await;
    folders(story).await;
    rings_and_ends(story).await;
}
