//! Credentials in the system keyring: a Secret Service that is a thread of the test, and what syncd keeps there and finds again.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use zbus::object_server::SignalEmitter;
use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

use crate::world::newcomer::Newcomer;
use crate::world::terminal::Terminal;
use crate::world::{Dialect, bus, disk};

const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/1";
const SESSION: &str = "/org/freedesktop/secrets/session/1";
const NOTHING: &str = "/";
/// Items that can be kept.
const ITEMS: usize = 4;

type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// What is kept, and how the keyring behaves.
#[derive(Default)]
struct Vault {
    items: Vec<(BTreeMap<String, String>, String, Vec<u8>)>,
    locked: bool,
    /// Whoever is asked to unlock it does not.
    refuses: bool,
    /// How often somebody was asked.
    asked: u32,
    no_collection: bool,
}

/// A Secret Service.
#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Vault>>);

fn path(text: &str) -> OwnedObjectPath {
    ObjectPath::try_from(text).unwrap().into()
}

fn item(at: usize) -> String {
    format!("{COLLECTION}/{at}")
}

struct Service(Keeper);

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn open_session(&self, algorithm: &str, _input: Variant<'_>) -> (OwnedVariant, OwnedObjectPath) {
        assert_eq!(algorithm, "plain");
        let nothing = OwnedVariant::try_from(Variant::from("")).unwrap();
        (nothing, path(SESSION))
    }

    fn search_items(&self, wanted: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        let vault = self.0.0.lock().unwrap();
        let fits =
            |has: &BTreeMap<String, String>| wanted.iter().all(|(key, value)| has.get(key) == Some(value));
        let items = vault.items.iter().enumerate();
        let found = items
            .filter(|(_, (has, ..))| fits(has))
            .map(|(at, _)| path(&item(at)))
            .collect();
        if vault.locked {
            (Vec::new(), found)
        } else {
            (found, Vec::new())
        }
    }

    fn unlock(&self, wanted: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        if self.0.0.lock().unwrap().locked {
            (Vec::new(), path(PROMPT))
        } else {
            (wanted, path(NOTHING))
        }
    }

    fn read_alias(&self, name: &str) -> OwnedObjectPath {
        assert_eq!(name, "default");
        let none = self.0.0.lock().unwrap().no_collection;
        path(if none { NOTHING } else { COLLECTION })
    }
}

struct Collection(Keeper);

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    fn create_item(
        &self,
        properties: HashMap<String, OwnedVariant>,
        secret: Secret,
        replace: bool,
    ) -> (OwnedObjectPath, OwnedObjectPath) {
        let mut vault = self.0.0.lock().unwrap();
        assert!(replace && !vault.locked);
        assert_eq!((secret.0.as_str(), secret.3.as_str()), (SESSION, "text/plain"));
        let property = |name: &str| properties[&format!("org.freedesktop.Secret.Item.{name}")].clone();
        let label = String::try_from(property("Label")).unwrap();
        let attributes: BTreeMap<String, String> =
            HashMap::<String, String>::try_from(property("Attributes"))
                .unwrap()
                .into_iter()
                .collect();
        vault.items.retain(|(has, ..)| *has != attributes);
        vault.items.push((attributes, label, secret.2));
        let at = vault.items.len() - 1;
        (path(&item(at)), path(NOTHING))
    }
}

struct Item(Keeper, usize);

#[zbus::interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn get_secret(&self, session: OwnedObjectPath) -> (Secret,) {
        assert_eq!(session.as_str(), SESSION);
        let vault = self.0.0.lock().unwrap();
        assert!(!vault.locked);
        let value = vault.items[self.1].2.clone();
        ((session, Vec::new(), value, "text/plain".to_owned()),)
    }
}

struct Prompt(Keeper);

#[zbus::interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(
        &self,
        _window: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let refuses = {
            let mut vault = self.0.0.lock().unwrap();
            vault.asked += 1;
            vault.locked = vault.refuses;
            vault.refuses
        };
        Ok(Self::completed(&emitter, refuses, Variant::from("")).await?)
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Variant<'_>)
    -> zbus::Result<()>;
}

impl Keeper {
    /// On a bus at this path.
    fn at(place: &Path) -> Self {
        let keeper = Self::default();
        let served = keeper.clone();
        bus::serve(place, move |bus| {
            let keeper = served.clone();
            let bus = bus
                .serve_at("/org/freedesktop/secrets", Service(keeper.clone()))
                .serve_at(COLLECTION, Collection(keeper.clone()))
                .serve_at(PROMPT, Prompt(keeper.clone()));
            (0..ITEMS).fold(bus, |bus, at| bus.serve_at(item(at), Item(keeper.clone(), at)))
        });
        keeper
    }

    fn set(&self, change: impl FnOnce(&mut Vault)) {
        change(&mut self.0.lock().unwrap());
    }

    fn see<T>(&self, look: impl FnOnce(&Vault) -> T) -> T {
        look(&self.0.lock().unwrap())
    }
}

/// Somebody with a keyring.
fn newcomer() -> (Newcomer, Keeper) {
    let mut new = Newcomer::new(Dialect::Document);
    let place = new.world.join("bus");
    let keeper = Keeper::at(&place);
    new.env.push(bus::address(&place));
    (new, keeper)
}

#[test]
fn what_init_keeps_in_the_keyring_is_found_by_every_later_run_and_is_nowhere_else() {
    let (new, keeper) = newcomer();
    let run = new.init(&["--keyring", "-vvv"]).expect(0);
    assert!(
        run.stdout.contains("  credentials: the system keyring\n"),
        "{run:?}"
    );
    std::fs::remove_file(new.home.join("keys.toml")).unwrap();
    let config = new.read(".config/syncd/config.toml");
    assert!(
        config.contains("keyring = \"only\"\n") && !config.contains("credentials"),
        "{config}"
    );
    let (attributes, label, kept) = keeper.see(|vault| vault.items[0].clone());
    assert_eq!(String::from_utf8(kept).unwrap(), new.world.cloud.credentials());
    let place = new.home.join(".config/syncd/config.toml").display().to_string();
    let wanted = [
        ("api_url", new.world.cloud.api_url()),
        ("application", "syncd".into()),
        ("config", place),
    ];
    assert_eq!(
        attributes,
        wanted.map(|(key, value)| (key.to_owned(), value)).into()
    );
    let doctor = new.run(&["doctor"]);
    assert!(
        doctor
            .stdout
            .contains("OK   credentials: keys, in the system keyring\n"),
        "{doctor:?}"
    );
    let once = new.run(&["-vvv", "--once"]).expect(0);
    new.run(&["config", "check"]).expect(0);
    for key in new.world.cloud.keys() {
        for text in [
            &label,
            &config,
            &run.stderr,
            &run.stdout,
            &once.stderr,
            &once.stdout,
            &doctor.stdout,
        ] {
            assert!(!text.contains(&key), "{text}");
        }
        for file in disk::everything(&new.home).keys() {
            let bytes = std::fs::read(new.home.join(file)).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&bytes).contains(&key), "{file}");
        }
    }
    // What was kept for one server is not for another.
    new.save(
        ".config/syncd/config.toml",
        &config.replace("/api/v2/", "/api/v3/"),
    );
    let run = new.run(&["--once"]).expect(5);
    assert!(
        run.stderr
            .contains("nothing is kept in it for this configuration and address"),
        "{run:?}"
    );
}

#[test]
fn a_locked_keyring_is_unlocked_by_its_user_or_the_run_says_so() {
    let (new, keeper) = newcomer();
    keeper.set(|vault| vault.locked = true);
    new.init(&["--keyring"]).expect(0);
    assert_eq!(keeper.see(|vault| vault.asked), 1);
    keeper.set(|vault| (vault.locked, vault.refuses) = (true, true));
    let run = new.run(&["--once"]).expect(1);
    assert!(
        run.stderr
            .contains("the system keyring: the credentials cannot be read: it is locked")
            && run
                .stderr
                .contains("Next: unlock it and run it again, or keep them in a file"),
        "{run:?}"
    );
    keeper.set(|vault| vault.refuses = false);
    new.run(&["--once"]).expect(0);
    assert_eq!(keeper.see(|vault| vault.asked), 3);
}

#[test]
fn without_a_keyring_it_is_said_with_the_way_out_and_nothing_is_written() {
    let mut new = Newcomer::new(Dialect::Document);
    let before = disk::everything(&new.home);
    let dead = new.world.join("nobody");
    let no_collection = new.world.join("bus");
    let keeper = Keeper::at(&no_collection);
    keeper.set(|vault| vault.no_collection = true);
    for (env, why) in [
        (None, "this session has no D-Bus"),
        (Some(&dead), "the session bus: "),
        (Some(&no_collection), "it has no default collection"),
    ] {
        new.env = env.map(|path| bus::address(path)).into_iter().collect();
        let run = new.init(&["--keyring"]).expect(1);
        assert!(run.stderr.contains(why), "{run:?}");
        assert!(
            run.stderr.contains("--keyring") && run.stderr.contains(" file"),
            "{run:?}"
        );
        assert_eq!(disk::everything(&new.home), before);
    }
    // A file does as well, and a bus without a keyring is no obstacle then.
    new.env = vec![bus::address(&dead)];
    new.init(&[]).expect(0);
    new.run(&["--once"]).expect(0);
    // A set-up that counts on the keyring, without one.
    let config = new.read(".config/syncd/config.toml");
    let (before, after) = config.split_once("credentials_file").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    new.save(
        ".config/syncd/config.toml",
        &format!("{before}keyring = \"only\"\n{after}"),
    );
    let run = new.run(&["--once"]).expect(1);
    assert!(run.stderr.contains("there is no system keyring"), "{run:?}");
    assert!(run.stderr.contains("account.keyring = \"never\""), "{run:?}");
}

#[test]
fn the_file_comes_before_the_keyring_and_the_keyring_is_asked_where_there_is_none() {
    let (mut new, keeper) = newcomer();
    new.init(&[]).expect(0);
    let file = new.home.join(".config/syncd/credentials.toml");
    assert!(
        keeper.see(|vault| vault.items.is_empty()),
        "nobody asked for that"
    );
    let place = new.home.join(".config/syncd/config.toml").display().to_string();
    let attributes = [
        ("application", "syncd".to_owned()),
        ("config", place),
        ("api_url", new.world.cloud.api_url()),
    ];
    let attributes: BTreeMap<String, String> = attributes.map(|(key, value)| (key.to_owned(), value)).into();
    let wrong = "key1 = \"a\"\nkey2 = \"b\"\n".to_owned().into_bytes();
    keeper.set(|vault| vault.items.push((attributes, "by hand".into(), wrong)));
    new.run(&["--once"]).expect(0);
    let right = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    keeper.set(|vault| vault.items[0].2 = right);
    new.run(&["--once"]).expect(0);
    new.env.push(("SYNCD_ACCOUNT__KEYRING".into(), "never".into()));
    let run = new.run(&["--once"]).expect(5);
    assert!(run.stderr.contains("there are no credentials"), "{run:?}");
    // What is no credentials file is not quoted.
    new.env.pop();
    keeper.set(|vault| vault.items[0].2 = b"s3cret = s3cret".to_vec());
    let run = new.run(&["--once"]).expect(1);
    assert!(
        run.stderr.contains("the system keyring:1: ") && !run.stderr.contains("s3cret"),
        "{run:?}"
    );
}

#[test]
fn on_a_terminal_the_keyring_is_offered() {
    let (new, keeper) = newcomer();
    let url = new.world.cloud.api_url();
    let flags = [
        "--color",
        "never",
        "init",
        "--api-url",
        &url,
        "--key-file",
        "keys.toml",
    ];
    let pair = ["--local", "Cloud", "--remote", "/", "--service", "no"];
    let mut terminal = Terminal::spawn(new.command(&[&flags[..], &pair[..]].concat()));
    terminal.answer("Keep the credentials", "\u{1b}[B\r");
    terminal.answer("Write ", "y");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("credentials: the system keyring"), "{seen}");
    assert_eq!(keeper.see(|vault| vault.items.len()), 1);
    assert!(!new.home.join(".config/syncd/credentials.toml").exists());
}
