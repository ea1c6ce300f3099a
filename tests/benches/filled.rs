//! A tree of many files that is on both sides already.

use std::fs;
use std::path::Path;

use crate::samples::bytes;
use crate::world::{Cloud, Machine};

/// Different contents of a filled tree: the server keeps each once.
const CONTENTS: u64 = 997;

/// Where a file of a filled tree is.
pub(crate) fn place(file: u64, folders: u64) -> String {
    let folder = file % folders;
    format!("top {}/folder {folder}/file {file}.bin", folder % 25)
}

/// Puts so many equal files into both sides, without the API: the folder of the pair in the account is `/synced`.
pub(crate) fn fill(machine: &Machine, cloud: &Cloud, files: u64, folders: u64) {
    let control = &cloud.control;
    let root = control.create_folder(None, "synced").unwrap();
    let tops: Vec<u64> = (0..folders.min(25))
        .map(|top| control.create_folder(Some(root), &format!("top {top}")).unwrap())
        .collect();
    let mut ids = Vec::new();
    for folder in 0..folders {
        let top = usize::try_from(folder % 25).unwrap();
        let id = control
            .create_folder(Some(tops[top]), &format!("folder {folder}"))
            .unwrap();
        let path = place(folder, folders);
        fs::create_dir_all(machine.local.join(Path::new(&path).parent().unwrap())).unwrap();
        ids.push(id);
    }
    let content = |file: u64| bytes(100 + file % CONTENTS, file % CONTENTS);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for file in 0..files {
                fs::write(machine.local.join(place(file, folders)), content(file)).unwrap();
            }
        });
        for file in 0..files {
            let path = place(file, folders);
            let (_, name) = path.rsplit_once('/').unwrap();
            let id = ids[usize::try_from(file % folders).unwrap()];
            control.put_file(Some(id), name, content(file)).unwrap();
        }
    });
}
