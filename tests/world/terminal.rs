//! A terminal for a child: what a user types, and what the user sees.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A question that does not come within this time never comes.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(5);

/// A child on a terminal of its own.
pub(crate) struct Terminal {
    child: Child,
    keys: File,
    seen: Arc<Mutex<String>>,
    /// What was looked at already.
    read: usize,
}

impl Terminal {
    /// Starts it with the terminal as its standard input, output and error.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_on(command, 160)
    }

    /// The same on a terminal of so many columns.
    pub(crate) fn spawn_on(mut command: Command, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 40,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = File::from(open(name.as_c_str(), flags, Mode::empty()).unwrap());
        let child = command
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        // The command holds the other ends open, and with them the reader.
        drop(command);
        let keys = File::from(master);
        let mut screen = keys.try_clone().unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end is an error here: nobody holds the other side any more.
            while let Ok(count) = screen.read(&mut bytes) {
                if count == 0 {
                    break;
                }
                all.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self {
            child,
            keys,
            seen,
            read: 0,
        }
    }

    /// Waits until this is shown, after whatever was waited for before; then types.
    #[track_caller]
    pub(crate) fn answer(&mut self, question: &str, keys: &str) {
        let begun = Instant::now();
        loop {
            let seen = self.seen();
            if let Some(at) = seen[self.read..].find(question) {
                self.read += at + question.len();
                break;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "never asked: {question:?} ({ended:?}); seen: {seen}"
            );
            std::thread::sleep(LOOK);
        }
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Everything that was shown.
    pub(crate) fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    /// Its exit code, and everything that was shown.
    pub(crate) fn end(mut self) -> (i32, String) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "does not end; seen: {}", self.seen());
            std::thread::sleep(LOOK);
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        // What it wrote last may still be on its way here.
        std::thread::sleep(LOOK * 10);
        (code, self.seen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only a failing test gets here with a child that runs.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
