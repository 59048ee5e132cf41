//! `paceline replay [--from TIME] [--to TIME] [FILES…]`: takes archived webhooks in once more, in the order in which they
//! came. For a database that was put back to a backup: afterwards it knows what it knew. What it knows already changes
//! nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use campaign::ids::CampaignId;
use campaign::lifecycle;
use campaign::problem::{Place, Problem};
use chrono::{DateTime, NaiveDate, Utc};
use reconciler::archive::{name, reader};
use reconciler::{Replay, Replayed};
use serde::Serialize;
use store::{Store, TransitionError};

use crate::app::App;
use crate::failure::Failure;
use crate::output::{self, Look, Progress, format};
use crate::roles;

/// What to take in.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what came from then on: 2026-11-22T14:00:00Z, or a day (UTC)
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Only what came before then
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<DateTime<Utc>>,
    /// Segments of the archive, or folders of them [default: the folder webhook.archive]
    files: Vec<PathBuf>,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    match text.parse::<NaiveDate>() {
        Ok(day) => Ok(day.and_time(chrono::NaiveTime::MIN).and_utc()),
        Err(_) => Err("write a time as 2026-11-22T14:00:00Z, or a day as 2026-11-22".to_owned()),
    }
}

/// What `replay --json` prints; its field names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Answer {
    segments: usize,
    /// Frames, or ends of segments, that a crash tore off or a disk damaged.
    torn: u64,
    #[serde(flatten)]
    replayed: Replayed,
    /// Campaigns that were sent further than this database knows.
    unsent: Vec<Unsent>,
    /// Campaigns that this database does not know at all.
    unknown: Vec<Unknown>,
}

/// A campaign that this database does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Unknown {
    number: i64,
    /// Messages of it that were sent, as far as their statuses tell.
    messages: u64,
}

/// A campaign that was sent further than this database knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Unsent {
    campaign: String,
    messages: u64,
    state: lifecycle::State,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from >= to
    {
        return Err(Failure::BadUse(format!(
            "--from {from} is not before --to {to}: nothing came in between"
        )));
    }
    let segments = segments(app, &args.files)?;
    let store = app.store().await?;
    let failed = |error: reconciler::archive::ArchiveError| Failure::Failed(error.into());
    let number = segments.len();
    let mut reader = reader::Reader::new(segments, args.from, args.to);
    let bytes = reader.bytes().map_err(failed)?;
    let progress =
        if app.json { Progress::hidden() } else { Progress::new("replaying (bytes)", Some(bytes)) };
    let senders = app.config.senders.iter().map(roles::known).collect();
    let mut replay = Replay::new(store.install_id().await?, senders, store.clone(), app.clock.clone());
    // Read piece by piece between two writes to the database: nothing else runs here that could be held up.
    while let Some(frame) = reader.next_frame().map_err(failed)? {
        replay.take(frame).await?;
        progress.set(reader.bytes_read());
    }
    let replayed = replay.finish().await?;
    drop(progress);
    let unsent = hold(&*store, &replayed.unsent, app.clock.now()).await?;
    let unknown = replayed.unknown.iter();
    let unknown = unknown.map(|(id, messages)| Unknown { number: id.0, messages: *messages }).collect();
    let answer = Answer { segments: number, torn: reader.torn(), replayed, unsent, unknown };
    if app.json {
        output::print_json(&answer)?;
    } else {
        output::print(&render(&answer, Look::of_stdout()))?;
    }
    let mut sentences = Vec::new();
    if !answer.unsent.is_empty() {
        let keys: Vec<&str> = answer.unsent.iter().map(|one| one.campaign.as_str()).collect();
        sentences.push(format!("{} would be sent in part again", keys.join(", ")));
    }
    if !answer.unknown.is_empty() {
        let campaigns = format::counted(answer.unknown.len() as u64, "campaign");
        sentences.push(format!("{campaigns} would be sent again if launched again"));
    }
    if sentences.is_empty() {
        return Ok(());
    }
    let sentence = format!("{}: see above", sentences.join("; "));
    Err(Failure::Answered { exit_code: 1, sentence })
}

/// The segments that are meant.
fn segments(app: &App, files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if files.is_empty() {
        let Some(folder) = &app.config.webhook.archive else {
            return Err(Failure::BadUse(
                "no webhooks are archived here, as webhook.archive names no folder; name the segments, or their folder"
                    .to_owned(),
            ));
        };
        return in_folder(Path::new(folder));
    }
    let mut segments = Vec::new();
    for file in files {
        if file.is_dir() {
            segments.extend(in_folder(file)?);
        } else if name::hour_in(file).is_none() {
            let shown = file.display().to_string();
            return Err(Problem::new(Place::file(shown), "is not named as a segment of the archive")
                .help("segments keep their names, as webhooks-20261122T14Z-….zst: their order is in them")
                .into());
        } else if file.is_file() {
            segments.push(file.clone());
        } else {
            return Err(Problem::new(Place::file(file.display().to_string()), "is not there")
                .help("check the path")
                .into());
        }
    }
    Ok(segments)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let segments = reader::segments(folder).map_err(|error| {
        let why = match &error {
            reconciler::archive::ArchiveError::File { source, .. } => crate::failure::reason(source),
            reconciler::archive::ArchiveError::Torn => error.to_string(),
        };
        Problem::new(
            Place::file(folder.display().to_string()),
            format!("cannot be read as an archive: {why}"),
        )
        .help("check the path")
    })?;
    if segments.is_empty() {
        return Err(Problem::new(Place::file(folder.display().to_string()), "has no segment of the archive")
            .help("segments are named webhooks-20261122T14Z-….zst")
            .into());
    }
    Ok(segments)
}

/// Pauses the campaigns that would send again what was sent.
async fn hold(
    store: &dyn Store,
    unsent: &BTreeMap<CampaignId, u64>,
    now: DateTime<Utc>,
) -> Result<Vec<Unsent>, Failure> {
    let mut held = Vec::new();
    for (id, messages) in unsent {
        let messages = *messages;
        let Some(row) = store.campaign_by_id(*id).await? else { continue };
        let reason = format!(
            "{} sent before the database was put back to an older state, and would be sent again; cancel it",
            were(messages)
        );
        let state = match store.transition(row.id, lifecycle::Event::Pause, Some(&reason), now).await {
            Ok(state) => state,
            // It sends nothing in the state that it is in, unless it is resumed or launched again.
            Err(TransitionError::Forbidden(_)) => row.state,
            Err(error) => return Err(error.into()),
        };
        held.push(Unsent { campaign: row.key, messages, state });
    }
    Ok(held)
}

fn were(messages: u64) -> String {
    format!("{} {}", format::counted(messages, "message"), if messages == 1 { "was" } else { "were" })
}

fn render(answer: &Answer, look: Look) -> String {
    let Answer { segments, torn, replayed, unsent, unknown } = answer;
    let (Some(first), Some(last)) = (replayed.first, replayed.last) else {
        return format!(
            "{} read; no webhook of that time is in them.",
            format::counted(*segments as u64, "segment")
        );
    };
    let count = format::count;
    let mut lines = vec![format!(
        "{} of {} to {} UTC, from {}.",
        format::counted(replayed.posts, "webhook"),
        first.format("%Y-%m-%d %H:%M:%S"),
        last.format("%Y-%m-%d %H:%M:%S"),
        format::counted(*segments as u64, "segment")
    )];
    lines.push(format!(
        "{} in them: {} moved a message, {} told nothing new, {} match no message that was sent and wait for one.",
        format::counted(replayed.events, "event"),
        count(replayed.applied),
        count(replayed.unchanged),
        count(replayed.parked)
    ));
    if replayed.unreadable > 0 {
        lines.push(format!("{} could not be read.", format::counted(replayed.unreadable, "webhook")));
    }
    if *torn > 0 {
        lines.push(format!(
            "{} torn or damaged and passed over: what a crash tore off was not answered, and came again.",
            if *torn == 1 { "1 piece was".to_owned() } else { format!("{} pieces were", count(*torn)) }
        ));
    }
    for Unsent { campaign, messages, state } in unsent {
        let were = were(*messages);
        let sentence = match state {
            lifecycle::State::Done | lifecycle::State::Cancelled | lifecycle::State::Settling => format!(
                "{campaign} is {state}, and sends nothing more. {were} sent after this database was backed up; what became of \
                 them is not known here."
            ),
            lifecycle::State::Loading => format!(
                "{campaign} was being launched when this database was backed up, and {were} sent since. Do not launch it \
                 again: whom it reached would get it twice."
            ),
            lifecycle::State::Waiting
            | lifecycle::State::Running
            | lifecycle::State::Paused
            | lifecycle::State::Stopped => format!(
                "{campaign} is {state}. {were} sent after this database was backed up, and it would send them again: do not \
                 resume it, call it off with `paceline cancel {campaign}`, and launch whom it has not reached under another key."
            ),
        };
        lines.push(look.wrap(&sentence, 0));
    }
    for Unknown { number, messages } in unknown {
        let sentence = format!(
            "Campaign number {number} is not in this database: it was launched after this was backed up, and {} sent. Find out \
             which it was, and do not launch it again: whom it reached would get it twice.",
            were(*messages)
        );
        lines.push(look.wrap(&sentence, 0));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let replayed = Replayed {
            posts: 12_345,
            unreadable: 2,
            first: Some("2026-11-22T14:00:00.25Z".parse().unwrap()),
            last: Some("2026-11-23T09:12:30Z".parse().unwrap()),
            events: 13_002,
            applied: 11_000,
            unchanged: 1_700,
            parked: 100,
            unsent: BTreeMap::new(),
            unknown: BTreeMap::new(),
        };
        Answer { segments: 20, torn: 1, replayed, unsent: Vec::new(), unknown: Vec::new() }
    }

    #[test]
    fn what_became_of_the_archive_is_said() {
        insta::assert_snapshot!(render(&answer(), Look::plain(100)), @r"
        12,345 webhooks of 2026-11-22 14:00:00 to 2026-11-23 09:12:30 UTC, from 20 segments.
        13,002 events in them: 11,000 moved a message, 1,700 told nothing new, 100 match no message that was sent and wait for one.
        2 webhooks could not be read.
        1 piece was torn or damaged and passed over: what a crash tore off was not answered, and came again.
        ");
    }

    #[test]
    fn what_would_be_sent_again_is_said() {
        let unsent =
            vec![Unsent { campaign: "diwali".into(), messages: 40, state: lifecycle::State::Paused }];
        let text = render(&Answer { unsent, ..answer() }, Look::plain(1_000));
        let said = text.lines().nth(4).unwrap();
        assert!(
            said.starts_with("diwali is paused. 40 messages were sent after this database was backed up"),
            "{said}"
        );
        assert!(said.contains("`paceline cancel diwali`"), "{said}");
    }

    #[test]
    fn what_must_not_be_done_is_said_by_state() {
        let said = |state| {
            let unsent = vec![Unsent { campaign: "diwali".into(), messages: 2, state }];
            render(&Answer { unsent, ..answer() }, Look::plain(1_000)).lines().nth(4).unwrap().to_owned()
        };
        assert!(said(lifecycle::State::Stopped).contains("do not resume it, call it off"));
        assert!(
            said(lifecycle::State::Loading).contains("2 messages were sent since. Do not launch it again")
        );
        assert!(said(lifecycle::State::Done).starts_with("diwali is done, and sends nothing more."));
    }

    #[test]
    fn what_was_launched_after_the_backup_is_said() {
        let unknown = vec![Unknown { number: 12, messages: 1 }];
        let text = render(&Answer { unknown, ..answer() }, Look::plain(1_000));
        let said = text.lines().nth(4).unwrap();
        assert!(said.starts_with("Campaign number 12 is not in this database"), "{said}");
        assert!(said.contains("and 1 message was sent. Find out which"), "{said}");
    }

    #[test]
    fn times_are_instants_or_days() {
        let day: DateTime<Utc> = "2026-11-22T00:00:00Z".parse().unwrap();
        assert_eq!(time("2026-11-22"), Ok(day));
        assert_eq!(time("2026-11-22T05:30:00+05:30"), Ok(day));
        assert!(time("yesterday").is_err());
    }
}
