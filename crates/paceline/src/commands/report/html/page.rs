//! What a page is made of, and its template. The template escapes every text; charts are put in as they are, as the crate
//! `charts` escapes theirs.

use std::io::{self, Write};

use askama::Template;

use super::style;

/// A page.
#[derive(Debug, Clone, Template)]
#[template(path = "report/report.html")]
pub(in super::super) struct Page {
    title: String,
    style: String,
    policy: String,
    facts: Vec<(&'static str, String)>,
    notices: Vec<String>,
    tiles: Vec<Tile>,
    sections: Vec<Section>,
    footer: String,
}

/// A main number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

/// A part of the page with a heading of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Section {
    /// Unique on the page.
    pub(in super::super) id: &'static str,
    pub(in super::super) heading: &'static str,
    pub(in super::super) said: Vec<String>,
    pub(in super::super) figures: Vec<Figure>,
    pub(in super::super) tables: Vec<Grid>,
    /// What something means: its name, and sentences on it.
    pub(in super::super) meanings: Vec<(String, String)>,
    /// Whether its tables are narrow, and stand beside its figure where there is room.
    pub(in super::super) is_beside: bool,
    /// What has to be known to read it.
    pub(in super::super) caveat: Option<&'static str>,
}

/// A chart and its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Figure {
    pub(in super::super) caption: String,
    pub(in super::super) svg: String,
    pub(in super::super) numbers: Grid,
}

/// A table: the first cell of each row says what the row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Grid {
    caption: String,
    headings: Vec<Heading>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Heading {
    text: String,
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    text: String,
    class: &'static str,
}

/// The class of cells with numbers, which stand to the right.
const NUMBER: &str = "number";

impl Page {
    pub(in super::super) fn new(
        title: String,
        facts: Vec<(&'static str, String)>,
        notices: Vec<String>,
        tiles: Vec<Tile>,
        sections: Vec<Section>,
        footer: String,
    ) -> Self {
        let style = style::sheet();
        let policy = style::policy(&style);
        let sections = sections.into_iter().filter(|section| !section.is_empty()).collect();
        Self { title, style, policy, facts, notices, tiles, sections, footer }
    }
}

impl Section {
    fn is_empty(&self) -> bool {
        self.said.is_empty() && self.figures.is_empty() && self.tables.is_empty() && self.meanings.is_empty()
    }
}

impl Grid {
    /// A table with a caption and these columns; those whose headings end in `#` hold numbers.
    pub(in super::super) fn new<'h>(
        caption: impl Into<String>,
        headings: impl IntoIterator<Item = &'h str>,
    ) -> Self {
        let heading = |text: &str| match text.strip_suffix('#') {
            Some(text) => Heading { text: text.to_owned(), class: NUMBER },
            None => Heading { text: text.to_owned(), class: "" },
        };
        Self {
            caption: caption.into(),
            headings: headings.into_iter().map(heading).collect(),
            rows: Vec::new(),
        }
    }

    /// A row, with a cell for each column.
    pub(in super::super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().zip(&self.headings);
        self.rows.push(cells.map(|(text, heading)| Cell { text, class: heading.class }).collect());
    }

    /// Whether it has no row.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Writes a page.
///
/// # Errors
/// It could not be written.
pub(in super::super) fn write(page: &Page, mut target: impl Write) -> io::Result<()> {
    page.write_into(&mut target)?;
    target.flush()
}
