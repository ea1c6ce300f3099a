//! A session bus that is a thread of the test: as much of it as greets a client, and the objects that the test puts on it.

use std::path::Path;

use zbus::connection::Builder;

/// The bus itself.
struct Bus;

#[zbus::interface(name = "org.freedesktop.DBus")]
impl Bus {
    fn hello(&self) -> &str {
        ":1.1"
    }

    fn add_match(&self, _rule: &str) {}

    fn remove_match(&self, _rule: &str) {}
}

/// Listens at a path for as long as the test runs; each client gets the objects that `with` adds.
pub(crate) fn serve(path: &Path, with: impl Fn(Builder<'static>) -> Builder<'static> + Send + 'static) {
    let path = path.to_owned();
    let (ready, listens) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let listener = tokio::net::UnixListener::bind(path).unwrap();
            ready.send(()).unwrap();
            let mut clients = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let guid = zbus::Guid::from_static_str("0123456789abcdef0123456789abcdef").unwrap();
                let bus = Builder::unix_stream(stream.into_std().unwrap())
                    .server(guid)
                    .p2p()
                    .serve_at("/org/freedesktop/DBus", Bus);
                // A client that breaks off shows in what is not there.
                clients.extend(with(bus).build().await.ok());
            }
        });
    });
    listens.recv().unwrap();
}

/// The variable by which clients find it.
pub(crate) fn address(path: &Path) -> (String, String) {
    let address = format!("unix:path={}", path.display());
    ("DBUS_SESSION_BUS_ADDRESS".to_owned(), address)
}
