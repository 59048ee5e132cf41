//! Fills a definition's parameters from a row: compiled once per definition and file header, cheap per row.
//!
//! Literal texts and plain columns never reach the template engine; the engine sees only the columns that
//! the definition uses, and only for rows that need it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use rust_decimal::Decimal;

use super::expression::{Expression, Piece, pieces, reason};
use super::fill::Fill;
use super::filters;
use super::model::Definition;
use super::params::Params;
use crate::document::nearest;
use crate::params::Content;
use crate::problem::Problems;

/// A row of an audience: its cells by the number of their column.
pub trait Cells {
    /// The cell of a column; empty where the row has none.
    fn cell(&self, column: usize) -> &str;
}

impl<S: AsRef<str>> Cells for [S] {
    fn cell(&self, column: usize) -> &str {
        self.get(column).map_or("", AsRef::as_ref)
    }
}

impl<S: AsRef<str>> Cells for Vec<S> {
    fn cell(&self, column: usize) -> &str {
        self.as_slice().cell(column)
    }
}

impl<S: AsRef<str>, const N: usize> Cells for [S; N] {
    fn cell(&self, column: usize) -> &str {
        self.as_slice().cell(column)
    }
}

impl Cells for crate::audience::Row {
    fn cell(&self, column: usize) -> &str {
        self.get(column)
    }
}

/// What a row makes of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// What fills the template.
    pub content: Content,
    /// What scales the max price of this message; above 0. `None` where there is no max price.
    pub multiplier: Option<Decimal>,
}

/// Why a row does not render: which parameter, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {parameter} {reason}")]
pub struct RenderError {
    /// The parameter as the file names it, without the leading `params.`: `body[1]`.
    pub parameter: String,
    /// What is wrong and what to do: `is empty: column first_name has no value; …`.
    pub reason: String,
}

impl RenderError {
    pub(super) fn new(parameter: &str, reason: impl Into<String>) -> Self {
        Self { parameter: parameter.to_owned(), reason: reason.into() }
    }
}

/// Fills the parameters of one definition from rows of one header.
pub struct Renderer {
    /// The columns that expressions use: name, and number in the header.
    columns: Vec<(String, usize)>,
    base: Params<Slot>,
    /// For each variant its own parameters, or none where it has the campaign's.
    variants: Vec<Option<Params<Slot>>>,
    multiplier: Option<Slot>,
    zone: chrono_tz::Tz,
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// An expression, compiled, with the path that names it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) path: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Column { index: usize, name: String, default: Option<String> },
    Computed { expression: super::expression::Computed, names: Arc<[Binding]> },
}

/// A name inside an expression, and the number of its column.
#[derive(Debug)]
struct Binding {
    name: String,
    column: String,
    index: usize,
}

/// The value of a slot for one row.
pub(super) enum Filled<'r> {
    /// A text.
    Text(Cow<'r, str>),
    /// What a single expression made that is not a text: only JSON keeps the difference.
    Other(Value),
}

impl Renderer {
    /// Compiles a definition for rows with this header.
    ///
    /// # Errors
    /// Every use of a column that the header does not have, with its place in the campaign file.
    pub fn new<S: AsRef<str>>(definition: &Definition, header: &[S]) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, name) in header.iter().enumerate() {
            by_name.entry(name.as_ref()).or_insert(index);
        }
        for used in definition.columns_used() {
            if by_name.contains_key(used.column.as_str()) {
                continue;
            }
            let said =
                format!("uses column {}, which {} does not have", used.column, definition.audience.file);
            let help = match nearest(&used.column, by_name.keys().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("its columns are {}", some(header)),
            };
            problems.push(definition.places.problem(&used.path, said).help(help));
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(Problems(problems));
        }
        let compiler = Compiler { by_name: &by_name };
        let compiled = Self::compile(definition, &compiler);
        let Ok((base, variants, multiplier)) = compiled.map_err(|(path, said)| {
            // `Definition::parse` has checked all expressions: only a damaged frozen definition comes here.
            problems.push(definition.places.problem(&path, said));
        }) else {
            return Err(Problems(problems));
        };
        let mut columns: Vec<(String, usize)> = definition
            .columns_used()
            .into_iter()
            .filter_map(|used| by_name.get(used.column.as_str()).map(|index| (used.column.clone(), *index)))
            .collect();
        columns.sort();
        columns.dedup();
        Ok(Self { columns, base, variants, multiplier, zone: definition.schedule.zone })
    }

    #[expect(
        clippy::type_complexity,
        reason = "the three parts of a renderer, named at the one place they are used"
    )]
    fn compile(
        definition: &Definition,
        compiler: &Compiler<'_>,
    ) -> Result<(Params<Slot>, Vec<Option<Params<Slot>>>, Option<Slot>), (String, String)> {
        let base = definition.params.try_map(&mut |path, e| compiler.slot(path, e))?;
        let variants = definition
            .variants
            .iter()
            .map(|variant| match &variant.params {
                Some(params) => params.try_map(&mut |path, e| compiler.slot(path, e)).map(Some),
                None => Ok(None),
            })
            .collect::<Result<_, _>>()?;
        let multiplier = match &definition.delivery.max_price {
            Some(max_price) => Some(compiler.slot("max_price.multiplier", &max_price.multiplier)?),
            None => None,
        };
        Ok((base, variants, multiplier))
    }

    /// The columns it reads: name, and number in the header. In alphabetical order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, usize)> {
        self.columns.iter().map(|(name, index)| (name.as_str(), *index))
    }

    /// Fills the parameters of a variant (`None`: a campaign without variants) from a row.
    ///
    /// # Errors
    /// The first parameter that does not render: empty without a default, too long, not what its kind needs.
    pub fn render(&self, variant: Option<usize>, row: &dyn Cells) -> Result<Rendered, RenderError> {
        let row = Row::new(row);
        let params =
            variant.and_then(|i| self.variants.get(i)).and_then(Option::as_ref).unwrap_or(&self.base);
        let content = Fill { row: &row, zone: self.zone }.content(params)?;
        let multiplier = match &self.multiplier {
            None => None,
            Some(slot) => Some(multiplier(slot, &row)?),
        };
        Ok(Rendered { content, multiplier })
    }
}

fn multiplier(slot: &Slot, row: &Row<'_>) -> Result<Decimal, RenderError> {
    let text = slot.text(row)?;
    Decimal::from_str_exact(text.trim()).ok().filter(|value| *value > Decimal::ZERO).ok_or_else(|| {
        RenderError::new(&slot.path, format!("is \"{}\", which is not a number above 0", shown(&text)))
    })
}

pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text of an expression without columns; `None` where it has columns or does not render.
pub(super) fn constant(expression: &Expression) -> Option<String> {
    let by_name = BTreeMap::new();
    let slot = Compiler { by_name: &by_name }.slot("", expression).ok()?;
    let cells: [&str; 0] = [];
    let row = Row::new(&cells);
    slot.text(&row).ok().map(Cow::into_owned)
}

fn some<S: AsRef<str>>(header: &[S]) -> String {
    let shown: Vec<&str> = header.iter().take(12).map(AsRef::as_ref).collect();
    let more = if header.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

struct Compiler<'h> {
    by_name: &'h BTreeMap<&'h str, usize>,
}

impl Compiler<'_> {
    fn slot(&self, path: &str, expression: &Expression) -> Result<Slot, (String, String)> {
        let wrong = |said: String| (format!("params.{path}"), said);
        let index = |name: &str| {
            self.by_name
                .get(name)
                .copied()
                .ok_or_else(|| wrong(format!("uses column {name}, which does not exist")))
        };
        let mut parts = Vec::new();
        for piece in pieces(expression.source()).map_err(|error| wrong(error.to_string()))? {
            parts.push(match piece {
                Piece::Literal(text) => Part::Literal(text),
                Piece::Column { name, default } => Part::Column { index: index(&name)?, name, default },
                Piece::Computed(expression) => {
                    let names: Vec<Binding> = expression
                        .columns
                        .iter()
                        .map(|(name, column)| {
                            let index = index(column)?;
                            Ok::<Binding, (String, String)>(Binding {
                                name: name.clone(),
                                column: column.clone(),
                                index,
                            })
                        })
                        .collect::<Result<_, _>>()?;
                    Part::Computed { expression, names: names.into() }
                }
            });
        }
        Ok(Slot { path: path.to_owned(), parts })
    }
}

/// A row while it is rendered.
pub(super) struct Row<'r> {
    cells: &'r dyn Cells,
}

impl<'r> Row<'r> {
    fn new(cells: &'r dyn Cells) -> Self {
        Self { cells }
    }
}

/// The columns of one expression as the engine sees them.
#[derive(Debug)]
struct Scope {
    names: Arc<[Binding]>,
    values: Vec<Value>,
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let at = self.names.iter().position(|binding| binding.name == key)?;
        self.values.get(at).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl Slot {
    /// Whether it is a blank text without expressions, which only JSON data may be.
    pub(super) fn is_blank_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(text) if text.trim().is_empty()))
    }

    /// Its literal texts.
    pub(super) fn literal(&self) -> String {
        let literal = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Column { .. } | Part::Computed { .. } => String::new(),
        };
        self.parts.iter().map(literal).collect()
    }

    /// The text for a row. Never blank.
    pub(super) fn text<'r>(&'r self, row: &Row<'r>) -> Result<Cow<'r, str>, RenderError> {
        Ok(match self.fill(row)? {
            Filled::Text(text) => text,
            Filled::Other(value) => filters::text(&value).into(),
        })
    }

    /// The value for a row: not a text only where the slot is one expression that makes something else.
    pub(super) fn fill<'r>(&'r self, row: &Row<'r>) -> Result<Filled<'r>, RenderError> {
        if let [part] = self.parts.as_slice() {
            let filled = self.part(part, row)?;
            return match &filled {
                Filled::Text(text) if text.trim().is_empty() => Err(self.empty(row)),
                Filled::Other(value) if value.is_undefined() || value.is_none() => Err(self.empty(row)),
                Filled::Text(_) | Filled::Other(_) => Ok(filled),
            };
        }
        let mut out = String::new();
        for part in &self.parts {
            match self.part(part, row)? {
                Filled::Text(text) => out.push_str(&text),
                Filled::Other(value) => out.push_str(&filters::text(&value)),
            }
        }
        if out.trim().is_empty() { Err(self.empty(row)) } else { Ok(Filled::Text(out.into())) }
    }

    fn part<'r>(&'r self, part: &'r Part, row: &Row<'r>) -> Result<Filled<'r>, RenderError> {
        match part {
            Part::Literal(text) => Ok(Filled::Text(text.as_str().into())),
            Part::Column { index, name, default } => {
                let cell = row.cells.cell(*index);
                if !cell.trim().is_empty() {
                    return Ok(Filled::Text(cell.into()));
                }
                match default {
                    Some(default) => Ok(Filled::Text(default.as_str().into())),
                    None => Err(self.no_value(&[name.as_str()])),
                }
            }
            Part::Computed { expression, names } => {
                let values = names.iter().map(|binding| Value::from(row.cells.cell(binding.index))).collect();
                let scope = Value::from_object(Scope { names: Arc::clone(names), values });
                let value = expression.program.eval(scope).map_err(|error| {
                    RenderError::new(&self.path, format!("cannot be computed: {}", reason(&error)))
                })?;
                let filled = match value.as_str() {
                    Some(text) => Filled::Text(text.to_owned().into()),
                    None => Filled::Other(value),
                };
                let blank = match &filled {
                    Filled::Text(text) => text.trim().is_empty(),
                    Filled::Other(value) => value.is_undefined() || value.is_none(),
                };
                if blank && !expression.may_be_empty {
                    return Err(self.empty(row));
                }
                Ok(filled)
            }
        }
    }

    /// The error of a slot that came out blank: names the columns without a value.
    fn empty(&self, row: &Row<'_>) -> RenderError {
        let mut blank: Vec<&str> = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(_) => {}
                Part::Column { index, name, .. } => {
                    if row.cells.cell(*index).trim().is_empty() {
                        blank.push(name);
                    }
                }
                Part::Computed { names, .. } => {
                    let empty =
                        names.iter().filter(|binding| row.cells.cell(binding.index).trim().is_empty());
                    blank.extend(empty.map(|binding| binding.column.as_str()));
                }
            }
        }
        blank.sort_unstable();
        blank.dedup();
        if blank.is_empty() {
            return RenderError::new(&self.path, "is empty; make the expression give a text");
        }
        self.no_value(&blank)
    }

    fn no_value(&self, columns: &[&str]) -> RenderError {
        let (noun, verb) = if columns.len() == 1 { ("column", "has") } else { ("columns", "have") };
        let names = columns.join(" and ");
        RenderError::new(&self.path, format!("is empty: {noun} {names} {verb} no value; add | default('…')"))
    }
}
