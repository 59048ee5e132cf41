//! `verify`: the guarantees, recomputed from the rows of the database.
//!
//! What a database can prove is checked: that nobody is sent to twice, that nobody is forgotten, that the
//! budget holds, that every state is one that can be. The pace is not in the database: the platform's own
//! figures (or the simulator's ledger) show it.

use std::collections::BTreeMap;

use campaign::{lifecycle, message};
use serde::Serialize;
use store::model::{CampaignRow, Listing, Verdict};

use crate::app::App;
use crate::commands::control;
use crate::failure::Failure;
use crate::output::{self, Look, Progress, Tone, format};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign's key; all campaigns without it
    campaign: Option<String>,
}

pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let Listing { campaigns, unreadable } = control::listing(&*store, args.campaign.as_deref()).await?;
    if let Some(key) =
        args.campaign.as_deref().filter(|_| campaigns.is_empty() && unreadable.is_empty() && !app.json)
    {
        output::print(&format!("{key} has made no run yet: there is nothing to verify."))?;
        return Ok(());
    }
    let mut checked = Vec::with_capacity(campaigns.len());
    for row in campaigns {
        let progress =
            if app.json { Progress::hidden() } else { Progress::new(format!("checking {}", row.key), None) };
        let verdict = store.verify(row.id).await?;
        drop(progress);
        checked.push(Checked::of(&row, verdict));
    }
    let result = Verified {
        ok: unreadable.is_empty() && checked.iter().all(|campaign| campaign.ok),
        campaigns: checked,
        unreadable: unreadable.iter().map(|one| one.key.clone()).collect(),
    };
    if app.json {
        output::print_json(&result)?;
    } else {
        output::print(&render(&result, Look::of_stdout()))?;
    }
    if result.campaigns.iter().all(|campaign| campaign.ok) {
        // What was not checked is not known to hold.
        return Ok(control::all_readable(&unreadable)?);
    }
    Err(anyhow::anyhow!(result.summary()).into())
}

/// What `verify --json` prints; its field names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Verified {
    ok: bool,
    campaigns: Vec<Checked>,
    /// Keys of campaigns that this version cannot read, and has not checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

/// One campaign, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Checked {
    campaign: String,
    state: lifecycle::State,
    ok: bool,
    planned: u64,
    excluded: u64,
    /// Messages by state, counted from the rows.
    states: BTreeMap<message::State, u64>,
    guarantees: Vec<Guarantee>,
}

/// One guarantee, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Guarantee {
    name: Name,
    ok: bool,
    violations: Vec<String>,
}

/// The guarantees that a database can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    AtMostOnce,
    NobodyIsForgotten,
    BudgetIsACeiling,
    StatesArePossible,
}

impl Name {
    const ALL: [Self; 4] =
        [Self::AtMostOnce, Self::NobodyIsForgotten, Self::BudgetIsACeiling, Self::StatesArePossible];

    const fn in_words(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at most once: no recipient is in the campaign twice",
            Self::NobodyIsForgotten => "nobody is forgotten: every planned row is accounted for",
            Self::BudgetIsACeiling => "the budget is a ceiling: spent and reserved stay below it",
            Self::StatesArePossible => "every message is in a state that can be",
        }
    }

    /// The guarantee that a sentence of the store speaks of.
    fn of(violation: &str) -> Self {
        let text = violation.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["budget", "spent", "reserv", "cost"]) {
            Self::BudgetIsACeiling
        } else if says(&["twice", "more than one message", "although they were attempted"]) {
            Self::AtMostOnce
        } else if says(&["planned", "excluded", "counter", "sum up", "in no "]) {
            Self::NobodyIsForgotten
        } else {
            Self::StatesArePossible
        }
    }
}

impl Checked {
    fn of(row: &CampaignRow, verdict: Verdict) -> Self {
        let mut violations: BTreeMap<Name, Vec<String>> = BTreeMap::new();
        for violation in verdict.violations {
            violations.entry(Name::of(&violation)).or_default().push(violation);
        }
        // The store's own checks cover this too; an error in them must not hide a lost recipient. What the
        // platform charged unasked may pass a budget: only the store can tell that from a violation.
        let counted = verdict.excluded + verdict.counts.values().sum::<u64>();
        let is_loading = row.state == lifecycle::State::Loading;
        let forgotten = violations.entry(Name::NobodyIsForgotten).or_default();
        if counted != row.totals.planned && !is_loading && forgotten.is_empty() {
            forgotten.push(format!(
                "{} rows were planned, and {} are there",
                format::count(row.totals.planned),
                format::count(counted)
            ));
        }
        let guarantees: Vec<Guarantee> = Name::ALL
            .into_iter()
            .map(|name| {
                let violations = violations.remove(&name).unwrap_or_default();
                Guarantee { name, ok: violations.is_empty(), violations }
            })
            .collect();
        Self {
            campaign: row.key.clone(),
            state: row.state,
            ok: guarantees.iter().all(|guarantee| guarantee.ok),
            planned: row.totals.planned,
            excluded: verdict.excluded,
            states: verdict.counts,
            guarantees,
        }
    }
}

impl Verified {
    fn summary(&self) -> String {
        let violated: usize = self
            .campaigns
            .iter()
            .flat_map(|campaign| &campaign.guarantees)
            .filter(|guarantee| !guarantee.ok)
            .count();
        let campaigns: Vec<&str> = self
            .campaigns
            .iter()
            .filter(|campaign| !campaign.ok)
            .map(|campaign| campaign.campaign.as_str())
            .collect();
        let unchecked = match &self.unreadable[..] {
            [] => String::new(),
            keys => format!("; this version cannot read, and has not checked, {}", keys.join(", ")),
        };
        format!(
            "{} violated in {}{unchecked}",
            if violated == 1 { "1 guarantee is".to_owned() } else { format!("{violated} guarantees are") },
            campaigns.join(", ")
        )
    }
}

fn render(result: &Verified, look: Look) -> String {
    if result.campaigns.is_empty() && result.unreadable.is_empty() {
        return "No campaign was launched yet: there is nothing to verify.".to_owned();
    }
    let checked = result.campaigns.iter().map(|campaign| one(campaign, look));
    let unreadable = result.unreadable.iter().map(|key| {
        let verdict = look.paint(Tone::Bad, "NOT CHECKED");
        format!("{}: {verdict}, this version cannot read it", look.paint(Tone::Strong, key))
    });
    checked.chain(unreadable).collect::<Vec<_>>().join("\n\n")
}

fn one(checked: &Checked, look: Look) -> String {
    let mut lines = vec![format!(
        "{} is {}: {} planned, {} excluded, {}",
        look.paint(Tone::Strong, &checked.campaign),
        checked.state,
        format::count(checked.planned),
        format::count(checked.excluded),
        format::counted(checked.states.values().sum(), "message")
    )];
    for guarantee in &checked.guarantees {
        let verdict =
            if guarantee.ok { look.paint(Tone::Good, "ok      ") } else { look.paint(Tone::Bad, "VIOLATED") };
        lines.push(format!("  {verdict}  {}", guarantee.name.in_words()));
        lines.extend(guarantee.violations.iter().map(|violation| look.wrap(violation, 12)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::status::sample;

    fn verdict() -> Verdict {
        Verdict { counts: sample::row().counts, excluded: 400, violations: Vec::new() }
    }

    #[test]
    fn a_sound_campaign_is_ok_in_all() {
        let checked = Checked::of(&sample::row(), verdict());
        assert!(checked.ok);
        insta::assert_snapshot!(one(&checked, Look::plain(100)), @r#"
        diwali-2026-in is running: 10,400 planned, 400 excluded, 10,000 messages
          ok        at most once: no recipient is in the campaign twice
          ok        nobody is forgotten: every planned row is accounted for
          ok        the budget is a ceiling: spent and reserved stay below it
          ok        every message is in a state that can be
        "#);
    }

    #[test]
    fn violations_stand_under_their_guarantee() {
        let mut verdict = verdict();
        verdict.violations = vec![
            "2 recipients have more than one message".to_owned(),
            "1 messages are sending but nobody has claimed them".to_owned(),
            "849 messages are sent, but the counter says 850".to_owned(),
            "the campaign's reserved is 870000, but its messages sum up to 0".to_owned(),
        ];
        let checked = Checked::of(&sample::row(), verdict);
        insta::assert_snapshot!(one(&checked, Look::plain(100)), @r#"
        diwali-2026-in is running: 10,400 planned, 400 excluded, 10,000 messages
          VIOLATED  at most once: no recipient is in the campaign twice
                    2 recipients have more than one message
          VIOLATED  nobody is forgotten: every planned row is accounted for
                    849 messages are sent, but the counter says 850
          VIOLATED  the budget is a ceiling: spent and reserved stay below it
                    the campaign's reserved is 870000, but its messages sum up to 0
          VIOLATED  every message is in a state that can be
                    1 messages are sending but nobody has claimed them
        "#);
        let mut result = Verified { ok: false, campaigns: vec![checked], unreadable: Vec::new() };
        assert_eq!(result.summary(), "4 guarantees are violated in diwali-2026-in");
        result.unreadable.push("newer".to_owned());
        let expected = "4 guarantees are violated in diwali-2026-in; this version cannot read, and has not checked, newer";
        assert_eq!(result.summary(), expected);
        assert!(
            render(&result, Look::plain(100))
                .ends_with("\n\nnewer: NOT CHECKED, this version cannot read it")
        );
    }

    #[test]
    fn a_lost_row_is_found_without_the_store() {
        let mut verdict = verdict();
        verdict.counts.insert(message::State::Sent, 849);
        let checked = Checked::of(&sample::row(), verdict);
        assert!(!checked.ok);
        assert_eq!(checked.guarantees[1].violations, ["10,400 rows were planned, and 10,399 are there"]);
    }
}
