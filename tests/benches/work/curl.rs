//! The floor: `curl --parallel`, which makes the same requests to the same server and knows nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use devcloud::RowState;

use crate::curl_session::{link_in, sign_in};
use crate::layout::Layout;
use crate::measure::{self, Cost};
use crate::world::{Cloud, World};

/// Transfers at once, as syncd's.
pub(crate) const TRANSFERS: u64 = 4;
/// Calls at once, as syncd's.
pub(crate) const CALLS: u64 = 8;

/// curl, signed in.
pub(crate) struct Curl<'a> {
    world: &'a World,
    token: String,
    account: String,
}

/// Ids of the account by path below a folder of its top.
pub(crate) struct Ids {
    /// Folders, the top itself as the empty path.
    pub(crate) folders: BTreeMap<String, u64>,
    /// Files.
    pub(crate) files: BTreeMap<String, u64>,
}

/// Who is where below that folder.
pub(crate) fn ids(cloud: &Cloud, top: &str) -> Ids {
    let held = cloud.control.tree().unwrap();
    let below = |path: &Option<String>| {
        let rest = path.as_deref()?.strip_prefix('/')?.strip_prefix(top)?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(rest.to_owned()),
            None => rest.is_empty().then(String::new),
        }
    };
    let folders = held.folders.iter().filter(|row| row.state == RowState::Active);
    let files = held.files.iter().filter(|row| row.state == RowState::Active);
    Ids {
        folders: folders
            .filter_map(|row| Some((below(&row.path)?, row.id)))
            .collect(),
        files: files
            .filter_map(|row| Some((below(&row.path)?, row.id)))
            .collect(),
    }
}

impl<'a> Curl<'a> {
    /// With a session of its own, which the server lets live beside syncd's.
    pub(crate) fn new(world: &'a World) -> Self {
        let [token, account] = sign_in(world);
        Self {
            world,
            token,
            account,
        }
    }

    fn api(&self, path: &str) -> String {
        format!("{}{path}", self.world.cloud.api_url())
    }

    /// Calls one endpoint with each of these, such as `file_id=7`.
    pub(crate) fn calls(&self, endpoint: &str, at_once: u64, each: impl IntoIterator<Item = String>) -> Cost {
        let mut config = String::new();
        let (url, Self { token, account, .. }) = (self.api(endpoint), self);
        for data in each {
            let _ = writeln!(
                config,
                "next\nurl = \"{url}\"\ndata = \"access_token={token}&account_id={account}&{data}\"\noutput = \"/dev/null\""
            );
        }
        self.run(&config, at_once)
    }

    /// Lists folders.
    pub(crate) fn list(&self, folders: impl IntoIterator<Item = u64>) -> Cost {
        let each = folders.into_iter().map(|id| format!("parent_folder_id={id}"));
        self.calls("folder/listing", CALLS, each)
    }

    /// Sends files into folders.
    pub(crate) fn put(&self, files: impl IntoIterator<Item = (PathBuf, u64)>) -> Cost {
        self.put_at(TRANSFERS, files)
    }

    /// The same, so many at once.
    pub(crate) fn put_at(&self, at_once: u64, files: impl IntoIterator<Item = (PathBuf, u64)>) -> Cost {
        let mut config = String::new();
        let (url, Self { token, account, .. }) = (self.api("file/upload"), self);
        for (path, folder) in files {
            let _ = writeln!(
                config,
                "next\nurl = \"{url}\"\nform = \"access_token={token}\"\nform = \"account_id={account}\"\n\
                 form = \"folder_id={folder}\"\nform = \"upload_file=@\\\"{}\\\"\"\noutput = \"/dev/null\"",
                path.display()
            );
        }
        self.run(&config, at_once)
    }

    /// A link for each, then the bytes behind each, into a folder; under their ids, or where `place` says.
    pub(crate) fn get(&self, files: &[(u64, PathBuf)]) -> Cost {
        let links = self.world.join("links");
        fs::create_dir_all(&links).unwrap();
        let mut config = String::new();
        let (url, Self { token, account, .. }) = (self.api("file/download"), self);
        for (file, _) in files {
            let _ = writeln!(
                config,
                "next\nurl = \"{url}\"\ndata = \"access_token={token}&account_id={account}&file_id={file}\"\noutput = \"{}\"",
                links.join(format!("{file}.json")).display()
            );
        }
        let asked = self.run(&config, TRANSFERS);
        config.clear();
        for (file, place) in files {
            let link = link_in(&links.join(format!("{file}.json")));
            let _ = writeln!(config, "next\nurl = \"{link}\"\noutput = \"{}\"", place.display());
        }
        let fetched = self.run(&config, TRANSFERS);
        fs::remove_dir_all(&links).unwrap();
        asked + fetched
    }

    fn run(&self, config: &str, at_once: u64) -> Cost {
        let file = self.world.join("curl.config");
        fs::write(&file, config.trim_start_matches("next\n")).unwrap();
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--fail", "--parallel", "--parallel-max"])
            .arg(at_once.to_string())
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        measure::other(&self.world.cloud, &mut command)
    }
}

/// Makes the folders of a layout below a new folder of the account's top.
pub(crate) fn make_folders(cloud: &Cloud, top: &str, layout: Layout) -> BTreeMap<String, u64> {
    let mut made = BTreeMap::new();
    made.insert(String::new(), cloud.control.create_folder(None, top).unwrap());
    for number in 0..layout.folders {
        let mut parent = String::new();
        for name in layout.folder(number).split('/') {
            let path = if parent.is_empty() {
                name.to_owned()
            } else {
                format!("{parent}/{name}")
            };
            if !made.contains_key(&path) {
                let id = cloud.control.create_folder(Some(made[&parent]), name).unwrap();
                made.insert(path.clone(), id);
            }
            parent = path;
        }
    }
    made
}
