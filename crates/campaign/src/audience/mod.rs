//! Rows of an audience file, phone numbers, countries and time zones.
//!
//! | file | is responsible for |
//! | --- | --- |
//! | `reader` | the rows of a CSV or NDJSON file, streamed, each with its line |
//! | `source` | what is on the disk: gzip, zstd or plain, hashed as it is read |
//! | `window` | the part of the text that is in memory |
//! | `csv_row`, `ndjson_row` | one row in either format |
//! | `phone` | phone numbers as people type them, to E.164 |
//! | `mask` | addresses with most of them hidden, for logs and lists |
//! | `user_id` | business-scoped user ids |
//! | `country`, `country_table` | what a country means: name, zone, delivery, optimisation |
//! | `zone` | the recipient's time zone |
//!
//! ```
//! use campaign::audience::{AudienceReader, Country, Row, normalise};
//!
//! let file = "name,phone\n\"Rao, Asha\",098765 43210\n";
//! let mut reader = AudienceReader::open("customers.csv", file.as_bytes()).unwrap();
//! let phone = reader.column("phone").unwrap();
//! let mut row = Row::default();
//! reader.next_row(&mut row).unwrap().unwrap();
//! assert_eq!((row.line(), row.get(0), row.get(phone)), (2, "Rao, Asha", "098765 43210"));
//! let india: Country = "IN".parse().unwrap();
//! assert_eq!(normalise(row.get(phone), Some(india)).unwrap().to_string(), "919876543210");
//! assert!(reader.next_row(&mut row).is_none());
//! ```

mod country;
mod country_table;
mod csv_row;
mod mask;
mod ndjson_row;
mod phone;
mod reader;
mod source;
mod user_id;
mod window;
mod zone;

pub use country::{Country, Delivery, NotACountry, NotDelivered, delivery_to, delivery_to_country};
pub use mask::mask_phone;
pub use phone::{Line, Phone, PhoneRefused, may_mean, normalise};
pub use reader::{AudienceReader, MAX_COLUMNS, Row, RowProblem};
pub use user_id::{UserId, UserIdRefused};
pub use window::MAX_ROW_BYTES;
pub use zone::{ZoneRefused, zone_for};
