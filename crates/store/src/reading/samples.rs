//! How far campaigns were over time.

use campaign::money::Micros;

use crate::StoreError;
use crate::by_name::by_name;
use crate::codec::{number, time};
use crate::model::Sample;

type Result<T> = std::result::Result<T, StoreError>;

by_name! {
    /// How far a campaign was.
    pub(crate) struct SampleColumns {
        sampled_at: i64,
        handled: i64,
        delivered: i64,
        read: i64,
        failed: i64,
        spent: i64,
    }
}

impl SampleColumns {
    fn shown(self) -> Result<Sample> {
        Ok(Sample {
            at: time("campaign_samples.sampled_at", self.sampled_at)?,
            handled: number("campaign_samples.handled", self.handled)?,
            delivered: number("campaign_samples.delivered", self.delivered)?,
            read: number("campaign_samples.read", self.read)?,
            failed: number("campaign_samples.failed", self.failed)?,
            spent: Micros(self.spent),
        })
    }
}

/// At most `most` of them, at even distances; the last one is always among them.
pub(crate) fn thinned(rows: Vec<SampleColumns>, most: usize) -> Result<Vec<Sample>> {
    let step = rows.len().div_ceil(most.max(1)).max(1);
    let last = rows.len().saturating_sub(1);
    let kept = rows.into_iter().enumerate().filter(|(place, _)| (last - place).is_multiple_of(step));
    kept.map(|(_, row)| row.shown()).collect()
}
