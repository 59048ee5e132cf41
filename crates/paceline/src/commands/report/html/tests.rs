//! What must be true of every page, and how the sample campaign's looks.

use campaign::message::State;
use store::model::{Failure, GroupRow};

use super::super::rows::{Recipient, sample as rows};
use super::super::summary::{self, FailurePart, MessagesPart, RunPart, SkippedPart};
use super::super::tally::Tally;
use super::super::{beside, comparing};
use super::*;
use crate::commands::status::sample as running;

const SCRIPT: &str = "<script>alert('x')</script>\"onload=\"x";

fn text_of(summary: &Summary) -> String {
    let mut text = Vec::new();
    write(&page(summary, running::now()), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The sample campaign with all there can be in a report.
fn full() -> Summary {
    let variants = [(1_000, 930, 312), (1_010, 941, 395)];
    let variants: Vec<MessagesPart> = ["a", "b"]
        .into_iter()
        .zip(variants)
        .map(|(name, (attempted, delivered, read))| {
            MessagesPart::counted(name, attempted, delivered, read, campaign::money::Micros(870_000))
        })
        .collect();
    Summary {
        comparisons: comparing::comparisons(&variants),
        variants,
        platform: Some(beside::sample::platform()),
        follow_ups: vec![RunPart {
            campaign: "diwali-2026-in+retry-1".to_owned(),
            state: campaign::lifecycle::State::Done,
            messages: 2,
            delivered: 1,
            failed: 1,
        }],
        ..summary::sample::summary()
    }
}

#[test]
fn the_whole_page() {
    insta::assert_snapshot!(text_of(&full()));
}

/// Elements that have no end.
const VOID: [&str; 4] = ["!doctype", "meta", "br", "hr"];

/// Panics where an element is not closed by its own end.
fn well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        let name = tag.split_whitespace().next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
        rest = after;
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn elements_are_closed_and_ids_are_unique() {
    let page = text_of(&full());
    well_formed(&page);
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(all > 30 && ids.len() == all, "{all} ids, {} different", ids.len());
    for reference in page.split("href=\"#").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)) {
        assert!(ids.contains(&reference), "{reference}");
    }
}

#[test]
fn a_page_needs_nothing_and_runs_nothing() {
    let page = text_of(&full());
    // The name of SVG is no address.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "src=", "<link", "<script", "<img", "style=\"", " onload=", "javascript:"]
    {
        assert!(!page.contains(word), "{word}");
    }
    assert!(
        page.contains("default-src &#39;none&#39;; style-src &#39;sha256-")
            || page.contains("default-src 'none'")
    );
}

#[test]
fn nothing_gets_out_of_a_text() {
    let mut row = running::row();
    row.key = SCRIPT.to_owned();
    row.file = SCRIPT.to_owned();
    row.reason = Some(SCRIPT.to_owned());
    let mut template = row.groups[0].template.clone();
    template.name = SCRIPT.to_owned();
    row.groups = vec![GroupRow {
        template,
        sender: SCRIPT.to_owned(),
        variant: Some(SCRIPT.to_owned()),
        ..row.groups[0].clone()
    }];
    let mut tally = Tally::of(&row);
    tally.add(&Recipient::Message(rows::failed(0, None, "no_code", SCRIPT)));
    tally.add(&Recipient::Message(rows::failed(1, Some(77), "unknown", SCRIPT)));
    let mut skipped = rows::message(2, State::Skipped);
    skipped.failure = Some(Failure { code: None, class: "skipped".to_owned(), detail: SCRIPT.to_owned() });
    tally.add(&Recipient::Message(skipped));
    let mut abroad = rows::message(3, State::Read);
    abroad.country = SCRIPT.to_owned();
    abroad.route = Some(SCRIPT.to_owned());
    tally.add(&Recipient::Message(abroad));
    tally.add(&Recipient::Excluded(rows::excluded(4, SCRIPT, SCRIPT, SCRIPT)));
    let mut summary = Summary::of(&row, &tally, running::now());
    let mut platform = beside::sample::platform();
    platform.counted.templates[0].clicks.insert(SCRIPT.to_owned(), 1);
    platform.counted.charges[0].category = SCRIPT.to_owned();
    summary.platform = Some(platform);
    let page = text_of(&summary);
    well_formed(&page);
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("\"onload"), "{page}");
    assert!(page.matches("script&").count() > 20 || page.matches("&#60;script").count() > 20, "it is shown");
}

#[test]
fn nobodys_number_is_on_it() {
    let mut summary = full();
    summary.failures.push(FailurePart {
        code: None,
        class: "no_code".to_owned(),
        messages: 1,
        title: "No code of the platform".to_owned(),
        advice: "For example: +91 98200 00001 is not reachable".to_owned(),
        example: "+91 98200 00001 is not reachable".to_owned(),
    });
    summary.skipped.push(SkippedPart { reason: "919820000001 opted out".to_owned(), messages: 1 });
    let page = text_of(&summary);
    assert!(!page.contains("98200"), "{page}");
    assert!(page.contains("is not reachable") && page.contains("opted out"), "{page}");
}

/// What a page costs depends on what there is to tell, not on how many it is told of.
#[test]
fn many_messages_make_a_page_of_the_same_size() {
    let row = running::row();
    let mut tally = Tally::of(&row);
    let mut message = rows::message(0, State::Read);
    let begin = running::at("2026-11-08T03:30:00Z");
    for seq in 0..300_000 {
        message.seq = campaign::ids::Seq(seq);
        // A month of sending, each read within a week.
        message.claimed_at = Some(begin + chrono::TimeDelta::seconds(i64::from(seq) * 9));
        message.delivered_at = message.claimed_at;
        message.read_at = message.claimed_at.map(|at| at + chrono::TimeDelta::hours(i64::from(seq % 168)));
        tally.add(&Recipient::Message(message.clone()));
    }
    let page = text_of(&Summary::of(&row, &tally, running::now()));
    well_formed(&page);
    assert!(page.contains("Messages in each hour") && page.contains("300,000"), "{}", page.len());
    assert!(page.len() < 300_000, "{} bytes", page.len());
}

#[test]
fn a_campaign_of_nobody_has_a_page() {
    let row = running::row();
    let summary = Summary::of(&row, &Tally::of(&row), running::now());
    let page = text_of(&summary);
    well_formed(&page);
    assert!(page.contains("are counted, which is not the same") && !page.contains("id=\"time\""), "{page}");
}
