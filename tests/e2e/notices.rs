//! Desktop notifications: a session bus that is a thread of the test, and what a service tells it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use zbus::OwnedVariant;

use crate::service::{end, machine, until};
use crate::world::{Dialect, World, bus};

/// What the desktop was asked to show: title and text.
#[derive(Clone, Default)]
struct Desktop(Arc<Mutex<Vec<(String, String)>>>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    fn notify(
        &self,
        app: &str,
        _replaces: u32,
        _icon: &str,
        title: String,
        text: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _stays: i32,
    ) -> u32 {
        assert_eq!(app, "syncd");
        let mut shown = self.0.lock().unwrap();
        shown.push((title, text));
        u32::try_from(shown.len()).unwrap()
    }
}

impl Desktop {
    /// On a bus at this path.
    fn at(path: &Path) -> Self {
        let desktop = Self::default();
        let served = desktop.clone();
        bus::serve(path, move |bus| {
            bus.serve_at("/org/freedesktop/Notifications", served.clone())
        });
        desktop
    }

    fn shown(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn a_conflict_is_told_to_the_desktop_once_if_that_is_wanted() {
    let world = World::start(Dialect::Document);
    let path = world.join("bus");
    let desktop = Desktop::at(&path);
    for wanted in [false, true] {
        let name = if wanted { "d1" } else { "d0" };
        let mut machine = machine(&world, name);
        let (variable, address) = bus::address(&path);
        machine.env(&variable, &address);
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
    let (title, text) = &shown[0];
    assert_eq!(title, "syncd: 1 conflict in main");
    assert!(text.contains("d1.txt"), "{text}");
}
