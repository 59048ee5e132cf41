//! A template's parts as people read them, and the variables that a send fills.

use whatsapp::account::{ButtonInfo, HeaderFormat, HeaderInfo, TemplateComponents, TextInfo};

/// The template as its recipients see it, with its placeholders; one line each, not indented.
pub(super) fn lines(parts: &TemplateComponents) -> Vec<String> {
    let mut lines = message(parts.header.as_ref(), &parts.body, parts.footer.as_deref(), &parts.buttons);
    if parts.limited_time_offer {
        lines.push("[a limited-time offer: its end is given in each send]".to_owned());
    }
    for (i, card) in parts.cards.iter().enumerate() {
        lines.push(format!("card {i}:"));
        let inside = message(card.header.as_ref(), &card.body, None, &card.buttons);
        lines.extend(inside.into_iter().map(|line| format!("  {line}")));
    }
    if !parts.unknown.is_empty() {
        lines.push(format!("[and parts this version does not know: {}]", parts.unknown.join(", ")));
    }
    lines
}

fn message(
    header: Option<&HeaderInfo>,
    body: &TextInfo,
    footer: Option<&str>,
    buttons: &[ButtonInfo],
) -> Vec<String> {
    let mut lines = Vec::new();
    match header {
        Some(HeaderInfo { format: HeaderFormat::Text, text }) => lines.push(text.text.clone()),
        Some(HeaderInfo { format, .. }) => {
            lines.push(format!("[{}: given in each send]", format));
        }
        None => {}
    }
    lines.extend(body.text.lines().map(str::to_owned));
    lines.extend(footer.map(str::to_owned));
    for (i, button) in buttons.iter().enumerate() {
        let label = if button.label.is_empty() { "no label" } else { button.label.as_str() };
        let url = button.url.as_ref().map_or_else(String::new, |url| format!(" → {}", url.text));
        lines.push(format!("({i}) [ {label} ] {}{url}", button.kind));
    }
    lines
}

/// Each place that a send fills, with its variables: `body: 1, 2`.
pub(super) fn variables(parts: &TemplateComponents) -> Vec<String> {
    let mut found = Vec::new();
    fill("", parts.header.as_ref(), &parts.body, &parts.buttons, &mut found);
    for (i, card) in parts.cards.iter().enumerate() {
        let of = format!("card {i} ");
        fill(&of, card.header.as_ref(), &card.body, &card.buttons, &mut found);
    }
    if parts.limited_time_offer {
        found.push("limited-time offer: its end".to_owned());
    }
    found
}

fn fill(
    of: &str,
    header: Option<&HeaderInfo>,
    body: &TextInfo,
    buttons: &[ButtonInfo],
    found: &mut Vec<String>,
) {
    match header {
        Some(HeaderInfo { format: HeaderFormat::Text, text }) if text.variables.is_empty() => {}
        Some(HeaderInfo { format: HeaderFormat::Text, text }) => {
            found.push(format!("{of}header: {}", text.variables.join(", ")));
        }
        Some(HeaderInfo { format, .. }) => found.push(format!("{of}header: {}", format)),
        None => {}
    }
    if !body.variables.is_empty() {
        found.push(format!("{of}body: {}", body.variables.join(", ")));
    }
    for (i, button) in buttons.iter().enumerate() {
        match &button.url {
            Some(url) if !url.variables.is_empty() => {
                found.push(format!("{of}button {i} (url): {}", url.variables.join(", ")));
            }
            None if button.kind == "copy_code" => found.push(format!("{of}button {i} (copy_code): the code")),
            Some(_) | None => {}
        }
    }
}
