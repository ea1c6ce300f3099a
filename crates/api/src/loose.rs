//! Reads loosely typed JSON values as servers send them (wire.md §1.3): numbers as strings or numbers, null, flags.
//!
//! Nothing here guesses: what cannot be read is `None`, never a default; unknown keys are never looked at.

use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// Text: a string, or a number in its digits.
pub(crate) fn text(object: &Object, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Text that is not blank.
pub(crate) fn filled(object: &Object, key: &str) -> Option<String> {
    text(object, key).filter(|text| !text.trim().is_empty())
}

/// A whole number that is not negative: an integer, a string of digits, or a float without a fraction.
pub(crate) fn number(object: &Object, key: &str) -> Option<u64> {
    match object.get(key)? {
        Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().ok()
        }
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A flag: `1`/`0` in either type, or a boolean.
pub(crate) fn flag(object: &Object, key: &str) -> Option<bool> {
    match object.get(key)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => {
            number(object, key).map(|number| number != 0)
        }
    }
}

/// Beyond 2^53 a float no longer names one integer.
const EXACT_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

fn whole(float: f64) -> Option<u64> {
    if !(0.0..=EXACT_FLOAT_MAX).contains(&float) || float.fract() != 0.0 {
        return None;
    }
    // The text of a whole float within the bound is its digits: no lossy cast.
    format!("{float:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn numbers_come_as_strings_integers_and_floats() {
        let row = object(
            json!({"a": "12", "b": 12, "c": 12.0, "d": null, "e": "-1", "f": -1, "g": "1e3", "h": 1.5,
                                "i": "", "j": true}),
        );
        for key in ["a", "b", "c"] {
            assert_eq!(number(&row, key), Some(12), "{key}");
        }
        for key in ["d", "e", "f", "g", "h", "i", "j", "missing"] {
            assert_eq!(number(&row, key), None, "{key}");
        }
    }

    #[test]
    fn flags_come_as_strings_integers_and_booleans() {
        let row = object(json!({"a": "1", "b": 1, "c": true, "d": "0", "e": null}));
        assert_eq!(
            ["a", "b", "c", "d", "e"].map(|key| flag(&row, key)),
            [Some(true), Some(true), Some(true), Some(false), None]
        );
    }
}
