//! Reads the audience once, row by row: counts it for a plan, and stores it where a campaign is launched.

use std::collections::{BTreeMap, BTreeSet};

use campaign::audience::{AudienceReader, Row, RowProblem};
use campaign::ids::{CampaignId, Seq};
use campaign::planning::{Candidate, Exclusion, PlannedMessage, Planner, Reason, Summary};
use campaign::problem::Problems;
use store::SharedStore;
use store::model::{Chunk, Excluded, NewGroup, NewMessage, NewSlice, TemplateKey};

use super::prepare::Prepared;
use crate::app::App;
use crate::failure::Failure;
use crate::output::Progress;

/// Rows that are read, screened and stored together.
const CHUNK: usize = 5_000;

/// Where the messages go.
pub(crate) struct Target<'a> {
    pub(crate) store: &'a SharedStore,
    pub(crate) campaign: CampaignId,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// The counts.
    pub(crate) summary: Summary,
    /// SHA-256 of the audience as stored.
    pub(crate) audience_sha256: String,
}

/// Reads the audience. `suppressions` is the store whose do-not-send list is asked, where there is one.
///
/// # Errors
/// The audience cannot be read on, or the store failed.
pub(crate) async fn stream(
    app: &App,
    prepared: &Prepared,
    suppressions: Option<&SharedStore>,
    target: Option<&Target<'_>>,
    progress: &Progress,
) -> Result<Streamed, Failure> {
    let (mut reader, mut planner) = prepared.open(&app.config)?;
    loop {
        let (rows, ended) = tokio::task::block_in_place(|| read_chunk(&mut reader, &mut planner))?;
        let listed = match suppressions {
            Some(store) => {
                let addresses: Vec<String> = rows.iter().flatten().map(|c| c.recipient.clone()).collect();
                store.suppressed(&addresses).await?
            }
            None => Vec::new(),
        };
        let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        let contacts = contacts(app, prepared, suppressions, &rows).await?;
        let mut chunk = Chunk::default();
        for row in rows {
            match row {
                Err(exclusion) => chunk.excluded.push(excluded(exclusion)),
                Ok(candidate) if listed.contains(candidate.recipient.as_str()) => {
                    let said = "the recipient is on the do-not-send list".to_owned();
                    chunk.excluded.push(excluded(planner.exclude(&candidate, Reason::Suppressed, said)));
                }
                Ok(candidate) if let Some(said) = over_cap(prepared, &contacts, &candidate) => {
                    chunk.excluded.push(excluded(planner.exclude(&candidate, Reason::OverCap, said)));
                }
                Ok(candidate) => add(app, prepared, planner.place(candidate), &mut chunk),
            }
        }
        if let Some(target) = target {
            target.store.add_chunk(target.campaign, chunk, app.clock.now()).await?;
        }
        progress.set(reader.stored_bytes());
        if ended {
            break;
        }
    }
    let audience_sha256 = reader.finish().map_err(|problem| Failure::from(Problems(vec![problem])))?;
    let (rest, summary) = planner.finish();
    if let Some(target) = target {
        let slices = rest
            .into_iter()
            .map(|s| NewSlice { number: s.number, group: s.group, messages: s.messages })
            .collect();
        let chunk = Chunk { slices, ..Chunk::default() };
        target.store.add_chunk(target.campaign, chunk, app.clock.now()).await?;
    }
    Ok(Streamed { summary, audience_sha256 })
}

/// How many messages these people had in the time of the campaign's frequency cap, where it has one, as of its start. By
/// the portfolio that wrote most to them, where the campaign has senders of several.
async fn contacts(
    app: &App,
    prepared: &Prepared,
    store: Option<&SharedStore>,
    rows: &[Screened],
) -> Result<BTreeMap<String, u64>, Failure> {
    let definition = &prepared.definition;
    let (Some(cap), Some(store)) = (definition.limits.per_recipient, store) else {
        return Ok(BTreeMap::new());
    };
    let now = app.clock.now();
    let start = definition.schedule.begins(now);
    let addresses: Vec<String> = rows.iter().flatten().map(|c| c.recipient.clone()).collect();
    let senders = definition.senders.iter().filter_map(|name| app.config.sender(name));
    let portfolios: BTreeSet<&str> = senders.map(|sender| sender.portfolio()).collect();
    let mut most = BTreeMap::new();
    for portfolio in portfolios {
        for (address, had) in store.contacts(portfolio, &addresses, start - cap.per).await? {
            let known = most.entry(address).or_default();
            *known = had.max(*known);
        }
    }
    Ok(most)
}

/// Why a person is not written to who had as many messages as the frequency cap allows.
fn over_cap(prepared: &Prepared, contacts: &BTreeMap<String, u64>, candidate: &Candidate) -> Option<String> {
    let cap = prepared.definition.limits.per_recipient?;
    cap.refusal(*contacts.get(&candidate.recipient)?)
}

type Screened = Result<Candidate, Exclusion>;

fn read_chunk(reader: &mut AudienceReader, planner: &mut Planner) -> Result<(Vec<Screened>, bool), Failure> {
    let mut rows = Vec::with_capacity(CHUNK);
    let mut row = Row::default();
    while rows.len() < CHUNK {
        match reader.next_row(&mut row) {
            None => return Ok((rows, true)),
            Some(Ok(())) => rows.push(planner.screen(reader.file(), &row)),
            Some(Err(RowProblem::Row(problem))) => rows.push(Err(planner.broken_row(&problem))),
            Some(Err(RowProblem::Fatal(problem))) => return Err(problem.into()),
        }
    }
    Ok((rows, false))
}

fn excluded(exclusion: Exclusion) -> Excluded {
    Excluded {
        seq: Seq(exclusion.seq),
        line: exclusion.line,
        recipient: exclusion.recipient,
        reason: exclusion.reason.name().to_owned(),
        detail: exclusion.detail,
    }
}

fn add(app: &App, prepared: &Prepared, message: PlannedMessage, chunk: &mut Chunk) {
    if let Some(key) = message.new_group {
        let template = prepared.definition.template_of(key.variant);
        let sender = app.config.sender(&key.sender);
        let waba_id = sender.map_or_else(String::new, |sender| sender.waba_id.clone());
        chunk.groups.push(NewGroup {
            number: message.group,
            portfolio: sender.map_or_else(String::new, |sender| sender.portfolio().to_owned()),
            template: TemplateKey {
                waba_id,
                name: template.name.clone(),
                language: template.language.clone(),
            },
            variant: key.variant.and_then(|i| prepared.definition.variants.get(i)).map(|v| v.name.clone()),
            sender: key.sender,
            zone: key.zone,
        });
    }
    if let Some(slice) = message.full_slice {
        chunk.slices.push(NewSlice { number: slice.number, group: slice.group, messages: slice.messages });
    }
    chunk.messages.push(NewMessage {
        seq: Seq(message.seq),
        slice: message.slice,
        group: message.group,
        recipient: message.recipient,
        country: message.country,
        content: message.content,
        multiplier: message.multiplier,
        worst_case: message.worst_case,
        expected_cost: message.expected_cost,
    });
}
