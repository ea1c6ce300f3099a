//! What a user can get wrong before anything runs: each is one line that names the file, the reason and what to do;
//! the exit code is the promised one; nothing changes on either side.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use crate::world::settings::quoted;
use crate::world::{Dialect, Machine, Run, World, disk};

/// A user who owns nothing here.
const NOBODY: u32 = 65_534;

/// A world where both sides have something that must not change.
fn ready() -> (World, Machine) {
    let world = World::start(Dialect::V4);
    world.cloud.web_create("there.txt", b"there");
    let machine = world.machine("d1");
    machine.write("here.txt", "here");
    (world, machine)
}

/// Runs, and checks exit code, the one line, and that nothing changed; `says` are parts of that line.
fn refused(world: &World, machine: &Machine, code: i32, says: &[&str]) -> Run {
    let before = (disk::everything(&machine.local), world.cloud.tree());
    let mark = world.cloud.mark();
    // As a user runs it: text.
    let run = machine.run(&["--once"]).expect(code);
    assert_eq!(
        (disk::everything(&machine.local), world.cloud.tree()),
        before,
        "{run:?}"
    );
    assert_eq!(world.cloud.since(&mark).mutations, 0, "{run:?}");
    let said = run.said();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("Next: ")).collect();
    assert_eq!(lines.len(), 1, "one line says what to do: {run:?}");
    for part in says {
        assert!(lines[0].contains(part), "no {part:?} in: {}", lines[0]);
    }
    assert!(!said.contains("panicked"), "{run:?}");
    run
}

#[test]
fn no_configuration() {
    let (world, machine) = ready();
    std::fs::remove_file(&machine.config).unwrap();
    refused(
        &world,
        &machine,
        1,
        &["config.toml", "no configuration", "SYNCD_API_URL"],
    );
}

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_nearest_known_one() {
    let (world, mut machine) = ready();
    machine.set("exlude", "[]");
    refused(&world, &machine, 1, &["config.toml:", "exlude", "\"exclude\""]);
}

#[test]
fn a_bad_address() {
    let (world, mut machine) = ready();
    for bad in ["not a url", "ftp://example.org/api/v2/", "https://"] {
        machine.configure(|settings| {
            settings.account.insert("api_url".into(), quoted(bad));
        });
        refused(&world, &machine, 1, &["config.toml:", "api_url"]);
    }
}

#[test]
fn plain_http_to_another_machine() {
    let (world, mut machine) = ready();
    machine.configure(|settings| {
        settings
            .account
            .insert("api_url".into(), quoted("http://cloud.example.org/api/v2/"));
    });
    refused(
        &world,
        &machine,
        1,
        &["config.toml:", "cloud.example.org", "https", "allow_http"],
    );
}

#[test]
fn no_credentials() {
    let (world, machine) = ready();
    std::fs::remove_file(&machine.credentials).unwrap();
    let mark = world.cloud.mark();
    refused(&world, &machine, 5, &["credentials.toml", "key1", "600"]);
    assert_eq!(world.cloud.since(&mark).requests, 0);
}

#[test]
fn wrong_credentials_are_tried_exactly_once() {
    for dialect in [Dialect::Document, Dialect::V4] {
        let world = World::start(dialect);
        let machine = world.machine("d1");
        machine.write("here.txt", "here");
        let wrong = "w".repeat(64);
        machine.save_credentials(&format!("key1 = \"{wrong}\"\nkey2 = \"{wrong}\"\n"), 0o600);
        let mark = world.cloud.mark();
        let run = refused(&world, &machine, 5, &["credentials"]);
        let did = world.cloud.since(&mark);
        assert_eq!((did.at("/authorize"), did.requests), (1, 1), "{did:?}");
        assert!(!run.said().contains(&wrong));
    }
}

#[test]
fn a_credentials_file_that_others_can_read() {
    let (world, machine) = ready();
    machine.save_credentials(&world.cloud.credentials(), 0o644);
    let mark = world.cloud.mark();
    let run = refused(&world, &machine, 1, &["credentials.toml", "0644", "chmod 600"]);
    assert_eq!(world.cloud.since(&mark).requests, 0);
    assert!(
        world
            .cloud
            .keys()
            .iter()
            .all(|key| !run.said().contains(key.as_str()))
    );
}

#[test]
fn a_credentials_file_that_is_no_toml() {
    let (world, machine) = ready();
    machine.save_credentials("key1 = SECRETSECRET\n", 0o600);
    let run = refused(&world, &machine, 1, &["credentials.toml"]);
    assert!(!run.said().contains("SECRETSECRET"), "{run:?}");
}

#[test]
fn a_local_folder_that_is_missing_before_the_first_sync() {
    let (world, machine) = ready();
    std::fs::remove_dir_all(&machine.local).unwrap();
    refused(&world, &machine, 1, &[machine.local.to_str().unwrap()]);
    assert!(!machine.local.exists(), "it must not be made");
}

#[test]
fn a_local_folder_that_is_a_file() {
    let (world, machine) = ready();
    std::fs::remove_dir_all(&machine.local).unwrap();
    std::fs::write(&machine.local, "a file").unwrap();
    refused(
        &world,
        &machine,
        1,
        &[machine.local.to_str().unwrap(), "not a folder"],
    );
    assert_eq!(std::fs::read_to_string(&machine.local).unwrap(), "a file");
}

#[test]
fn a_local_folder_inside_that_of_another_pair() {
    let (world, mut machine) = ready();
    let inner = machine.local.join("inner");
    std::fs::create_dir(&inner).unwrap();
    machine.configure(|settings| settings.pair("second", &inner, "/Second"));
    refused(&world, &machine, 1, &["config.toml:", "main", "second"]);
}

#[test]
fn a_state_directory_that_cannot_be_made() {
    let (world, mut machine) = ready();
    let file = world.join("a file");
    std::fs::write(&file, "").unwrap();
    let state = file.join("state");
    machine.configure(|settings| {
        settings
            .top
            .insert("state_dir".into(), quoted(state.to_str().unwrap()));
    });
    refused(&world, &machine, 1, &[state.to_str().unwrap()]);
}

#[test]
fn a_state_directory_that_is_not_writable() {
    let (world, mut machine) = ready();
    if rustix::process::geteuid().is_root() {
        // No mode keeps root out.
        machine.become_user(NOBODY);
    }
    std::fs::set_permissions(&machine.state, std::fs::Permissions::from_mode(0o555)).unwrap();
    refused(&world, &machine, 1, &[machine.state.to_str().unwrap()]);
    std::fs::set_permissions(&machine.state, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_server_that_answers_with_a_page() {
    let (world, mut machine) = ready();
    let page = "<!doctype html><html><body><h1>Welcome</h1></body></html>";
    let url = answers("200 OK", "text/html", page);
    point_at(&mut machine, &url);
    refused(&world, &machine, 1, &["127.0.0.1", "api_url"]);
}

#[test]
fn a_server_that_speaks_something_else() {
    let (world, mut machine) = ready();
    for (status, body) in [
        ("200 OK", r#"{"hello":"world"}"#),
        ("404 Not Found", r#"{"error":"no such route"}"#),
    ] {
        let url = answers(status, "application/json", body);
        point_at(&mut machine, &url);
        refused(&world, &machine, 1, &["127.0.0.1", "api_url"]);
    }
}

#[test]
fn a_server_that_is_not_there() {
    let (world, mut machine) = ready();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    point_at(&mut machine, &format!("http://127.0.0.1:{port}/api/v2/"));
    refused(&world, &machine, 1, &[&port.to_string()]);
}

#[test]
fn a_mistake_is_one_json_object_too() {
    let (_world, mut machine) = ready();
    machine.set("exlude", "[]");
    let run = machine.once(&[]).expect(1);
    let error = &run.json()["error"];
    assert!(error.to_string().contains("exlude"), "{run:?}");
}

#[test]
fn a_pair_that_the_configuration_does_not_name() {
    let (world, machine) = ready();
    let mark = world.cloud.mark();
    let run = machine.once(&["other"]);
    assert!(
        [1, 2].contains(&run.code) && run.said().contains("other"),
        "{run:?}"
    );
    assert_eq!(world.cloud.since(&mark).requests, 0);
}

fn point_at(machine: &mut Machine, url: &str) {
    machine.configure(|settings| {
        settings.account.insert("api_url".into(), quoted(url));
        // A server that answers is not waited for again and again.
        settings.timing.insert("request_timeout".into(), quoted("2s"));
    });
}

/// A server that has one answer for everything; its address. It ends with the test's process.
fn answers(status: &'static str, kind: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            // What is asked does not matter, but unread bytes would reset the connection under the answer.
            let mut asked = Vec::new();
            let mut buffer = [0; 4096];
            while !complete(&asked) {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => asked.extend_from_slice(&buffer[..read]),
                }
            }
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://127.0.0.1:{port}/api/v2/")
}

/// Whether head and body of a request have arrived.
fn complete(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")
            .map(str::to_owned)
    });
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
