//! The simulated account against devcloud: one script, in every dialect, and every typed answer must be the same.
//!
//! Left out of the comparison, because nobody may build on them: dates (only whether there is one), short URLs, pages,
//! key words, sizes and counts of folders (Q54). Ids are compared: both count from 1.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use api::{
    Access, ApiError, Client, Credentials, FileEdit, FileId, FileRow, FolderCreate, FolderEdit, FolderId,
    FolderRow, Listing, MemoryTokenStore, Parent, UploadBody, UploadRequest, Uploaded,
};
use bytes::Bytes;
use devcloud::{Control, Options, Server, WebAction};

use super::{Dialect, SimAccount};
use crate::sim::rng::Rng;

/// What the web user does in the script.
#[derive(Clone, Copy)]
enum Web {
    Put(Option<u64>, &'static str, &'static [u8]),
    Mkdir(Option<u64>, &'static str),
    RenameFile(u64, &'static str),
    MoveFolder(u64, Option<u64>),
    TrashFile(u64),
    RestoreFile(u64, Option<u64>),
    TrashFolder(u64),
    RestoreFolder(u64, Option<u64>),
    EmptyTrash,
    EndSessions,
}

/// One of the two.
enum Side {
    Real(Control),
    Sim(SimAccount),
}

impl Side {
    /// Does it; both must be able to.
    fn web(&self, web: Web) {
        match self {
            Self::Real(control) => real(control, web),
            Self::Sim(account) => assert!(sim(account, web)),
        }
    }
}

fn real(control: &Control, web: Web) {
    let done = match web {
        Web::Put(folder, name, bytes) => control.put_file(folder, name, bytes).map(drop),
        Web::Mkdir(parent, name) => control.create_folder(parent, name).map(drop),
        Web::RenameFile(file, name) => control.rename_file(file, name),
        Web::MoveFolder(folder, parent) => control.web(WebAction::MoveFolder { folder, parent }).map(drop),
        Web::TrashFile(file) => control.trash_file(file),
        Web::RestoreFile(file, folder) => control.restore_file(file, folder),
        Web::TrashFolder(folder) => control.trash_folder(folder),
        Web::RestoreFolder(folder, parent) => control.restore_folder(folder, parent),
        Web::EmptyTrash => control.web(WebAction::EmptyTrash).map(drop),
        Web::EndSessions => control.web(WebAction::EndSessions).map(drop),
    };
    done.unwrap();
}

fn sim(account: &SimAccount, web: Web) -> bool {
    match web {
        Web::Put(folder, name, bytes) => account.put(folder, name, bytes).is_some(),
        Web::Mkdir(parent, name) => account.mkdir(parent, name).is_some(),
        Web::RenameFile(file, name) => account.rename_file(file, name),
        Web::MoveFolder(folder, parent) => account.move_folder(folder, parent),
        Web::TrashFile(file) => account.trash_file(file),
        Web::RestoreFile(file, folder) => account.restore_file(file, folder),
        Web::TrashFolder(folder) => account.trash_folder(folder),
        Web::RestoreFolder(folder, parent) => account.restore_folder(folder, parent),
        Web::EmptyTrash => {
            account.empty_trash();
            true
        }
        Web::EndSessions => {
            account.end_sessions();
            true
        }
    }
}

/// What is compared.
struct Story {
    client: Client,
    side: Side,
    told: Vec<String>,
}

fn some(date: Option<String>) -> Option<String> {
    date.map(|_| "a date".to_owned())
}

fn plain_file(row: FileRow) -> FileRow {
    FileRow {
        short_url: String::new(),
        uploaded_date: some(row.uploaded_date),
        last_accessed: some(row.last_accessed),
        keywords: None,
        url: None,
        ..row
    }
}

fn plain_folder(row: FolderRow) -> FolderRow {
    FolderRow {
        date_added: some(row.date_added),
        date_updated: some(row.date_updated),
        total_size: None,
        total_downloads: None,
        child_folder_count: None,
        file_count: None,
        url: None,
        ..row
    }
}

fn plain_listing(listing: Listing) -> Listing {
    Listing {
        folders: listing.folders.into_iter().map(plain_folder).collect(),
        files: listing.files.into_iter().map(plain_file).collect(),
    }
}

fn parent(id: u64) -> Parent {
    FolderId::new(id).map_or(Parent::Top, Parent::In)
}

fn folder(id: u64) -> FolderId {
    FolderId::new(id).unwrap()
}

fn file(id: u64) -> FileId {
    FileId::new(id).unwrap()
}

impl Story {
    fn say<T: std::fmt::Debug>(&mut self, what: &str, outcome: Result<T, ApiError>) {
        // Texts may name the server's address.
        let said = match outcome {
            Err(ApiError::UploadRefused { reason }) => {
                format!("refused: {}", reason.contains("acceptFileTypes"))
            }
            other => format!("{other:?}"),
        };
        self.told.push(format!("{what}: {said}"));
    }

    async fn create(&mut self, name: &str, at: u64) {
        let create = FolderCreate {
            name: name.to_owned(),
            parent: parent(at),
            access: Access::Private,
            password_md5: None,
        };
        let outcome = self.client.folder_create(&create).await.map(plain_folder);
        self.say(&format!("create {name:?} in {at}"), outcome);
    }

    async fn list(&mut self, at: u64) {
        let outcome = self.client.folder_listing(parent(at)).await.map(plain_listing);
        self.say(&format!("list {at}"), outcome);
    }

    async fn upload(&mut self, name: &str, bytes: &'static [u8], at: u64) {
        let size = NonZeroU64::new(u64::try_from(bytes.len()).unwrap()).unwrap();
        let body = UploadBody::from_bytes(Bytes::from_static(bytes));
        let outcome = self
            .client
            .upload(UploadRequest::new(name, parent(at), size, body))
            .await;
        let plain = outcome.map(|sent| Uploaded {
            short_url: String::new(),
            ..sent
        });
        self.say(&format!("upload {name:?} to {at}"), plain);
    }

    async fn info(&mut self, id: u64) {
        let outcome = self.client.file_info(file(id)).await.map(plain_file);
        self.say(&format!("info of file {id}"), outcome);
    }

    async fn edit(&mut self, edit: FileEdit) {
        let outcome = self.client.file_edit(&edit).await.map(plain_file);
        self.say(&format!("{edit:?}"), outcome);
    }

    async fn delete(&mut self, id: u64) {
        let outcome = self.client.file_delete(file(id)).await.map(plain_file);
        self.say(&format!("delete file {id}"), outcome);
    }

    async fn shift(&mut self, id: u64, to: u64) {
        let outcome = self.client.file_move(file(id), parent(to)).await.map(plain_file);
        self.say(&format!("move file {id} to {to}"), outcome);
    }

    async fn fetch(&mut self, id: u64, size: u64, offset: u64) {
        let outcome = self.bytes(id, size, offset).await;
        self.say(&format!("fetch file {id} of {size} from {offset}"), outcome);
    }

    async fn bytes(&self, id: u64, size: u64, offset: u64) -> Result<Vec<u8>, ApiError> {
        let mut stream = self.client.download(file(id), size, offset).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = stream.chunk().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn folder_info(&mut self, id: u64) {
        let outcome = self.client.folder_info(folder(id)).await.map(plain_folder);
        self.say(&format!("info of folder {id}"), outcome);
    }

    async fn folder_edit(&mut self, edit: FolderEdit) {
        let outcome = self.client.folder_edit(&edit).await.map(plain_folder);
        self.say(&format!("{edit:?}"), outcome);
    }

    async fn folder_move(&mut self, id: u64, to: u64) {
        let outcome = self
            .client
            .folder_move(folder(id), parent(to))
            .await
            .map(plain_folder);
        self.say(&format!("move folder {id} to {to}"), outcome);
    }

    async fn folder_delete(&mut self, id: u64) {
        let outcome = self.client.folder_delete(folder(id)).await;
        self.say(&format!("delete folder {id}"), outcome);
    }

    async fn probe(&mut self, id: u64) {
        let outcome = self.client.probe_folder(folder(id)).await;
        self.say(&format!("probe {id}"), outcome);
    }

    async fn raw(&mut self, path: &str, params: &[(&str, &str)]) {
        let owned: Vec<(String, String)> = params
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let outcome = self.client.raw(path, &owned).await.map(|_| "an object");
        self.say(&format!("{path} {params:?}"), outcome);
    }

    fn web(&mut self, web: Web) {
        self.side.web(web);
    }

    /// Does it where a user could; the simulated account, which goes first, notes where that is.
    fn web_if_possible(&mut self, web: Web, possible: &mut VecDeque<bool>) {
        match &self.side {
            Side::Sim(account) => possible.push_back(sim(account, web)),
            Side::Real(control) => {
                if possible.pop_front().unwrap() {
                    real(control, web);
                }
            }
        }
    }
}

fn client(url: &str, keys: (String, String), way: Option<Arc<dyn api::transport::Transport>>) -> Client {
    let mut config = api::Config::new(url).unwrap();
    config.credentials = Credentials::keys(keys.0, keys.1);
    config.session.login_backoff = Duration::ZERO;
    config.session.login_backoff_max = Duration::ZERO;
    config.session.logins_per_hour = 1000;
    config.retry.attempts = 1;
    let store = Arc::new(MemoryTokenStore::default());
    match way {
        Some(way) => Client::with_transport(config, store, Arc::new(|_| Ok(())), way),
        None => Client::new(config, store, Arc::new(|_| Ok(()))).unwrap(),
    }
}

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

async fn told(story: &mut Story, dialect: Dialect) {
    files(story).await;
    transfers_and_trash(story, dialect).await;
    folders(story).await;
    rings_and_ends(story).await;
}

/// Seeds of the random scripts.
const SEEDS: std::ops::Range<u64> = 0..3;
/// Ids that the random script uses: few enough that most name something.
const IDS: u64 = 9;
/// Names that fold, mangle and collide.
const NAMES: [&str; 8] = ["a", "A", "a.txt", "A.TXT", ".a.txt", "ä", "x/a", "<b>a"];

/// Steps in any order, as the seed tells.
async fn random(story: &mut Story, seed: u64, possible: &mut VecDeque<bool>) {
    let mut rng = Rng::of_call(seed, 0);
    for _ in 0..150 {
        let [one, other, name] = [IDS, IDS + 1, 8].map(|bound| rng.under(bound));
        let (id, place) = (one + 1, other);
        let name = NAMES[usize::try_from(name).unwrap()];
        let to = (place > 0).then_some(place);
        match rng.under(24) {
            0..3 => story.create(name, place).await,
            3..6 => story.upload(name, b"0123456789", place).await,
            6 => story.edit(FileEdit::of(file(id)).name(name)).await,
            7 => story.edit(FileEdit::of(file(id)).folder(parent(place))).await,
            8 => story.delete(id).await,
            9 => story.shift(id, place).await,
            10 => story.fetch(id, 10, place).await,
            11 => story.folder_edit(FolderEdit::of(folder(id)).name(name)).await,
            12 if place != id => {
                story
                    .folder_edit(FolderEdit::of(folder(id)).parent(parent(place)))
                    .await
            }
            13 => story.folder_move(id, place).await,
            14 => story.folder_delete(id).await,
            15 => story.probe(id).await,
            16 => story.folder_info(id).await,
            17 => story.info(id).await,
            18 => story.web_if_possible(Web::MoveFolder(id, to), possible),
            19 => story.web_if_possible(Web::TrashFolder(id), possible),
            20 => story.web_if_possible(Web::RestoreFolder(id, to), possible),
            21 => story.web_if_possible(Web::RestoreFile(id, to), possible),
            22 => story.web_if_possible(Web::Put(to, name, b"web"), possible),
            _ if one == 0 => story.web_if_possible(Web::EmptyTrash, possible),
            _ => story.web_if_possible(Web::RenameFile(id, name), possible),
        }
        story.list(place).await;
    }
}

fn server_dialect(dialect: Dialect) -> devcloud::Dialect {
    match dialect {
        Dialect::Document => devcloud::Dialect::Document,
        Dialect::V4 => devcloud::Dialect::V4,
        Dialect::V5 => devcloud::Dialect::V5,
    }
}

fn simulated(dialect: Dialect) -> Story {
    let account = SimAccount::new(dialect, 1);
    let way: Arc<dyn api::transport::Transport> = account.transport();
    let client = client(&SimAccount::api_url(), SimAccount::keys(), Some(way));
    let (side, told) = (Side::Sim(account), Vec::new());
    Story { client, side, told }
}

fn served(server: &Server) -> Story {
    let keys = (server.key1().to_owned(), server.key2().to_owned());
    let client = client(server.api_url(), keys, None);
    let (side, told) = (Side::Real(server.control()), Vec::new());
    Story { client, side, told }
}

/// What the two told differently, all of it.
fn differences(dialect: Dialect, sim: &Story, real: &Story) -> Vec<String> {
    assert_eq!(sim.told.len(), real.told.len());
    assert!(real.told.len() > 100, "a script of {} calls", real.told.len());
    let pairs = sim.told.iter().zip(&real.told).filter(|(sim, real)| sim != real);
    pairs
        .map(|(sim, real)| format!("{dialect:?}\n  real {real}\n  sim  {sim}"))
        .collect()
}

#[tokio::test]
async fn the_simulated_account_answers_as_devcloud_does() {
    for dialect in Dialect::ALL {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::new(dir.path()).dialect(server_dialect(dialect));
        let server = Server::start(options).await.unwrap();
        let (mut sim, mut real) = (simulated(dialect), served(&server));
        told(&mut sim, dialect).await;
        told(&mut real, dialect).await;
        let differ = differences(dialect, &sim, &real);
        assert!(differ.is_empty(), "{}", differ.join("\n"));
        server.shutdown().await;
    }
}

#[tokio::test]
async fn the_simulated_account_answers_as_devcloud_does_in_any_order() {
    for dialect in Dialect::ALL {
        for seed in SEEDS {
            let dir = tempfile::tempdir().unwrap();
            let mut options = Options::new(dir.path()).dialect(server_dialect(dialect));
            // What only takes time.
            options.quirks = vec![("slow-listing".to_owned(), false)];
            options.knobs = vec![("Q22.window".to_owned(), "0".to_owned())];
            let server = Server::start(options).await.unwrap();
            let (mut sim, mut real) = (simulated(dialect), served(&server));
            let mut possible = VecDeque::new();
            random(&mut sim, seed, &mut possible).await;
            random(&mut real, seed, &mut possible).await;
            let differ = differences(dialect, &sim, &real);
            // What follows from the first difference says nothing more.
            assert_eq!(differ.first(), None, "seed {seed}");
            server.shutdown().await;
        }
    }
}
