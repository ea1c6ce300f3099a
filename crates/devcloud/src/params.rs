//! Parameters of a request as PHP would read them: query, form, multipart fields. Values are bytes, the last one wins.
//!
//! A JSON body is not read: then nothing is here, and the answer is that the token is missing.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;

/// Text parameters together; more is cut off, as PHP cuts at `max_input_vars`.
const FIELDS_MAX: usize = 1000;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, Vec<u8>>);

/// What an id-like parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// Missing, or only blanks.
    Blank,
    /// Exactly `null`.
    Null,
    /// `NULL`, `Null` and so on.
    LoudNull,
    /// A whole number, negative ones too.
    Number(i64),
    /// Anything else.
    Text,
}

impl Params {
    /// Adds what a query or an url-encoded body holds.
    pub(crate) fn add_form(&mut self, encoded: &[u8]) {
        for pair in encoded.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let key = decoded(halves.next().unwrap_or_default());
            let value = decoded(halves.next().unwrap_or_default());
            self.add(&String::from_utf8_lossy(&key), value);
        }
    }

    /// Adds one field.
    pub(crate) fn add(&mut self, key: &str, value: Vec<u8>) {
        if self.0.len() < FIELDS_MAX || self.0.contains_key(key) {
            self.0.insert(key.to_owned(), value);
        }
    }

    /// A parameter as sent; none if missing or empty.
    pub(crate) fn raw(&self, key: &str) -> Option<&[u8]> {
        self.0
            .get(key)
            .map(Vec::as_slice)
            .filter(|value| !value.is_empty())
    }

    /// A parameter as an id.
    pub(crate) fn given(&self, key: &str) -> Given {
        let text = self.raw(key).map(crate::names::trim).unwrap_or_default();
        if text.is_empty() {
            Given::Blank
        } else if text == b"null" {
            Given::Null
        } else if text.eq_ignore_ascii_case(b"null") {
            Given::LoudNull
        } else {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            number.map_or(Given::Text, Given::Number)
        }
    }
}

fn decoded(part: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = part.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).collect()
}

/// Name and filename of a part, from its Content-Disposition: `\"` and `\\` are escapes, `filename*` is not read.
pub(crate) fn disposition(header: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let (mut name, mut filename) = (None, None);
    let mut rest = header.iter().copied().peekable();
    // The first word is `form-data`.
    rest.by_ref().find(|b| *b == b';');
    loop {
        let mut key = Vec::new();
        let mut more = false;
        for byte in rest.by_ref() {
            if byte == b'=' {
                more = true;
                break;
            }
            key.push(byte.to_ascii_lowercase());
        }
        if !more {
            return (name, filename);
        }
        let value = attribute(&mut rest);
        match crate::names::trim(&key) {
            b"name" => name = Some(value),
            b"filename" => filename = Some(value),
            _ => {}
        }
    }
}

fn attribute(rest: &mut std::iter::Peekable<impl Iterator<Item = u8>>) -> Vec<u8> {
    let mut value = Vec::new();
    let quoted = rest.next_if_eq(&b'"').is_some();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if quoted => match rest.next_if(|next| matches!(next, b'"' | b'\\')) {
                Some(escaped) => value.push(escaped),
                None => value.push(byte),
            },
            b'"' if quoted => {
                rest.by_ref().find(|b| *b == b';');
                return value;
            }
            b';' if !quoted => return value,
            _ => value.push(byte),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_bytes_and_the_last_value_wins() {
        let mut params = Params::default();
        params.add_form(b"a=1&a=2&n=x+y%FF&empty=&id=%20-7");
        assert_eq!(params.raw("a"), Some(&b"2"[..]));
        assert_eq!(params.raw("n"), Some(&b"x y\xFF"[..]));
        assert_eq!(params.raw("empty"), None);
        assert_eq!(params.given("id"), Given::Number(-7));
        assert_eq!(params.given("a"), Given::Number(2));
        assert_eq!(params.given("n"), Given::Text);
        assert_eq!(params.given("nothing"), Given::Blank);
    }

    #[test]
    fn quoted_file_names_keep_their_escapes_and_semicolons() {
        let header = br#"form-data; name="upload_file"; filename="a \"b\"; c\\d.txt""#;
        let (name, filename) = disposition(header);
        assert_eq!(name.unwrap(), b"upload_file");
        assert_eq!(filename.unwrap(), br#"a "b"; c\d.txt"#);
        assert_eq!(disposition(b"form-data; name=x").0.unwrap(), b"x");
        assert_eq!(disposition(b"form-data; filename*=utf-8''x").1, None);
    }
}
