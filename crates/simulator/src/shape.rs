//! What a template expects to be filled in, read from its definition, and whether a send does so.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::components::{Filled, Param};
use crate::config::ParameterFormat;
use crate::errors::ApiError;

/// What a template (or one card of its carousel) expects.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shape {
    /// The header's kind in lower case, where it takes a parameter.
    header: Option<String>,
    /// The names of the header text's variables.
    header_variables: Vec<String>,
    /// The body's text.
    body_text: String,
    /// The body's variables, in order of first appearance.
    body_variables: Vec<String>,
    /// Kinds of its buttons by index, and whether each must be filled in.
    buttons: BTreeMap<u64, (String, bool)>,
    limited_time_offer: bool,
    cards: Vec<Shape>,
    named: bool,
}

impl Shape {
    /// Reads a definition in the platform's template JSON. What it does not know it leaves unchecked.
    pub(crate) fn read(components: &[Value], format: ParameterFormat) -> Self {
        let mut shape = Self { named: format == ParameterFormat::Named, ..Self::default() };
        for component in components {
            let text = component.get("text").and_then(Value::as_str).unwrap_or_default();
            match upper(component, "type").as_str() {
                "HEADER" => match upper(component, "format").as_str() {
                    "TEXT" | "" => {
                        shape.header_variables = variables(text);
                        shape.header = (!shape.header_variables.is_empty()).then(|| "text".to_owned());
                    }
                    other => shape.header = Some(other.to_lowercase()),
                },
                "BODY" => {
                    shape.body_text = text.to_owned();
                    shape.body_variables = variables(text);
                }
                "BUTTONS" => {
                    for (index, button) in (0..).zip(array(component, "buttons")) {
                        let kind = upper(button, "type").to_lowercase();
                        let url = button.get("url").and_then(Value::as_str).unwrap_or_default();
                        let required = match kind.as_str() {
                            "url" => !variables(url).is_empty(),
                            "copy_code" | "mpm" | "order_details" => true,
                            _ => false,
                        };
                        shape.buttons.insert(index, (kind, required));
                    }
                }
                "LIMITED_TIME_OFFER" => shape.limited_time_offer = true,
                "CAROUSEL" => {
                    shape.cards = array(component, "cards")
                        .iter()
                        .map(|card| Self::read(array(card, "components"), format))
                        .collect();
                }
                _ => {}
            }
        }
        shape
    }

    /// Whether a send fills the template in as it must be.
    ///
    /// # Errors
    /// 132000 for a wrong number of parameters, 132012 for wrong kinds, 132018 and 131008 for buttons, 132005
    /// for a body that gets too long.
    pub(crate) fn check(&self, filled: &Filled) -> Result<(), ApiError> {
        self.check_header(filled.header.as_ref())?;
        self.check_body(&filled.body)?;
        self.check_buttons(&filled.buttons)?;
        if self.limited_time_offer != filled.limited_time_offer {
            return Err(mismatch("limited_time_offer", self.limited_time_offer, filled.limited_time_offer));
        }
        if self.cards.len() != filled.cards.len() {
            return Err(mismatch("carousel: number of cards", self.cards.len(), filled.cards.len()));
        }
        self.cards.iter().zip(&filled.cards).try_for_each(|(card, filled)| card.check(filled))
    }

    fn check_header(&self, filled: Option<&Param>) -> Result<(), ApiError> {
        match (&self.header, filled) {
            (None, None) => Ok(()),
            (Some(kind), Some(param)) if *kind == param.kind => match &param.name {
                Some(name) if self.named && !self.header_variables.contains(name) => {
                    Err(mismatch("header: Parameter name", self.header_variables.join(", "), name))
                }
                None if self.named && kind == "text" => Err(mismatch("header: Parameter name", kind, "none")),
                _ => Ok(()),
            },
            (None, Some(param)) if param.kind == "text" => Err(count("header", 0, 1)),
            (Some(kind), None) if kind == "text" => Err(count("header", 1, 0)),
            (expected, given) => Err(mismatch(
                "header: Format",
                expected.as_deref().unwrap_or("none").to_uppercase(),
                given.map_or("UNKNOWN".to_owned(), |param| param.kind.to_uppercase()),
            )),
        }
    }

    fn check_body(&self, filled: &[Param]) -> Result<(), ApiError> {
        if filled.len() != self.body_variables.len() {
            return Err(count("body", self.body_variables.len(), filled.len()));
        }
        let mut rendered = self.body_text.clone();
        for (place, param) in filled.iter().enumerate() {
            let variable = match (&param.name, self.named) {
                (Some(name), true) if self.body_variables.contains(name) => name.clone(),
                (None, false) => (place + 1).to_string(),
                (given, _) => {
                    let expected = self.body_variables.join(", ");
                    let given = given.as_deref().unwrap_or("a parameter without a name");
                    return Err(mismatch("body: Parameter name", &expected, given));
                }
            };
            rendered = rendered.replace(&format!("{{{{{variable}}}}}"), &param.text);
        }
        if rendered.chars().count() > 1024 {
            return Err(ApiError::new(132005, "body text is longer than 1024 characters."));
        }
        Ok(())
    }

    fn check_buttons(&self, filled: &BTreeMap<u64, String>) -> Result<(), ApiError> {
        for (index, (kind, required)) in &self.buttons {
            if *required && !filled.contains_key(index) {
                return Err(ApiError::new(
                    131008,
                    format!("buttons: Button at index {index} of type {kind} requires a parameter"),
                ));
            }
        }
        for (index, given) in filled {
            match self.buttons.get(index) {
                Some((kind, required)) if kind == given && (*required || kind != "url") => {}
                Some((kind, _)) => {
                    return Err(ApiError::new(
                        132018,
                        format!(
                            "buttons: Button at index {index} is a {kind} button and takes no {given} parameter"
                        ),
                    ));
                }
                None => {
                    return Err(ApiError::new(
                        132018,
                        format!("buttons: There is no button at index {index}"),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn count(part: &str, expected: usize, given: usize) -> ApiError {
    ApiError::new(
        132000,
        format!(
            "{part}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
        ),
    )
}

fn mismatch(what: &str, expected: impl std::fmt::Display, given: impl std::fmt::Display) -> ApiError {
    ApiError::new(132012, format!("{what} mismatch, expected {expected}, received {given}"))
}

fn upper(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_uppercase()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The distinct variables of a text, `{{like_this}}`, in order of first appearance.
fn variables(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else { break };
        let name = name.trim().to_owned();
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
        rest = tail;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::check_components;
    use serde_json::json;

    fn code(definition: &Value, format: ParameterFormat, components: Value) -> Option<u32> {
        let shape = Shape::read(definition.as_array().unwrap(), format);
        let filled = check_components(&components, "components").unwrap();
        shape.check(&filled).err().map(|error| error.code)
    }

    #[test]
    fn parameters_are_held_against_the_definition() {
        let definition = json!([
            { "type": "HEADER", "format": "IMAGE" },
            { "type": "BODY", "text": "Hi {{1}}, {{2}} off" },
            { "type": "BUTTONS", "buttons": [{ "type": "URL", "url": "https://example.com/{{1}}" }] }
        ]);
        let image = json!({ "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] });
        let video = json!({ "type": "header", "parameters": [{ "type": "video", "video": { "id": "1" } }] });
        let body = json!({ "type": "body", "parameters": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] });
        let short = json!({ "type": "body", "parameters": [{ "type": "text", "text": "a" }] });
        let long = "x".repeat(1020);
        let long = json!({ "type": "body", "parameters": [{ "type": "text", "text": long }, { "type": "text", "text": "b" }] });
        let url = json!({ "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "text", "text": "x" }] });
        let other = json!({ "type": "button", "sub_type": "url", "index": 1, "parameters": [{ "type": "text", "text": "x" }] });
        let positional = ParameterFormat::Positional;
        assert_eq!(code(&definition, positional, json!([image, body, url])), None);
        assert_eq!(code(&definition, positional, json!([image, short, url])), Some(132000));
        assert_eq!(code(&definition, positional, json!([image, long, url])), Some(132005));
        assert_eq!(code(&definition, positional, json!([video, body, url])), Some(132012));
        assert_eq!(code(&definition, positional, json!([body, url])), Some(132012));
        assert_eq!(code(&definition, positional, json!([image, body])), Some(131008));
        assert_eq!(code(&definition, positional, json!([image, body, url, other])), Some(132018));
    }

    #[test]
    fn names_must_be_the_templates_names() {
        let definition = json!([{ "type": "BODY", "text": "Hi {{first_name}}" }]);
        let named = |name: &str| json!([{ "type": "body", "parameters": [{ "type": "text", "parameter_name": name, "text": "A" }] }]);
        assert_eq!(code(&definition, ParameterFormat::Named, named("first_name")), None);
        assert_eq!(code(&definition, ParameterFormat::Named, named("last_name")), Some(132012));
        assert_eq!(
            code(
                &definition,
                ParameterFormat::Named,
                json!([{ "type": "body", "parameters": [{ "type": "text", "text": "A" }] }])
            ),
            Some(132012)
        );
    }
}
