//! The shape of a JSON value, written as a TOML value in a boot test:
//!
//! | shape | JSON value |
//! |---|---|
//! | `"number"`, `"string"`, `"bool"`, `"null"`, `"any"` | one of that type |
//! | `"online\|left out"`, `"string\|null"` | one of several: a type, or else this very string |
//! | `8`, `true` | this very value |
//! | `{ id = … }` | an object with these fields, and perhaps more |
//! | `[…]` | a list of one or more values, each of this shape |
//! | `[…, …]` | a list of exactly these |
//! | `[]` | an empty list |

use serde::Deserialize;
use serde_json::Value;

/// What a JSON value must look like.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "toml::Value")]
pub struct Shape(toml::Value);

impl TryFrom<toml::Value> for Shape {
    type Error = String;
    fn try_from(shape: toml::Value) -> Result<Self, String> {
        check(&shape).map(|()| Self(shape))
    }
}

fn check(shape: &toml::Value) -> Result<(), String> {
    match shape {
        toml::Value::Float(_) | toml::Value::Datetime(_) => Err(format!("{shape} is no shape")),
        toml::Value::Array(list) => list.iter().try_for_each(check),
        toml::Value::Table(fields) => fields.values().try_for_each(check),
        _ => Ok(()),
    }
}

impl Shape {
    /// Looks at each JSON object in `text`: a line that begins with a brace. Says what is wrong with the first that does not fit.
    pub fn judge(&self, text: &str) -> Result<(), String> {
        let mut objects = text.lines().filter(|line| line.starts_with('{')).peekable();
        if objects.peek().is_none() {
            return Err("it printed no JSON object".into());
        }
        objects.try_for_each(|line| {
            let value: Value =
                serde_json::from_str(line).map_err(|error| format!("not JSON: {error}: {line}"))?;
            fit(&self.0, &value, "$")
                .map_err(|what| format!("{what} in {}", super::boot::shortened(line).trim_end()))
        })
    }
}

/// Whether `value`, found at `path`, has this shape.
fn fit(shape: &toml::Value, value: &Value, path: &str) -> Result<(), String> {
    let wrong = || Err(format!("{path} is {value}, not {shape}"));
    match (shape, value) {
        (toml::Value::Table(fields), Value::Object(object)) => {
            fields.iter().try_for_each(|(name, shape)| match object.get(name) {
                Some(value) => fit(shape, value, &format!("{path}.{name}")),
                None => Err(format!("{path}.{name} is missing")),
            })
        }
        (toml::Value::Array(shapes), Value::Array(list)) => {
            let mut elements = list.iter().enumerate();
            let each = |shape: &toml::Value, (index, value): (usize, &Value)| {
                fit(shape, value, &format!("{path}[{index}]"))
            };
            match shapes.as_slice() {
                [shape] if !list.is_empty() => elements.try_for_each(|element| each(shape, element)),
                shapes if shapes.len() == list.len() => {
                    shapes.iter().zip(elements).try_for_each(|(shape, element)| each(shape, element))
                }
                _ => wrong(),
            }
        }
        (toml::Value::String(names), _) if names.split('|').any(|name| is(name, value)) => Ok(()),
        (toml::Value::Integer(number), Value::Number(_)) if value.as_i64() == Some(*number) => Ok(()),
        (toml::Value::Boolean(yes), Value::Bool(found)) if yes == found => Ok(()),
        _ => wrong(),
    }
}

/// Whether `value` is of the type called `name`, or the string `name`.
fn is(name: &str, value: &Value) -> bool {
    match name {
        "any" => true,
        "number" => value.is_number(),
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        "null" => value.is_null(),
        text => value.as_str() == Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(shape: &str, json: &str) -> Result<(), String> {
        let mut table: toml::Table = toml::from_str(&format!("shape = {shape}")).expect("valid TOML");
        let shape = table.remove("shape").expect("it is there");
        Shape::try_from(shape).expect("a shape").judge(json)
    }

    #[test]
    fn what_fits() {
        for (shape, json) in [
            ("{ a = 'number' }", r#"{"a":1,"b":2}"#),
            ("{ a = 'number|null', b = 'x|y', c = 'any' }", r#"{"a":null,"b":"y","c":[]}"#),
            ("{ a = [{ b = 'bool' }] }", r#"{"a":[{"b":true},{"b":false}]}"#),
            ("{ a = [1, true, 'string'] }", r#"{"a":[1,true,"x"]}"#),
            ("{ a = [] }", "text\n{\"a\":[]}\nmore text"),
        ] {
            assert_eq!(judge(shape, json), Ok(()), "{shape} {json}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (shape, json, words) in [
            ("{ a = 'number' }", "no object", "no JSON object"),
            ("{ a = 'number' }", r#"{"a":1"#, "not JSON"),
            ("{ a = 'number' }", "{\"a\":1}\n{\"a\":\"1\"}", r#"$.a is "1", not "number""#),
            ("{ a = { b = 'any' } }", r#"{"a":{}}"#, "$.a.b is missing"),
            ("{ a = ['number'] }", r#"{"a":[1,null]}"#, "$.a[1] is null"),
            ("{ a = ['number'] }", r#"{"a":[]}"#, "$.a is []"),
            ("{ a = [] }", r#"{"a":[1]}"#, "$.a is [1]"),
            ("{ a = 'x|y' }", r#"{"a":"z"}"#, "$.a is"),
            ("{ a = 2 }", r#"{"a":3}"#, "$.a is 3, not 2"),
            ("{ a = true }", r#"{"a":false}"#, "$.a is false"),
        ] {
            let result = judge(shape, json);
            assert!(result.as_ref().is_err_and(|what| what.contains(words)), "{result:?} should say {words}");
        }
    }
}
