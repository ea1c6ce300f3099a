//! As much of D-Bus's wire format as a call and its answer take (D-Bus specification 0.43, "Message Protocol"). Pure.
//!
//! A library would be a dozen crates for two messages whose form has not changed since 2006.

/// Largest answer that is read, bytes: the bus answers with a name, the desktop with a number.
pub(super) const MESSAGE_MAX: usize = 64 * 1024;

/// Bytes of a message that say how long it is.
pub(super) const FIXED: usize = 16;

const CALL: u8 = 1;
const RETURN: u8 = 2;
const ERROR: u8 = 3;

/// Header fields by their numbers.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// Bytes in little endian, each value at its alignment.
#[derive(Debug, Default)]
pub(super) struct Out(Vec<u8>);

impl Out {
    fn align(&mut self, to: usize) {
        while !self.0.len().is_multiple_of(to) {
            self.0.push(0);
        }
    }

    pub(super) fn number(&mut self, number: u32) {
        self.align(4);
        self.0.extend(number.to_le_bytes());
    }

    pub(super) fn signed(&mut self, number: i32) {
        self.align(4);
        self.0.extend(number.to_le_bytes());
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A string or a path. It holds no zero byte: that would be its end.
    pub(super) fn text(&mut self, text: &str) {
        let text = text.replace('\0', "");
        self.number(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    pub(super) fn signature(&mut self, signature: &str) {
        self.0.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
        self.0.extend(signature.as_bytes());
        self.0.push(0);
    }

    /// An array whose elements begin at multiples of `align`.
    pub(super) fn array(&mut self, align: usize, elements: impl FnOnce(&mut Self)) {
        self.number(0);
        let at = self.0.len().saturating_sub(4);
        self.align(align);
        let start = self.0.len();
        elements(self);
        let length = u32::try_from(self.0.len().saturating_sub(start)).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(at..at.saturating_add(4)) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    /// The start of an element that is several values.
    pub(super) fn several(&mut self) {
        self.align(8);
    }
}

/// A method that is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) service: &'a str,
    pub(super) path: &'a str,
    pub(super) member: &'a str,
    /// Of the body; empty where there is none.
    pub(super) signature: &'a str,
}

/// The call as a message. The interface has the service's name, as with all that is called here.
pub(super) fn call(serial: u32, call: Call<'_>, body: &Out) -> Vec<u8> {
    let mut out = Out::default();
    for byte in [b'l', CALL, 0, 1] {
        out.byte(byte);
    }
    out.number(u32::try_from(body.0.len()).unwrap_or(u32::MAX));
    out.number(serial);
    out.array(8, |out| {
        let texts = [
            (PATH, "o", call.path),
            (INTERFACE, "s", call.service),
            (MEMBER, "s", call.member),
            (DESTINATION, "s", call.service),
        ];
        for (field, signature, text) in texts {
            out.several();
            out.byte(field);
            out.signature(signature);
            out.text(text);
        }
        if !call.signature.is_empty() {
            out.several();
            out.byte(SIGNATURE);
            out.signature("g");
            out.signature(call.signature);
        }
    });
    out.align(8);
    out.0.extend(&body.0);
    out.0
}

/// How many bytes follow the first [`FIXED`] ones; `None`: that is no message, or a longer one than is read.
pub(super) fn rest(fixed: &[u8; FIXED]) -> Option<usize> {
    let number = |at: usize| {
        let bytes = fixed.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(match fixed.first()? {
            b'l' => u32::from_le_bytes(bytes),
            b'B' => u32::from_be_bytes(bytes),
            _ => return None,
        })
        .ok()
    };
    let rest = number(12)?.checked_next_multiple_of(8)?.checked_add(number(4)?)?;
    (rest <= MESSAGE_MAX).then_some(rest)
}

/// What a message is to somebody who waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// The answer to the call of this number.
    Return(u32),
    /// The call of this number failed; the name of the error.
    Error(u32, String),
    /// Something else.
    Other,
}

/// Reads a message: what it answers.
pub(super) fn answer(fixed: &[u8; FIXED], rest: &[u8]) -> Option<Answer> {
    let big = match fixed.first()? {
        b'l' => false,
        b'B' => true,
        _ => return None,
    };
    let kind = *fixed.get(1)?;
    let mut fields = In {
        big,
        bytes: rest,
        at: 0,
    };
    let length = fixed.get(12..16)?.try_into().ok()?;
    let end = usize::try_from(if big {
        u32::from_be_bytes(length)
    } else {
        u32::from_le_bytes(length)
    })
    .ok()?;
    let (mut serial, mut name) = (None, String::new());
    while fields.at < end {
        fields.align(8);
        let field = fields.byte()?;
        match (field, fields.signature()?) {
            (REPLY_SERIAL, "u") => serial = Some(fields.number()?),
            (ERROR_NAME, "s") => fields.text()?.clone_into(&mut name),
            (_, "s" | "o") => {
                fields.text()?;
            }
            (_, "g") => {
                fields.signature()?;
            }
            (_, "u") => {
                fields.number()?;
            }
            // A field of a later specification: what follows cannot be told.
            _ => return Some(Answer::Other),
        }
    }
    Some(match (kind, serial) {
        (RETURN, Some(serial)) => Answer::Return(serial),
        (ERROR, Some(serial)) => Answer::Error(serial, name),
        _ => Answer::Other,
    })
}

/// Bytes that are read.
struct In<'a> {
    big: bool,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> In<'a> {
    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u32> {
        self.align(4);
        let bytes = self.take(4)?.try_into().ok()?;
        Some(if self.big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let text = std::str::from_utf8(self.take(length)?).ok()?;
        self.take(1)?;
        Some(text)
    }

    fn signature(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let text = std::str::from_utf8(self.take(length)?).ok()?;
        self.take(1)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(message: &[u8]) -> ([u8; FIXED], &[u8]) {
        (message[..FIXED].try_into().unwrap(), &message[FIXED..])
    }

    #[test]
    fn a_call_has_the_bytes_of_the_specification() {
        let hello = Call {
            service: "a.b",
            path: "/c",
            member: "D",
            signature: "",
        };
        let message = call(1, hello, &Out::default());
        let wanted = [
            b"l\x01\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x3c\x00\x00\x00".as_slice(),
            b"\x01\x01o\x00\x02\x00\x00\x00/c\x00\x00\x00\x00\x00\x00",
            b"\x02\x01s\x00\x03\x00\x00\x00a.b\x00\x00\x00\x00\x00",
            b"\x03\x01s\x00\x01\x00\x00\x00D\x00\x00\x00\x00\x00\x00\x00",
            b"\x06\x01s\x00\x03\x00\x00\x00a.b\x00\x00\x00\x00\x00",
        ]
        .concat();
        assert_eq!(message, wanted);
        let (fixed, rest) = split(&message);
        assert_eq!(super::rest(&fixed), Some(rest.len()));
        assert_eq!(
            answer(&fixed, rest),
            Some(Answer::Other),
            "a call answers nothing"
        );
    }

    #[test]
    fn an_array_knows_its_length_and_its_elements_their_place() {
        let mut out = Out::default();
        out.array(8, |out| {
            out.several();
            out.text("a");
            out.signature("y");
            out.byte(2);
        });
        out.signed(-1);
        // The length is that of the elements, without what is before the first.
        let wanted =
            b"\x0a\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00a\x00\x01y\x00\x02\x00\x00\xff\xff\xff\xff";
        assert_eq!(out.0, wanted);
    }

    #[test]
    fn returns_and_errors_name_the_call_they_are_of_in_both_orders_of_bytes() {
        let little =
            b"l\x02\x01\x01\x00\x00\x00\x00\x05\x00\x00\x00\x08\x00\x00\x00\x05\x01u\x00\x02\x00\x00\x00";
        let (fixed, rest) = split(little);
        assert_eq!(answer(&fixed, rest), Some(Answer::Return(2)));
        let big = b"B\x03\x01\x01\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x14\x05\x01u\x00\x00\x00\x00\x02\x04\x01s\x00\x00\x00\x00\x03a.b\x00\x00\x00\x00\x00";
        let (fixed, rest) = split(big);
        assert_eq!(super::rest(&fixed), Some(24));
        assert_eq!(answer(&fixed, rest), Some(Answer::Error(2, "a.b".into())));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_no_panic(fixed: [u8; FIXED], rest in proptest::collection::vec(any::<u8>(), 0..200), little: bool) {
            let mut fixed = fixed;
            fixed[0] = if little { b'l' } else { b'B' };
            let _ = super::rest(&fixed);
            let _ = answer(&fixed, &rest);
            fixed[12..].copy_from_slice(&[0; 4]);
            fixed[if little { 12 } else { 15 }] = 100;
            let _ = answer(&fixed, &rest);
        }
    }
}
