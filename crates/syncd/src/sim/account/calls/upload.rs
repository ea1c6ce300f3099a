//! `/file/upload`: the checks after the last byte, and the inner step that stores, now or late.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::super::answer::{Failure, Object, Outcome};
use super::super::dialect::Dialect;
use super::super::faults::Fault;
use super::super::names;
use super::super::request::{Given, Sent};
use super::super::rows::{BASE, short_url};
use super::super::state::State;
use super::super::store::{NewFile, Place, RowState};
use super::{Call, bad_destination};

/// Calls that pass before a late upload is there, at most.
const LATE_MAX: u64 = 8;

/// A file that was taken and not yet stored.
#[derive(Debug)]
pub(in crate::sim::account) struct Incoming {
    folder: Place,
    name: Vec<u8>,
    content: Bytes,
}

impl Incoming {
    /// Chooses the name among its neighbours and stores. Answers the id, and the name before the database cut it.
    pub(in crate::sim::account) fn store(self, state: &mut State, now: u64) -> (u64, Vec<u8>) {
        let dialect = state.dialect;
        let mangled = names::uploaded(&self.name, dialect, now);
        let free = state.store.free_name(self.folder, &mangled, dialect.is_real());
        let said = names::cleaned(&free, dialect);
        let new = NewFile {
            folder: self.folder,
            name: names::stored(&said, dialect),
            extension: names::extension(&said, dialect),
            mime: names::mime(&mangled),
            content: self.content,
        };
        (state.store.add_file(new, now), said)
    }
}

/// `/file/upload`.
pub(super) fn upload(call: &mut Call<'_>, sent: Option<&Sent>) -> Outcome {
    call.signed_in()?;
    let Some(Sent { name, content }) = sent else {
        return Err(Failure::refused("Did not receive uploaded file."));
    };
    if content.is_empty() {
        return Err(Failure::refused("Filesize received was zero."));
    }
    let folder = place(call)?;
    if names::is_refused(name, call.dialect()) {
        let text = format!("Error on: {BASE}/ajax/file_upload_handler: acceptFileTypes");
        return Err(Failure::refused(text));
    }
    let mut content = content.clone();
    if call.struck.by(Fault::UploadTruncated) {
        content.truncate((content.len() / 2).max(1));
        call.state.halves.insert(content.clone());
    }
    let incoming = Incoming {
        folder,
        name: name.clone(),
        content,
    };
    if call.struck.by(Fault::LateUpload) {
        let later = call.dice.under(LATE_MAX).saturating_add(1);
        call.state.put_off_upload(later, incoming);
        return Err(Failure::Gateway);
    }
    let (id, said) = incoming.store(call.state, call.now);
    if folder.is_some_and(|folder| call.state.store.in_ring(folder)) {
        // The file is there; recalculating sizes up a ring never ends.
        return Err(Failure::Crash);
    }
    receipt(call, id, &said)
}

/// Where the file goes. The real lines fall back to the root (Q09), and store below trash (Q10).
fn place(call: &Call<'_>) -> Result<Place, Failure> {
    let real = call.dialect().is_real();
    let id = match call.params.given("folder_id") {
        Given::Number(id) if id > 0 => u64::try_from(id).unwrap_or(0),
        Given::Blank | Given::Null => return Ok(None),
        Given::Number(_) | Given::Text if real => return Ok(None),
        Given::Number(_) | Given::Text => return Err(bad_destination("folder_id")),
    };
    let store = &call.state.store;
    match store.folder(id) {
        Some(_) if real => Ok(Some(id)),
        Some(row) if row.state == RowState::Active && !store.below_dead(id) => Ok(Some(id)),
        None if real => Ok(None),
        Some(_) | None => Err(bad_destination("folder_id")),
    }
}

fn receipt(call: &Call<'_>, id: u64, said: &[u8]) -> Outcome {
    let dialect = call.dialect();
    let file = call.own_file(id)?;
    let size = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
    let mut data = Object::new(dialect);
    data.name("name", said)
        .number("size", size)
        .text("type", file.mime)
        .raw("error", "null");
    match dialect {
        // The 4.5 line takes the hash after the temporary file moved away (Q30).
        Dialect::V4 => data.raw("hash", "false"),
        Dialect::Document | Dialect::V5 => data.text("hash", &md5_hex(&file.content)),
    };
    data.text("short_url", &short_url(id)).number("file_id", id);
    let mut answer = Object::new(dialect);
    answer.list("data", vec![data]).text("response", "File uploaded");
    Ok(answer)
}

fn md5_hex(content: &[u8]) -> String {
    let digest: [u8; 16] = Md5::digest(content).into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
