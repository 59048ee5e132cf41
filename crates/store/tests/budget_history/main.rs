//! The budget is a ceiling at every instant, not only when somebody looks: eight workers claim, record and are
//! told prices at the same time, for fifty seeds on each database, while the database itself writes down every
//! value that the campaign's money ever had.
//!
//! Spent and reserved together never pass the budget, what is in flight is always reserved, and at least 98 % of
//! the budget is spent before the rest is skipped; of some more, which send doubts again, somewhat less.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod books;
mod play;

use std::sync::Arc;

use campaign::money::Micros;
use chrono::TimeDelta;

use books::{Books, Entry};
use play::{Doubts, WORKERS, beginning, play, skipped};

const SEEDS: u64 = 50;
/// The seeds after them whose campaigns send doubts again.
const SENT_AGAIN: u64 = 6;

/// What is wrong with a history, if anything is.
fn flaw(history: &[Entry]) -> Option<String> {
    let mut before = (0, 0);
    for (number, entry) in history.iter().enumerate() {
        let &Entry { budget, after: (spent, reserved), paid, in_flight, .. } = entry;
        let wrong = if entry.before != before {
            "something before it is missing"
        } else if spent + reserved > budget {
            "spent and reserved pass the budget"
        } else if paid + in_flight > budget {
            "paid and in flight pass the budget"
        } else if in_flight > reserved || paid != spent {
            "what the rows say is not what was reserved and spent"
        } else {
            before = entry.after;
            continue;
        };
        return Some(format!("{wrong}: entry {number} of {}: {entry:?}", history.len()));
    }
    None
}

/// Plays all seeds, in two shares at once, each on a database of its own.
async fn never_passed([even, odd]: [Books; 2]) {
    tokio::join!(never_passed_by(even, 0), never_passed_by(odd, 1));
}

async fn never_passed_by(books: Books, share: u64) {
    let books = Arc::new(books);
    let (mut begins, mut granted_to) = (beginning(), [0; WORKERS]);
    for seed in (share..SEEDS + SENT_AGAIN).step_by(2) {
        let (doubts, least_share) = match seed {
            ..SEEDS => (Doubts::Dropped, 980),
            // What is reserved for a doubt that waits to be sent again is not waited for.
            SEEDS.. => (Doubts::SentAgain, 900),
        };
        let played = play(&books, seed, doubts, begins, None).await;
        // Sweeps look at all campaigns: the next one begins when this one is long over.
        begins = played.ended + TimeDelta::days(2);
        for (all, granted) in granted_to.iter_mut().zip(played.granted_to) {
            *all += granted;
        }

        let row = played.row;
        let history = books.history(row.id).await;
        assert_eq!(flaw(&history), None, "seed {seed}");
        let last = history.last().unwrap();
        assert_eq!(last.after, (row.spent.0, row.reserved.0), "seed {seed}: the history is not complete");
        assert_eq!((row.spent, row.reserved), (played.paid, Micros::ZERO), "seed {seed}");
        let budget = row.budget.unwrap().0;
        let share = row.spent.0 * 1_000 / budget;
        assert!(share >= least_share, "seed {seed}: only {share} thousandths of the budget were used");
        assert!(skipped(&row) > 0, "seed {seed}: the budget stopped nothing");
        assert!(row.is_conserved(), "seed {seed}: {row:?}");
        let verdict = books.store(0).verify(row.id).await.unwrap();
        assert_eq!(verdict.violations, Vec::<String>::new(), "seed {seed}");
    }
    assert!(
        granted_to.iter().all(|granted| *granted > 0),
        "not all workers had a hand in it: {granted_to:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_workers_never_pass_the_budget_in_postgres() {
    never_passed([Books::in_postgres(WORKERS).await, Books::in_postgres(WORKERS).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_workers_never_pass_the_budget_in_sqlite() {
    never_passed([Books::in_sqlite().await, Books::in_sqlite().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_gives_away_a_store_that_keeps_no_ceiling() {
    for (sql, says) in [
        ("UPDATE campaigns SET reserved = 0", "what the rows say"),
        ("UPDATE campaigns SET spent = spent / 2", "what the rows say"),
        ("UPDATE messages SET worst_case = worst_case / 2 WHERE state = 'queued'", "reserved"),
    ] {
        let books = Arc::new(Books::in_sqlite().await);
        let played = play(&books, 0, Doubts::Dropped, beginning(), Some(sql)).await;
        let history = books.history(played.row.id).await;
        let flaw = flaw(&history).unwrap_or_default();
        assert!(flaw.contains(says), "{sql}: {flaw}");
    }
}
