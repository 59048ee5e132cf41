//! Columns that fit the screen: no borders, headings in capitals, numbers to the right.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, presets};

use super::look::{Look, Tone};

/// A table in the making.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    headings: Vec<Heading>,
    rows: Vec<Vec<Text>>,
    indent: usize,
}

#[derive(Debug, Clone)]
struct Heading {
    text: String,
    alignment: CellAlignment,
}

/// A cell: text, and what it means where it means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    text: String,
    tone: Option<Tone>,
}

impl Text {
    /// Text that means something.
    pub(crate) fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Some(tone) }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, tone: None }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), tone: None }
    }
}

impl Table {
    /// A table with these columns, all to the left. Empty headings only: no heading line is shown.
    pub(crate) fn new<'h>(headings: impl IntoIterator<Item = &'h str>) -> Self {
        let headings = headings
            .into_iter()
            .map(|text| Heading { text: text.to_owned(), alignment: CellAlignment::Left })
            .collect();
        Self { headings, rows: Vec::new(), indent: 0 }
    }

    /// Puts these columns (from 0) to the right: numbers.
    #[must_use]
    pub(crate) fn right(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        for column in columns {
            if let Some(heading) = self.headings.get_mut(column) {
                heading.alignment = CellAlignment::Right;
            }
        }
        self
    }

    /// Indents the table by so many columns.
    #[must_use]
    pub(crate) fn indent(mut self, columns: usize) -> Self {
        self.indent = columns;
        self
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<Text>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as lines without trailing blanks, not ended by a newline; nothing at all without
    /// rows. Cells that do not fit are wrapped.
    pub(crate) fn render(&self, look: Look) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .force_no_tty()
            .set_width(u16::try_from(look.width.saturating_sub(self.indent)).unwrap_or(u16::MAX));
        if look.colours {
            table.enforce_styling();
        }
        if self.headings.iter().any(|heading| !heading.text.is_empty()) {
            table.set_header(self.headings.iter().map(|heading| {
                let cell = Cell::new(&heading.text).set_alignment(heading.alignment);
                if look.colours { cell.add_attribute(Attribute::Bold) } else { cell }
            }));
        }
        for row in &self.rows {
            table.add_row(row.iter().zip(&self.headings).map(|(text, heading)| cell(text, heading, look)));
        }
        let last = self.headings.len().saturating_sub(1);
        for (i, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if i == last { 0 } else { 2 }));
        }
        let margin = " ".repeat(self.indent);
        table
            .lines()
            .map(|line| format!("{margin}{line}").trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn cell(text: &Text, heading: &Heading, look: Look) -> Cell {
    let cell = Cell::new(&text.text).set_alignment(heading.alignment);
    match text.tone {
        Some(tone) if look.colours => match tone {
            Tone::Good => cell.fg(Color::DarkGreen),
            Tone::Warn => cell.fg(Color::DarkYellow),
            Tone::Bad => cell.fg(Color::DarkRed),
            Tone::Quiet => cell.add_attribute(Attribute::Dim),
            Tone::Strong => cell.add_attribute(Attribute::Bold),
        },
        Some(_) | None => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["STATE", "MESSAGES", "WHY"]).right([1]);
        table.row(["queued", "1,200", ""]);
        table.row([
            Text::from("failed"),
            "7".into(),
            Text::toned(
                Tone::Bad,
                "the number is not on WhatsApp, has a very old app, or has not accepted the terms",
            ),
        ]);
        table
    }

    #[test]
    fn numbers_stand_to_the_right_and_long_texts_wrap() {
        insta::assert_snapshot!(sample().indent(2).render(Look::plain(60)), @r#"
        STATE   MESSAGES  WHY
        queued     1,200
        failed         7  the number is not on WhatsApp, has a
                          very old app, or has not accepted the
                          terms
        "#);
    }

    #[test]
    fn fits_the_screen() {
        for width in [40, 60, 80, 200] {
            for line in sample().render(Look::plain(width)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(Table::new(["A", "B"]).render(Look::plain(80)), "");
    }

    #[test]
    fn colours_add_nothing_but_colours() {
        let painted = sample().render(Look { width: 200, colours: true });
        assert!(painted.contains('\u{1b}'));
        assert!(!sample().render(Look::plain(200)).contains('\u{1b}'));
    }
}
