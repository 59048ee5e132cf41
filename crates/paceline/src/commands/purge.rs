//! `paceline purge --campaign C | --recipient ADDRESS`: takes out of the database what is of people, and leaves what was
//! counted.

use campaign::audience::{UserId, normalise};
use campaign::ids::Seq;
use campaign::message::State;
use campaign::pacing::format_duration;
use campaign::{follow_up, lifecycle};
use serde::Serialize;
use store::Store;
use store::model::CampaignRow;
use store::purge::PersonPurge;

use crate::app::App;
use crate::commands::audit::Doing;
use crate::commands::control;
use crate::failure::Failure;
use crate::output::{self, Look, Progress, format};

/// How many rows of the audience one transaction purges.
const ROWS: u32 = 5_000;

/// Whom to purge.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Args {
    /// Everybody in a campaign that is over, and in its follow-ups
    #[arg(long, value_name = "CAMPAIGN")]
    campaign: Option<String>,
    /// A person, in all campaigns: a number (+country code) or business-scoped user id
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
}

impl Args {
    /// What it is about to do. Whom is not said: nothing of them is to be left.
    pub(crate) fn doing(&self) -> Doing {
        Doing::new("purge", self.campaign.as_deref().unwrap_or("a person"))
    }
}

/// What `purge --json` prints; its field names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Purged {
    /// The campaigns that were purged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    campaigns: Vec<String>,
    /// Launches that were never completed, of which nothing is left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<String>,
    /// Messages that are nobody's now, and were somebody's before.
    messages: u64,
    /// Of these, messages that were still to be sent, and are skipped.
    skipped: u64,
    /// Rows that planning had refused and that may have been theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    excluded: Option<u64>,
    /// Whether the person is on the do-not-send list, and stays there.
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<bool>,
    /// The folder in which webhooks name people until they are old enough to be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let mut purged = match (&args.campaign, &args.recipient) {
        (Some(key), _) => campaign(app, &*store, key).await?,
        (None, Some(address)) => person(app, &*store, address).await?,
        (None, None) => return Err(Failure::BadUse("name a --campaign or a --recipient".to_owned())),
    };
    purged.archive.clone_from(&app.config.webhook.archive);
    if app.json {
        output::print_json(&purged)?;
    } else {
        let keep = format_duration(app.config.webhook.archive_keep);
        output::print(&render(&purged, &keep, Look::of_stdout()))?;
    }
    Ok(())
}

async fn campaign(app: &App, store: &dyn Store, key: &str) -> Result<Purged, Failure> {
    if store.series(key).await?.is_some() {
        return Err(Failure::BadUse(format!(
            "{key} is a recurring campaign, which has no recipients; purge its runs, as `paceline status {key}` lists them"
        )));
    }
    // They have no key any more by which they could be named.
    store.remove_left_behind(app.clock.now()).await?;
    let row = control::find(store, key).await?;
    let mut purged = Purged::default();
    if row.state == lifecycle::State::Loading {
        remove_launch(app, store, row, &mut purged).await?;
        return Ok(purged);
    }
    let follow_ups = follow_ups(app, store, &row, &mut purged).await?;
    // A follow-up's messages have the seq that they have in its campaign.
    let rows = match row.follow_up_of {
        Some(of) => store.campaign_by_id(of).await?.map_or(row.totals, |of| of.totals).planned,
        None => row.totals.planned,
    };
    let all: Vec<&CampaignRow> = std::iter::once(&row).chain(&follow_ups).collect();
    for row in &all {
        is_over(row)?;
    }
    let last = u32::try_from(rows).unwrap_or(u32::MAX);
    let total = rows.saturating_mul(all.len() as u64);
    let progress = if app.json { Progress::hidden() } else { Progress::new("purging", Some(total)) };
    for (row, before) in all.iter().zip((0_u64..).map(|number| number.saturating_mul(rows))) {
        let mut from = 0;
        while from < last {
            let to = from.saturating_add(ROWS).min(last);
            purged.messages += store.purge_rows(row.id, Seq(from), Seq(to)).await?;
            progress.set(before + u64::from(to));
            from = to;
        }
        purged.campaigns.push(row.key.clone());
    }
    // Of a follow-up that was made meanwhile nothing was asked.
    match self::follow_ups(app, store, &row, &mut purged).await?.get(follow_ups.len()) {
        None => Ok(purged),
        Some(newer) => Err(Failure::Refused(format!(
            "{} was launched meanwhile and has recipients of {key}, which is purged but for these: purge {key} again when \
             that is over",
            newer.key
        ))),
    }
}

/// The follow-ups of a campaign. One that is being made reads whom it goes to and is refused; one that was never
/// completed is removed.
async fn follow_ups(
    app: &App,
    store: &dyn Store,
    of: &CampaignRow,
    purged: &mut Purged,
) -> Result<Vec<CampaignRow>, Failure> {
    let follow_ups = store.follow_ups(of.id).await?;
    control::all_readable(&follow_ups.unreadable)?;
    let next = u32::try_from(follow_ups.campaigns.len()).unwrap_or(u32::MAX).saturating_add(1);
    let next = store.campaign(&follow_up::key(&of.key, next)).await?;
    if let Some(next) = next.filter(|next| next.state == lifecycle::State::Loading) {
        remove_launch(app, store, next, purged).await?;
    }
    Ok(follow_ups.campaigns)
}

/// Removes a launch that was never completed.
async fn remove_launch(
    app: &App,
    store: &dyn Store,
    row: CampaignRow,
    purged: &mut Purged,
) -> Result<(), Failure> {
    if !store.remove_dead_launch(row.id, app.clock.now()).await? {
        return Err(Failure::Refused(format!(
            "campaign {} is being launched, or was a moment ago: try again in a minute",
            row.key
        )));
    }
    purged.removed.push(row.key);
    Ok(())
}

/// That nothing of a campaign can be sent any more.
fn is_over(row: &CampaignRow) -> Result<(), Failure> {
    if !row.state.is_over() {
        return Err(Failure::Refused(format!(
            "campaign {} is {}, and only what is over is purged: wait until it is done, or `paceline cancel {0}`",
            row.key, row.state
        )));
    }
    let under_way = row.count(State::Queued) + row.count(State::Retrying) + row.count(State::Sending);
    if under_way > 0 {
        return Err(Failure::Refused(format!(
            "{} of campaign {} with a worker, or about to be skipped: try again in a minute",
            are(under_way),
            row.key
        )));
    }
    Ok(())
}

async fn person(app: &App, store: &dyn Store, address: &str) -> Result<Purged, Failure> {
    let address = match UserId::parse(address) {
        Ok(id) => id.as_str().to_owned(),
        Err(_) => normalise(address, None)
            .map_err(|refused| Failure::BadUse(format!("{address}: {refused}")))?
            .to_string(),
    };
    match store.purge_person(&address, app.clock.now()).await? {
        PersonPurge::UnderWay(campaigns) => {
            let mut keys = Vec::new();
            for id in campaigns {
                keys.extend(store.campaign_by_id(id).await?.map(|row| row.key));
            }
            Err(Failure::Refused(format!(
                "a message to this person is with a worker, in doubt or being launched in {}; nothing was changed. Try \
                 again in a minute; what is in doubt waits for its status, its campaign's policy or `paceline doubt`",
                keys.join(", ")
            )))
        }
        PersonPurge::Done { messages, skipped, excluded } => {
            let suppressed = !store.suppressed(std::slice::from_ref(&address)).await?.is_empty();
            let excluded = Some(excluded);
            Ok(Purged { messages, skipped, excluded, suppressed: Some(suppressed), ..Purged::default() })
        }
    }
}

fn render(purged: &Purged, keep: &str, look: Look) -> String {
    let mut sentences = Vec::new();
    if !purged.campaigns.is_empty() {
        let keys = purged.campaigns.join(", ");
        let are_purged = if purged.campaigns.len() == 1 { "is purged" } else { "are purged" };
        sentences.push(format!(
            "{keys} {are_purged}: {} nobody's now. What was counted and spent stays, in `paceline report` as in \
             `paceline status`. Frequency caps do not count these messages any more, and `paceline retry` leaves \
             them out.",
            are(purged.messages)
        ));
    }
    for key in &purged.removed {
        sentences.push(format!(
            "The launch of {key} was never completed: all of it is removed, and its key may be launched again."
        ));
    }
    if let Some(is_suppressed) = purged.suppressed {
        let skipped = match purged.skipped {
            0 => String::new(),
            1 => "; 1 of them was still to be sent, and is skipped".to_owned(),
            skipped => format!("; {} of them were still to be sent, and are skipped", format::count(skipped)),
        };
        sentences.push(format!("{} nobody's now{skipped}.", are(purged.messages)));
        match purged.excluded {
            None | Some(0) => {}
            Some(1) => sentences.push("So is 1 row that planning had refused.".to_owned()),
            Some(rows) => {
                sentences.push(format!("So are {} rows that planning had refused.", format::count(rows)));
            }
        }
        sentences.push(
            if is_suppressed {
                "The address stays on the do-not-send list, or it would be written to again; `paceline suppress remove` \
                 takes it off."
            } else {
                "The address is not on the do-not-send list: `paceline suppress add` keeps it from being written to \
                 again, where an audience still has it."
            }
            .to_owned(),
        );
    }
    if let Some(folder) = &purged.archive {
        sentences.push(format!(
            "The archive of webhooks in {folder} is as it was: it names people until its files are {keep} old and are \
             deleted."
        ));
    }
    sentences
        .push("Backups, audience files and reports that were written are yours to look after.".to_owned());
    let lines: Vec<String> = sentences.iter().map(|sentence| look.wrap(sentence, 0)).collect();
    lines.join("\n")
}

fn are(messages: u64) -> String {
    format!("{} {}", format::counted(messages, "message"), if messages == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_campaign_is_said() {
        let purged = Purged {
            campaigns: vec!["diwali".to_owned(), "diwali+retry-1".to_owned()],
            messages: 12_345,
            archive: Some("webhooks".to_owned()),
            ..Purged::default()
        };
        insta::assert_snapshot!(render(&purged, "30d", Look::plain(100)), @r"
        diwali, diwali+retry-1 are purged: 12,345 messages are nobody's now. What was counted and spent
        stays, in `paceline report` as in `paceline status`. Frequency caps do not count these messages any
        more, and `paceline retry` leaves them out.
        The archive of webhooks in webhooks is as it was: it names people until its files are 30d old and
        are deleted.
        Backups, audience files and reports that were written are yours to look after.
        ");
    }

    #[test]
    fn what_became_of_launches_that_died_is_said() {
        let purged = Purged { removed: vec!["holi".to_owned()], ..Purged::default() };
        insta::assert_snapshot!(render(&purged, "30d", Look::plain(100)), @r"
        The launch of holi was never completed: all of it is removed, and its key may be launched again.
        Backups, audience files and reports that were written are yours to look after.
        ");
    }

    #[test]
    fn what_became_of_a_person_is_said() {
        let purged = Purged { messages: 3, skipped: 1, suppressed: Some(false), ..Purged::default() };
        insta::assert_snapshot!(render(&purged, "30d", Look::plain(100)), @r"
        3 messages are nobody's now; 1 of them was still to be sent, and is skipped.
        The address is not on the do-not-send list: `paceline suppress add` keeps it from being written to
        again, where an audience still has it.
        Backups, audience files and reports that were written are yours to look after.
        ");
        let purged = Purged { messages: 1, excluded: Some(2), suppressed: Some(true), ..Purged::default() };
        insta::assert_snapshot!(render(&purged, "30d", Look::plain(100)), @r"
        1 message is nobody's now.
        So are 2 rows that planning had refused.
        The address stays on the do-not-send list, or it would be written to again; `paceline suppress
        remove` takes it off.
        Backups, audience files and reports that were written are yours to look after.
        ");
    }
}
