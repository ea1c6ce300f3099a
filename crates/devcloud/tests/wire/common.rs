//! A server, a client that speaks to it in plain HTTP, and what tests ask most often.

use std::time::Duration;

use devcloud::{Control, Dialect, Options, Server};
use reqwest::{Client, Response};
use serde_json::{Map, Value};

/// A running server with a signed-in client.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) http: Client,
    pub(crate) token: String,
    pub(crate) data: tempfile::TempDir,
}

/// What an API call answered.
pub(crate) struct Said {
    pub(crate) http: u16,
    pub(crate) body: String,
    pub(crate) json: Value,
}

impl Said {
    pub(crate) async fn of(response: Response) -> Self {
        let http = response.status().as_u16();
        let body = response.text().await.unwrap_or_default();
        let json = serde_json::from_str(&body).unwrap_or(Value::Null);
        Self { http, body, json }
    }

    /// The payload of a success.
    pub(crate) fn data(&self) -> &Value {
        assert_eq!(self.json["_status"], "success", "{} {}", self.http, self.body);
        &self.json["data"]
    }

    /// The text of an error, whatever its shape.
    pub(crate) fn error(&self) -> &str {
        let status = self.json.get("_status").or(self.json.get("status"));
        assert_eq!(
            status.and_then(Value::as_str),
            Some("error"),
            "{} {}",
            self.http,
            self.body
        );
        self.json["response"].as_str().unwrap_or_default()
    }

    /// The id of the row in `data`.
    pub(crate) fn id(&self) -> u64 {
        number(&self.data()["id"])
    }
}

/// A number in whatever type.
pub(crate) fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("no number: {value}"))
}

pub(crate) fn client() -> Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(30)).build().unwrap()
}

impl Site {
    /// A server of the dialect `document` with some quirks on: `["Q07"]`, or off: `["-Q07"]`.
    pub(crate) async fn with(quirks: &[&str]) -> Self {
        let mut options = Options::new("");
        for quirk in quirks {
            let (name, on) = quirk
                .strip_prefix('-')
                .map_or((*quirk, true), |name| (name, false));
            options.quirks.push((name.to_owned(), on));
        }
        Self::start(options).await
    }

    pub(crate) async fn dialect(dialect: Dialect) -> Self {
        Self::start(Options::new("").dialect(dialect)).await
    }

    pub(crate) async fn start(mut options: Options) -> Self {
        let data = tempfile::tempdir().unwrap();
        options.data = data.path().join("cloud");
        let server = Server::start(options).await.unwrap();
        let mut site = Self {
            server,
            http: client(),
            token: String::new(),
            data,
        };
        site.token = site.sign_in().await;
        site
    }

    pub(crate) fn control(&self) -> Control {
        self.server.control()
    }

    pub(crate) fn quirk(&self, quirk: &str, on: bool) {
        self.control().set_quirk(quirk, on).unwrap();
    }

    pub(crate) fn knob(&self, knob: &str, value: &str) {
        self.control().set_knob(knob, value).unwrap();
    }

    /// Signs in until it succeeds, and answers the token.
    pub(crate) async fn sign_in(&self) -> String {
        for _ in 0..50 {
            let said = self.authorize(self.server.key1(), self.server.key2()).await;
            if let Some(token) = said.json["data"]["access_token"].as_str() {
                return token.to_owned();
            }
        }
        panic!("no login");
    }

    pub(crate) async fn authorize(&self, key1: &str, key2: &str) -> Said {
        self.bare("authorize", &[("key1", key1), ("key2", key2)]).await
    }

    /// A call with exactly these parameters.
    pub(crate) async fn bare(&self, path: &str, params: &[(&str, &str)]) -> Said {
        match self
            .http
            .post(format!("{}{path}", self.server.api_url()))
            .form(params)
            .send()
            .await
        {
            Ok(response) => Said::of(response).await,
            Err(error) => Said {
                http: 0,
                body: error.to_string(),
                json: Value::Null,
            },
        }
    }

    /// A call with token and account.
    pub(crate) async fn call(&self, path: &str, params: &[(&str, &str)]) -> Said {
        let mut all = vec![("access_token", self.token.as_str()), ("account_id", "158642")];
        all.extend_from_slice(params);
        self.bare(path, &all).await
    }

    pub(crate) async fn upload(&self, folder: &str, name: &str, bytes: &[u8]) -> Said {
        self.upload_as(&self.token, folder, name, bytes).await
    }

    /// An upload as the design sends it: fields first, the file last, quotes and backslashes escaped.
    pub(crate) async fn upload_as(&self, token: &str, folder: &str, name: &str, bytes: &[u8]) -> Said {
        let mut body = Vec::new();
        for (key, value) in [
            ("access_token", token),
            ("account_id", "158642"),
            ("folder_id", folder),
        ] {
            let part =
                format!("--frontier\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        let head = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"upload_file\"; filename=\"{escaped}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--frontier--\r\n");
        let request = self.http.post(format!("{}file/upload", self.server.api_url()));
        let request = request
            .header("content-type", "multipart/form-data; boundary=frontier")
            .body(body);
        match request.send().await {
            Ok(response) => Said::of(response).await,
            Err(error) => Said {
                http: 0,
                body: error.to_string(),
                json: Value::Null,
            },
        }
    }

    /// Uploads and answers the id.
    pub(crate) async fn put(&self, folder: &str, name: &str, bytes: &[u8]) -> u64 {
        let said = self.upload(folder, name, bytes).await;
        number(&said.data()[0]["file_id"])
    }

    /// Creates a folder and answers its id.
    pub(crate) async fn mkdir(&self, parent: &str, name: &str) -> u64 {
        self.call("folder/create", &[("folder_name", name), ("parent_id", parent)])
            .await
            .id()
    }

    pub(crate) async fn listing(&self, folder: &str) -> Said {
        self.call("folder/listing", &[("parent_folder_id", folder)]).await
    }

    /// Names of the files in a folder.
    pub(crate) async fn files(&self, folder: &str) -> Vec<String> {
        names(&self.listing(folder).await.data()["files"], "filename")
    }

    /// Names of the folders in a folder.
    pub(crate) async fn folders(&self, folder: &str) -> Vec<String> {
        names(&self.listing(folder).await.data()["folders"], "folderName")
    }

    pub(crate) async fn file_info(&self, id: u64) -> Said {
        self.call("file/info", &[("file_id", &id.to_string())]).await
    }

    /// A download link.
    pub(crate) async fn link(&self, id: u64) -> String {
        let said = self.call("file/download", &[("file_id", &id.to_string())]).await;
        said.data()["download_url"].as_str().unwrap().to_owned()
    }

    /// A GET, with a Range if one is given.
    pub(crate) async fn get(&self, url: &str, range: Option<&str>) -> reqwest::Result<Response> {
        let mut request = self.http.get(url);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        request.send().await
    }
}

pub(crate) fn names(rows: &Value, key: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap_or_else(|| panic!("no rows: {rows}"));
    rows.iter()
        .map(|row| row[key].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// A row of a listing by its id.
pub(crate) fn row(rows: &Value, id: u64) -> Map<String, Value> {
    let rows = rows.as_array().unwrap();
    let found = rows.iter().find(|row| number(&row["id"]) == id);
    found
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_else(|| panic!("no row {id}"))
}

/// The highest id there is: of nothing.
pub(crate) const FAR: &str = "2147483647";

/// A folder with a file and a folder in it, trashed by the API.
pub(crate) async fn trashed_folder(site: &Site) -> String {
    let id = site.mkdir("", "Gone").await.to_string();
    site.put(&id, "in.txt", b"in").await;
    site.mkdir(&id, "Sub").await;
    assert_eq!(
        site.call("folder/delete", &[("folder_id", &id)]).await.json["_status"],
        "success"
    );
    id
}
