//! Whether what a campaign fills in is what its template has: number and kinds of parameters.

use campaign::definition::params::{ButtonKindParams, HeaderParams, Params, TextParam};
use whatsapp::account::{HeaderFormat, ParameterFormat, TemplateInfo};

/// A difference: the key of the campaign file it concerns, and the sentence that follows the key.
pub(crate) type Difference = (String, String);

/// Compares `params` (below `path`, which is `params` or `variants[i].params`) with the template.
pub(crate) fn differences(path: &str, params: &Params, template: &TemplateInfo) -> Vec<Difference> {
    let mut found = Vec::new();
    let parts = &template.components;
    let named = template.parameter_format == ParameterFormat::Named;
    header(path, params.header.as_ref(), template, &mut found);
    texts(&format!("{path}.body"), &params.body, &parts.body.variables, named, template, &mut found);
    for button in &params.buttons {
        let at = format!("{path}.buttons");
        let wanted = kind_name(&button.kind);
        match parts.buttons.get(usize::from(button.index)) {
            None => found.push((
                at,
                format!(
                    "fills button {}, and template {} has {} buttons",
                    button.index,
                    template.name,
                    parts.buttons.len()
                ),
            )),
            Some(info) if info.kind != wanted => found.push((
                at,
                format!(
                    "fills button {} as {wanted}, and in template {} it is {}",
                    button.index, template.name, info.kind
                ),
            )),
            Some(_) => {}
        }
    }
    for (index, info) in parts.buttons.iter().enumerate() {
        let needs =
            info.kind == "copy_code" || info.url.as_ref().is_some_and(|url| !url.variables.is_empty());
        let filled = params.buttons.iter().any(|b| usize::from(b.index) == index);
        if needs && !filled {
            found.push((
                format!("{path}.buttons"),
                format!(
                    "leaves out button {index} ({}), which template {} wants filled",
                    info.kind, template.name
                ),
            ));
        }
    }
    if parts.limited_time_offer != params.offer_ends.is_some() {
        let said = if parts.limited_time_offer {
            format!("is missing, and template {} is a limited-time offer", template.name)
        } else {
            format!("is given, and template {} is no limited-time offer", template.name)
        };
        found.push((format!("{path}.limited_time_offer"), said));
    }
    if parts.cards.len() != params.carousel.len() {
        found.push((
            format!("{path}.carousel"),
            format!(
                "has {} cards, and template {} has {}",
                params.carousel.len(),
                template.name,
                parts.cards.len()
            ),
        ));
    }
    for (i, (card, info)) in params.carousel.iter().zip(&parts.cards).enumerate() {
        texts(
            &format!("{path}.carousel[{i}].body"),
            &card.body,
            &info.body.variables,
            named,
            template,
            &mut found,
        );
    }
    found
}

fn texts(
    path: &str,
    given: &[TextParam],
    variables: &[String],
    named: bool,
    template: &TemplateInfo,
    found: &mut Vec<Difference>,
) {
    if given.len() != variables.len() {
        found.push((
            path.to_owned(),
            format!(
                "has {} parameters, and template {} takes {}",
                given.len(),
                template.name,
                wanted(variables)
            ),
        ));
        return;
    }
    for param in given {
        match (&param.name, named) {
            (None, true) => found.push((
                path.to_owned(),
                format!(
                    "is a list, and template {} has named parameters: {}",
                    template.name,
                    variables.join(", ")
                ),
            )),
            (Some(name), true) if !variables.contains(name) => found.push((
                path.to_owned(),
                format!("fills {name}, and template {} has {}", template.name, variables.join(", ")),
            )),
            (Some(name), false) => found.push((
                path.to_owned(),
                format!(
                    "names the parameter {name}, and template {} numbers its parameters; write a list",
                    template.name
                ),
            )),
            (Some(_), true) | (None, false) => continue,
        }
        return;
    }
}

fn wanted(variables: &[String]) -> String {
    if variables.is_empty() {
        "none".to_owned()
    } else {
        format!("{} ({})", variables.len(), variables.join(", "))
    }
}

fn header(path: &str, given: Option<&HeaderParams>, template: &TemplateInfo, found: &mut Vec<Difference>) {
    let at = || format!("{path}.header");
    let needed = template
        .components
        .header
        .as_ref()
        .filter(|h| h.format != HeaderFormat::Text || !h.text.variables.is_empty());
    match (given, needed) {
        (None, None) => {}
        (Some(_), None) => {
            found.push((at(), format!("is given, and template {} has no header to fill", template.name)));
        }
        (None, Some(info)) => found.push((
            at(),
            format!("is missing, and template {} has a header to fill ({})", template.name, info.format),
        )),
        (Some(header), Some(info)) => {
            let is = header_name(header);
            let wants = info.format.to_string();
            if is != wants && !matches!(info.format, HeaderFormat::Other(_)) {
                found.push((
                    at(),
                    format!("is {is}, and the header of template {} is {wants}", template.name),
                ));
            }
        }
    }
}

fn header_name(header: &HeaderParams) -> &'static str {
    match header {
        HeaderParams::Text(_) => "text",
        HeaderParams::Image(_) => "image",
        HeaderParams::Video(_) => "video",
        HeaderParams::Document { .. } => "document",
        HeaderParams::Gif(_) => "gif",
        HeaderParams::Location { .. } => "location",
        HeaderParams::Product { .. } => "product",
    }
}

fn kind_name(kind: &ButtonKindParams) -> &'static str {
    match kind {
        ButtonKindParams::QuickReply(_) => "quick_reply",
        ButtonKindParams::Url(_) => "url",
        ButtonKindParams::CopyCode(_) => "copy_code",
        ButtonKindParams::Catalog { .. } => "catalog",
        ButtonKindParams::Mpm { .. } => "mpm",
        ButtonKindParams::Flow { .. } => "flow",
        ButtonKindParams::OrderDetails { .. } => "order_details",
    }
}
