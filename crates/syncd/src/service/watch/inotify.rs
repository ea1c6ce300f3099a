//! The watcher of Linux: a thread that reads inotify, and the watches it has set.
//!
//! A folder that moves within the tree keeps its watches, so it costs nothing to rename one in which a million files are.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::cover::Stop;
use super::ear::Ear;
use super::news::News;
use super::reader::{Break, Reader};
use super::{Backend, Trouble};

/// Tries to watch a tree in which folders are being moved.
const TRIES: u32 = 5;

/// Ends when it is dropped.
struct Linux {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Backend for Linux {}

impl Drop for Linux {
    fn drop(&mut self) {
        self.stop.ask();
        // After this nothing is told any more. A thread that broke off told nothing either.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Watches the ear's folder with all below it.
pub(super) fn begin(ear: &Arc<Ear>) -> Result<Box<dyn Backend>, Trouble> {
    let stop = Stop::new().map_err(|error| Trouble::Failed(error.to_string()))?;
    let stop = Arc::new(stop);
    let reader = cover(ear, &stop)?;
    let thread = std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || read(reader))
        .map_err(|error| Trouble::Failed(error.to_string()))?;
    Ok(Box::new(Linux {
        stop,
        thread: Some(thread),
    }))
}

fn cover(ear: &Arc<Ear>, stop: &Arc<Stop>) -> Result<Reader, Trouble> {
    let mut tries = TRIES;
    loop {
        tries = tries.saturating_sub(1);
        match Reader::new(ear, stop) {
            Ok(reader) => return Ok(reader),
            Err(Break::Limited) => return Err(Trouble::Limited),
            Err(Break::Failed(why)) => return Err(Trouble::Failed(why)),
            Err(Break::Lost(why)) if tries == 0 => return Err(Trouble::Failed(why.to_owned())),
            Err(Break::Stopped) => return Err(Trouble::Failed("it was ended".to_owned())),
            Err(Break::Lost(_)) => {}
        }
    }
}

fn read(mut reader: Reader) {
    let why = match reader.listen() {
        Break::Stopped => return,
        Break::Limited => "the limit is reached".to_owned(),
        Break::Lost(why) => why.to_owned(),
        Break::Failed(why) => why,
    };
    tracing::debug!(why, "the folder is watched anew");
    // Why it failed, if it goes on to, is told by the next beginning.
    reader.ear.hear(News::Lost);
}
