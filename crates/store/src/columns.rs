//! A row of any database, read column by column.

use sqlx::{ColumnIndex, Database, Decode, Row, Type};

use crate::StoreError;
use crate::codec::failed;

type Result<T> = std::result::Result<T, StoreError>;

/// Columns of a row, one after the other. Numbers are 64 bits wide in every database.
pub(crate) trait Columns {
    /// A number.
    fn number(&mut self) -> Result<i64>;
    /// A number, where there is one.
    fn optional_number(&mut self) -> Result<Option<i64>>;
    /// A text.
    fn text(&mut self) -> Result<String>;
    /// A text, where there is one.
    fn optional_text(&mut self) -> Result<Option<String>>;
    /// Yes or no.
    fn flag(&mut self) -> Result<bool>;
}

/// The columns of one row, from its first.
#[derive(Debug)]
pub(crate) struct Reader<'r, R> {
    row: &'r R,
    next: usize,
}

impl<'r, R> Reader<'r, R> {
    /// Reads a row from its first column.
    pub(crate) fn new(row: &'r R) -> Self {
        Self { row, next: 0 }
    }
}

impl<'r, R: Row> Reader<'r, R>
where
    usize: ColumnIndex<R>,
{
    fn read<T: Decode<'r, R::Database> + Type<R::Database>>(&mut self) -> Result<T> {
        let value = self.row.try_get(self.next).map_err(failed("read a row"))?;
        self.next += 1;
        Ok(value)
    }
}

impl<'r, R, DB> Columns for Reader<'r, R>
where
    DB: Database,
    R: Row<Database = DB>,
    usize: ColumnIndex<R>,
    i64: Decode<'r, DB> + Type<DB>,
    bool: Decode<'r, DB> + Type<DB>,
    String: Decode<'r, DB> + Type<DB>,
{
    fn number(&mut self) -> Result<i64> {
        self.read()
    }

    fn optional_number(&mut self) -> Result<Option<i64>> {
        self.read()
    }

    fn text(&mut self) -> Result<String> {
        self.read()
    }

    fn optional_text(&mut self) -> Result<Option<String>> {
        self.read()
    }

    fn flag(&mut self) -> Result<bool> {
        self.read()
    }
}
