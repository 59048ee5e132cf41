//! Rows that are read by the names of their columns.

/// Makes a struct that sqlx reads from a row of any database, each field from the column of its name. (sqlx's own derive
/// would compile every driver a second time, for the compiler.)
macro_rules! by_name {
    (
        $(#[$attribute:meta])*
        $vis:vis struct $name:ident {
            $($field_vis:vis $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        $vis struct $name {
            $($field_vis $field: $type,)*
        }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $name
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)*
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }
    };
}
pub(crate) use by_name;
