//! What a client cannot do: ask as another user, send much, be slow, come in crowds.

use super::super::{CONNECTIONS_MAX, HEAD_MAX, HEAD_TIME};
use super::*;

#[tokio::test]
async fn a_body_of_ten_megabytes_is_refused() {
    let world = World::new();
    let mut stream = world.connect().await;
    let head = "POST /v1/conflicts HTTP/1.1\r\nhost: syncd\r\ncontent-length: 10485760\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let sending = async {
        let piece = vec![b'x'; 64 * 1024];
        let mut sent = 0;
        // The server closes long before the end.
        while sent < 10 << 20 && writes.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
        sent
    };
    let reading = async {
        let mut bytes = Vec::new();
        let _ = reads.read_to_end(&mut bytes).await;
        Said::parse(std::str::from_utf8(&bytes).unwrap())
    };
    let (sent, said) = tokio::join!(sending, reading);
    assert_eq!((said.status, said.kind()), (413, "too_large".into()));
    assert!(sent < 4 << 20, "{sent} bytes were taken");

    // Without a length in the head it is counted.
    let mut stream = world.connect().await;
    let head = "POST /v1/conflicts HTTP/1.1\r\nhost: syncd\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
    let _ = stream.write_all(piece.as_bytes()).await;
    assert_eq!(Said::parse(&until(&mut stream, "too_large").await).status, 413);
    assert_eq!(world.get("/v1/status").await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn a_head_is_bounded_in_bytes_and_lines() {
    let world = World::new();
    for more in [format!("x: {}\r\n", "y".repeat(HEAD_MAX)), "x: y\r\n".repeat(100)] {
        let mut stream = world.connect().await;
        let head = format!("GET /v1/status HTTP/1.1\r\nhost: syncd\r\n{more}\r\n");
        let _ = stream.write_all(head.as_bytes()).await;
        assert_eq!(Said::parse(&rest(&mut stream).await).status, 431);
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_or_silent_client_is_cut() {
    let world = World::new();
    for begun in [
        "",
        "GET /v1/sta",
        "POST /v1/pause HTTP/1.1\r\nhost: syncd\r\ncontent-length: 9\r\n\r\n{\"sec",
    ] {
        let mut stream = world.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let since = tokio::time::Instant::now();
        let text = rest(&mut stream).await;
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text:?}");
        assert!(
            since.elapsed() <= HEAD_TIME * 2,
            "{begun:?}: {:?}",
            since.elapsed()
        );
    }
    assert_eq!(world.desk.told(), [""; 0]);
    world.end().await;
}

#[tokio::test]
async fn sixty_four_connections_are_served_and_the_next_is_told_to_come_again() {
    let world = World::new();
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = world.connect().await;
        stream
            .write_all(b"GET /v1/events HTTP/1.1\r\nhost: syncd\r\n\r\n")
            .await
            .unwrap();
        until(&mut stream, ": listening").await;
        open.push(stream);
    }
    let said = world.get("/v1/status").await;
    assert_eq!((said.status, said.kind()), (503, "too_many".into()));
    open.truncate(CONNECTIONS_MAX / 2);
    // A connection's end is noticed in its own time.
    let again = async {
        while world.get("/v1/status").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again)
        .await
        .unwrap();
    world.end().await;
}

/// As root another user can be played by a child process; the folder and the socket are opened for it, so that only the look
/// at who it is stands in the way. Without root nobody else can be played, and nothing is shown.
#[tokio::test]
async fn another_user_gets_a_403_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::new();
    for path in [world._home.path(), world.path.parent().unwrap(), &world.path] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let script = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n\
        r=b''\n\
        try:\n s.sendall(b'POST /v1/stop HTTP/1.1\\r\\nhost: syncd\\r\\ncontent-length: 0\\r\\n\\r\\n')\n\
        except OSError: pass\n\
        while True:\n\
        \x20try: b=s.recv(4096)\n\
        \x20except OSError: break\n\
        \x20if not b: break\n\
        \x20r+=b\n\
        print(r.decode())\n";
    let path = world.path.clone();
    let child = move |uid: u32| {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            let output = std::process::Command::new("python3")
                .args(["-c", script])
                .arg(path)
                .uid(uid)
                .gid(uid)
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        })
    };
    let said = Said::parse(child(12_345).await.unwrap().trim_end());
    assert_eq!((said.status, said.kind()), (403, "forbidden".into()));
    assert_eq!(world.desk.told(), [""; 0]);
    world.end().await;
}
