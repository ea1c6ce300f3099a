//! The simulated account against devcloud: one script, in every dialect, and every typed answer must be the same.
//!
//! Left out of the comparison, because nobody may build on them: dates (only whether there is one), short URLs, pages,
//! key words, sizes and counts of folders (Q54). Ids are compared: both count from 1.

mod script;

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

use self::script::told;
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
