//! Desktop notifications: a session bus that is a thread of the test, and what a service tells it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::service::{end, machine, until};
use crate::world::{Dialect, World};

/// What the desktop was asked to show, as the bytes of the calls.
#[derive(Clone, Default)]
struct Desktop(Arc<Mutex<Vec<String>>>);

impl Desktop {
    /// Listens for as long as the test runs.
    fn at(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let desktop = Self::default();
        let shown = desktop.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that breaks off shows in what is not there.
                if let Some(call) = serve(stream) {
                    shown.0.lock().unwrap().push(call);
                }
            }
        });
        desktop
    }

    fn shown(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Greets the client and answers its two calls; what the second one held.
fn serve(mut stream: UnixStream) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        line.extend(byte);
    }
    stream.write_all(b"OK 1234\r\n").ok()?;
    stream.read_exact(&mut [0; 7]).ok()?;
    let mut told = Vec::new();
    for serial in 1..=2 {
        let mut fixed = [0; 16];
        stream.read_exact(&mut fixed).ok()?;
        let number = |at: usize| u32::from_le_bytes(fixed[at..at + 4].try_into().unwrap()) as usize;
        told = vec![0; number(12).next_multiple_of(8) + number(4)];
        stream.read_exact(&mut told).ok()?;
        let head = b"l\x02\x01\x01\x00\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x05\x01u\x00";
        stream.write_all(&[&head[..], &[serial, 0, 0, 0]].concat()).ok()?;
    }
    Some(String::from_utf8_lossy(&told).into_owned())
}

#[test]
fn a_conflict_is_told_to_the_desktop_once_if_that_is_wanted() {
    let world = World::start(Dialect::Document);
    let bus = world.join("bus");
    let desktop = Desktop::at(&bus);
    for wanted in [false, true] {
        let name = if wanted { "d1" } else { "d0" };
        let mut machine = machine(&world, name);
        machine.env(
            "DBUS_SESSION_BUS_ADDRESS",
            &format!("unix:path={}", bus.display()),
        );
        machine.env("SYNCD_NOTIFY__DESKTOP", if wanted { "true" } else { "false" });
        let file = format!("{name}.txt");
        machine.write(&file, "one");
        machine.sync();
        machine.write(&file, "changed here");
        world.cloud.web_edit(&file, b"changed there as well");
        let mut service = machine.spawn(&[]);
        until(&mut service, "the conflict", |_| {
            machine.run(&["conflicts", "list"]).stdout.contains(&file)
        });
        if wanted {
            until(&mut service, "the notification", |_| !desktop.shown().is_empty());
        }
        // Passes that follow have nothing to tell.
        for _ in 0..3 {
            machine.run(&["sync"]).expect(0);
            machine.run(&["wait", "--timeout", "2m"]);
        }
        end(service);
    }
    let shown = desktop.shown();
    assert_eq!(shown.len(), 1, "{shown:?}");
    for part in ["Notify", "syncd: 1 conflict in main", "d1.txt"] {
        assert!(shown[0].contains(part), "{part}: {shown:?}");
    }
}
