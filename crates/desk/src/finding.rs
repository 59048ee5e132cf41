//! Campaigns by their keys.

use campaign::document::nearest;
use campaign::series::series_of;
use store::Store;
use store::model::{CampaignRow, Listing, Unreadable};

use crate::DeskError;

type Result<T> = std::result::Result<T, DeskError>;

/// The campaign with this key, or the runs of the recurring one; all without a key.
///
/// # Errors
/// As [`find`].
pub async fn listing(store: &dyn Store, key: Option<&str>) -> Result<Listing> {
    match key {
        Some(key) if store.series(key).await?.is_some() => runs_of(store, key).await,
        Some(key) => Ok(Listing { campaigns: vec![find(store, key).await?], ..Listing::default() }),
        None => Ok(store.campaigns().await?),
    }
}

/// The runs of a recurring campaign, newest first.
///
/// # Errors
/// The store's.
pub async fn runs_of(store: &dyn Store, series: &str) -> Result<Listing> {
    let Listing { mut campaigns, mut unreadable } = store.campaigns().await?;
    let is_run = |key: &str| series_of(key) == Some(series);
    campaigns.retain(|row| is_run(&row.key));
    unreadable.retain(|one| is_run(&one.key));
    Ok(Listing { campaigns, unreadable })
}

/// The campaign with this key.
///
/// # Errors
/// [`DeskError::NotFound`] when there is none, with the nearest key that there is.
pub async fn find(store: &dyn Store, key: &str) -> Result<CampaignRow> {
    if let Some(row) = store.campaign(key).await? {
        return Ok(row);
    }
    let listing = store.campaigns().await?;
    let series = store.all_series().await?.series;
    let keys: Vec<String> = listing
        .campaigns
        .into_iter()
        .map(|row| row.key)
        .chain(series.into_iter().map(|row| row.key))
        .collect();
    Err(DeskError::NotFound(unknown(key, &keys)))
}

/// That every campaign of a listing could be read. Asked after the others were answered for.
///
/// # Errors
/// [`DeskError::Unreadable`]: some could not; a sentence for each.
pub fn all_readable(unreadable: &[Unreadable]) -> Result<()> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = unreadable.iter().map(|one| one.error.to_string()).collect();
    Err(DeskError::Unreadable(said.join("; ")))
}

pub(crate) fn unknown(key: &str, keys: &[String]) -> String {
    let help = match nearest(key, keys.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None if keys.is_empty() => "none was launched on this database yet: see `paceline launch`".to_owned(),
        None => "`paceline status` lists all".to_owned(),
    };
    format!("there is no campaign \"{key}\"; {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_gets_a_suggestion() {
        let keys = ["diwali-2026-in".to_owned(), "spring".to_owned()];
        assert_eq!(
            unknown("diwali-2026", &keys),
            "there is no campaign \"diwali-2026\"; did you mean diwali-2026-in?"
        );
        assert_eq!(unknown("xmas", &keys), "there is no campaign \"xmas\"; `paceline status` lists all");
        assert!(unknown("xmas", &[]).ends_with("see `paceline launch`"));
    }
}
