//! Rude clients of the control socket, against the built program. None of them gets anything, costs others their answer, or
//! holds up the sync.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde_json::Value;

use super::{end, has, quick, start, there, until, until_equal};
use crate::world::machine::Running;
use crate::world::socket::{Answer, Socket};
use crate::world::{Dialect, Machine, World};

/// Who is neither root nor the service's user.
const STRANGER: u32 = 54_321;
/// Whose service it is where that is not root.
const OWNER: u32 = 54_320;

fn place(machine: &Machine) -> PathBuf {
    machine.state.join("control.sock")
}

/// A file that is made now goes up, so the service works.
#[track_caller]
fn works(service: &mut Running, machine: &Machine, world: &World, name: &str) {
    machine.write(name, name);
    until(service, "an upload", || has(there(&world.cloud), name));
    let answer = Socket::connect(&place(machine))
        .unwrap()
        .ask("GET", "/v1/status")
        .unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Asks as that user. The thread that becomes him ends with it.
fn as_user<T: Send>(uid: u32, ask: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(uid));
            set_thread_groups(&[gid]).unwrap();
            set_thread_res_gid(gid, gid, gid).unwrap();
            set_thread_res_uid(uid, uid, uid).unwrap();
            ask()
        });
        thread.join().unwrap()
    })
}

/// Everything on the way may be passed and the socket may be written to by all: only the look at who comes is left.
fn open_to_all(world: &World, machine: &Machine) {
    let chmod = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    chmod(&place(machine), 0o777);
    let ancestors = machine.state.ancestors();
    for folder in ancestors.take_while(|folder| folder.starts_with(world.join(""))) {
        chmod(folder, 0o755);
    }
}

/// Only root can play another user; as anybody else this shows nothing.
#[test]
fn another_user_is_refused_and_the_owner_and_root_are_not() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::start(Dialect::Document);
    let mut machine = quick(&world, "d1");
    machine.become_user(OWNER);
    let service = start(&machine);
    let place = place(&machine);
    let ask = |method: &'static str, target: &'static str| {
        let place = place.clone();
        move || -> io::Result<Answer> { Socket::connect(&place)?.ask(method, target) }
    };
    // As it is made, he does not even reach it.
    let error = as_user(STRANGER, ask("GET", "/v1/status")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
    open_to_all(&world, &machine);
    for (method, target) in [
        ("GET", "/v1/status"),
        ("GET", "/metrics"),
        ("GET", "/v1/events"),
        ("POST", "/v1/pause"),
        ("POST", "/v1/stop"),
    ] {
        let place = place.clone();
        let said = as_user(STRANGER, move || {
            let mut socket = Socket::connect(&place).unwrap();
            // It may be closed before all of this is sent.
            let _ = socket.send(format!("{method} {target} HTTP/1.1\r\nhost: syncd\r\n\r\n").as_bytes());
            let answer = socket.answer().unwrap();
            let more = socket.rest().unwrap_or_default();
            (answer, more)
        });
        let (answer, more) = said;
        assert_eq!(
            (answer.status, more.as_str()),
            (403, ""),
            "{method} {target}: {answer:?}"
        );
        assert_eq!(answer.json()["error"]["kind"], "forbidden", "{answer:?}");
        assert!(!answer.body.contains("main"), "{answer:?}");
    }
    let owner = as_user(OWNER, ask("GET", "/v1/status")).unwrap();
    let root = ask("GET", "/v1/status")().unwrap();
    for answer in [owner, root] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.json()["pairs"][0]["paused_until"],
            Value::Null,
            "nobody paused it"
        );
    }
    end(service);
}

#[test]
fn ten_megabytes_and_clients_that_dawdle_are_cut_off_and_hold_up_nobody() {
    let world = World::start(Dialect::Document);
    let machine = quick(&world, "d1");
    let mut service = start(&machine);
    let place = place(&machine);
    // They come first, stay, and say nothing more.
    let begun: [&[u8]; 4] = [
        b"",
        b"GET /v1/sta",
        b"POST /v1/pause HTTP/1.1\r\nhost: syncd\r\ncontent-length: 9\r\n\r\n{\"sec",
        b"POST /v1/stop HTTP/1.1\r\nhost: syncd\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n{",
    ];
    let mut slow: Vec<Socket> = (0..8)
        .map(|number| {
            let mut socket = Socket::connect(&place).unwrap();
            socket.send(begun[number % begun.len()]).unwrap();
            socket
        })
        .collect();
    works(&mut service, &machine, &world, "beside the slow.txt");
    let mut large = Socket::connect(&place).unwrap();
    let size = 10 << 20;
    let head = format!("POST /v1/conflicts HTTP/1.1\r\nhost: syncd\r\ncontent-length: {size}\r\n\r\n");
    large.send(head.as_bytes()).unwrap();
    let piece = vec![b'x'; 64 << 10];
    let mut sent = 0;
    while sent < size && large.send(&piece).is_ok() {
        sent += piece.len();
    }
    assert!(sent < size, "all of it was taken");
    if let Ok(answer) = large.answer() {
        assert_eq!(answer.status, 413, "{answer:?}");
        assert_eq!(answer.json()["error"]["kind"], "too_large", "{answer:?}");
    }
    works(&mut service, &machine, &world, "after the large one.txt");
    for socket in &mut slow {
        // Cut off by itself; what was begun is not done.
        let said = socket.rest().unwrap_or_default();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said:?}");
    }
    works(&mut service, &machine, &world, "after the slow.txt");
    let status = Socket::connect(&place)
        .unwrap()
        .ask("GET", "/v1/status")
        .unwrap()
        .json();
    assert_eq!(status["pairs"][0]["paused_until"], Value::Null, "{status}");
    until_equal(&mut service, &machine, &world.cloud);
    end(service);
}
