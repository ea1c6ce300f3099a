//! What a request asks for: the endpoint by its path, form and multipart bodies as PHP would read them.

use bytes::Bytes;
use url::Url;

use super::faults::Kind;
use super::names::trim;

/// Text parameters of a call; the last one of a name wins.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(Vec<(String, String)>);

/// What an id-like parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Missing, or only blanks.
    Blank,
    /// Exactly `null`.
    Null,
    /// A whole number, negative ones too.
    Number(i64),
    /// Anything else.
    Text,
}

impl Params {
    /// Those of an url-encoded body or query.
    pub(super) fn of_form(encoded: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// A parameter as sent; none if missing or empty.
    pub(super) fn raw(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All that a story tells of them: none of who asks.
    pub(super) fn told(&self) -> String {
        let told = self
            .0
            .iter()
            .filter(|(name, _)| name.ends_with("_id") || name.ends_with("name"));
        let told = told.filter(|(name, _)| name != "account_id" && name != "username");
        told.map(|(name, value)| format!(" {name}={value}")).collect()
    }

    /// A parameter as an id.
    pub(super) fn given(&self, key: &str) -> Given {
        let text = trim(self.raw(key).unwrap_or_default().as_bytes());
        match text {
            b"" => Given::Blank,
            b"null" => Given::Null,
            _ => {
                let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                number.map_or(Given::Text, Given::Number)
            }
        }
    }
}

/// A file as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) name: Vec<u8>,
    pub(super) content: Bytes,
}

/// A whole request.
#[derive(Debug, Clone)]
pub(super) enum Request {
    /// An API call.
    Call {
        /// The path behind the API's, in lower case: `folder/listing`.
        path: String,
        /// Its parameters.
        params: Params,
        /// The file of an upload.
        file: Option<Sent>,
    },
    /// A download.
    Get {
        /// What the link holds.
        token: String,
        /// `Range`.
        range: Option<String>,
    },
}

/// The path behind the API's; none for the pages.
pub(super) fn endpoint(url: &Url) -> Option<String> {
    let path = url.path().to_ascii_lowercase();
    let rest = path.strip_prefix("/api/v2/")?;
    Some(rest.trim_matches('/').to_owned())
}

/// What kind of call a path is. `form` is its body: the probe changes nothing.
pub(super) fn kind(path: &str, form: &Params) -> Kind {
    match path {
        "authorize" | "disable_access_token" => Kind::SignIn,
        "file/upload" => Kind::Upload,
        "folder/move" if form.given("folder_id") == Given::Number(0) => Kind::Read,
        "file/edit" | "file/delete" | "file/move" | "folder/create" | "folder/edit" | "folder/delete"
        | "folder/move" => Kind::Mutate,
        _ => Kind::Read,
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The fields and the file of a multipart body; none if it does not end as one: then nothing arrived.
pub(super) fn multipart(content_type: &str, body: &Bytes) -> Option<(Params, Option<Sent>)> {
    let boundary = content_type.split_once("boundary=")?.1;
    let (first, next) = (format!("--{boundary}"), format!("\r\n--{boundary}"));
    let mut fields = Vec::new();
    let mut file = None;
    let mut at = find(body, first.as_bytes())?.checked_add(first.len())?;
    loop {
        let rest = body.get(at..)?;
        if rest.starts_with(b"--") {
            return Some((Params(fields), file));
        }
        let head = find(rest, b"\r\n\r\n")?;
        let start = at.checked_add(head)?.checked_add(4)?;
        let end = start.checked_add(find(body.get(start..)?, next.as_bytes())?)?;
        let (name, filename) = disposition(rest.get(..head)?);
        let content = body.slice(start..end);
        match filename {
            Some(filename) if name == b"upload_file" => {
                file = Some(Sent {
                    name: filename,
                    content,
                });
            }
            Some(_) => {}
            None => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                fields.push((text(&name), text(&content)));
            }
        }
        at = end.checked_add(next.len())?;
    }
}

/// Name and filename of a part. `\"` and `\\` are escapes; `filename*` is not read.
fn disposition(head: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let value = |key: &[u8]| {
        let start = find(head, key)?.checked_add(key.len())?;
        let mut value = Vec::new();
        let mut rest = head.get(start..)?.iter().copied();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => return Some(value),
                b'\\' => value.extend(rest.next()),
                _ => value.push(byte),
            }
        }
        None
    };
    (value(b" name=\"").unwrap_or_default(), value(b" filename=\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multipart_body_gives_its_fields_and_its_file() {
        let body = Bytes::from_static(
            b"--B\r\nContent-Disposition: form-data; name=\"folder_id\"\r\n\r\n7\r\n--B\r\n\
              Content-Disposition: form-data; name=\"upload_file\"; filename=\"a \\\"b\\\"; c\\\\d.txt\"\r\n\
              Content-Type: application/octet-stream\r\n\r\none\r\n--\r\n--B--\r\n",
        );
        let (params, file) = multipart("multipart/form-data; boundary=B", &body).unwrap();
        assert_eq!(params.given("folder_id"), Given::Number(7));
        let file = file.unwrap();
        assert_eq!(file.name, br#"a "b"; c\d.txt"#);
        assert_eq!(&file.content[..], b"one\r\n--");
        let cut = body.slice(..body.len() - 9);
        assert!(multipart("multipart/form-data; boundary=B", &cut).is_none());
    }

    #[test]
    fn the_last_value_of_a_form_wins() {
        let params = Params::of_form(b"a=1&a=2&n=x+y&empty=&id=%20-7&z=null");
        assert_eq!(params.raw("a"), Some("2"));
        assert_eq!(params.raw("n"), Some("x y"));
        assert_eq!(params.raw("empty"), None);
        assert_eq!(params.given("id"), Given::Number(-7));
        assert_eq!(params.given("n"), Given::Text);
        assert_eq!(params.given("z"), Given::Null);
    }
}
