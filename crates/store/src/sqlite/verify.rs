//! The guarantees, recomputed from the rows alone: what does not hold is said in sentences.

use campaign::ids::CampaignId;

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, row_ids};
use crate::model::Verdict;
use crate::reading::verdict::Findings;

type Result<T> = std::result::Result<T, StoreError>;

const STATES: &str = "
    SELECT state, COUNT(*), COALESCE(SUM(cost), 0), SUM(reserved), SUM(attempt)
    FROM messages WHERE id BETWEEN ?1 AND ?2 GROUP BY state";

const CAMPAIGN: &str = "
    SELECT budget, spent, reserved, unguarded, attempts, planned_total, excluded_total, messages_total, state
    FROM campaigns WHERE id = ?1";

/// Sentences with the number of rows of which they are true; each should be true of none.
const IMPOSSIBLE: [(&str, &str); 14] = [
    (
        "recipients have more than one message",
        "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE id BETWEEN ?1 AND ?2 GROUP BY recipient HAVING COUNT(*) > 1)",
    ),
    (
        "messages carry another campaign's number",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2 AND campaign_id <> ?3",
    ),
    (
        "messages wait to be sent but are in no planned or released slice",
        "SELECT COUNT(*) FROM messages AS m
         LEFT JOIN slices AS s ON s.campaign_id = m.campaign_id AND s.number = m.slice_no
         WHERE m.id BETWEEN ?1 AND ?2 AND (m.state = 'queued' OR (m.state = 'retrying' AND m.placed = 1))
           AND coalesce(s.state, 'done') = 'done'",
    ),
    (
        "messages are placed in a slice although they do not wait to be sent, or the other way round",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND ((placed = 1 AND state NOT IN ('queued', 'retrying')) OR (placed = 0 AND state = 'queued'))",
    ),
    (
        "messages are retrying but have no time for it",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND state = 'retrying' AND placed = 0 AND retry_at IS NULL",
    ),
    (
        "messages are sending but nobody has claimed them",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND state = 'sending' AND (worker IS NULL OR claimed_at IS NULL)",
    ),
    (
        "messages are in doubt since no known time",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2 AND state = 'in_doubt' AND doubt_since IS NULL",
    ),
    (
        "messages are in a state that only an attempt leads to, without an attempt",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND attempt = 0 AND state NOT IN ('queued', 'retrying', 'skipped', 'expired')",
    ),
    (
        "messages are queued although they were attempted",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2 AND attempt > 0 AND state = 'queued'",
    ),
    (
        "messages were delivered but cost nothing known, or were not and cost something",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND (state IN ('delivered', 'read')) <> (cost IS NOT NULL)",
    ),
    (
        "messages were delivered at no known time",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND state IN ('delivered', 'read') AND delivered_at IS NULL",
    ),
    (
        "messages reserve something else than the worst case of each attempt that may still cost",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND reserved <> worst_case * CASE
               WHEN state IN ('sending', 'in_doubt', 'accepted', 'held', 'sent') THEN 1 + (resent_fate IN ('open', 'taken'))
               WHEN state = 'retrying' THEN (assumed = 1 OR resent_fate = 'open')
               ELSE 0 END",
    ),
    (
        "messages wait to be sent although an attempt was taken",
        "SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2
           AND state IN ('queued', 'retrying') AND resent_fate = 'taken'",
    ),
    (
        "audience rows are both a message and excluded",
        "SELECT COUNT(*) FROM excluded WHERE campaign_id = ?3
           AND EXISTS (SELECT 1 FROM messages WHERE id = (?3 << 32) + excluded.seq)",
    ),
];

const UNEVEN_FAILURES: &str = "
    SELECT coalesce(c.code, r.code), coalesce(c.n, 0), coalesce(r.n, 0)
    FROM (SELECT code, n FROM failure_counts WHERE campaign_id = ?3 AND n <> 0) AS c
    FULL JOIN (SELECT coalesce(CAST(failure_code AS TEXT), '') AS code, COUNT(*) AS n FROM messages
               WHERE id BETWEEN ?1 AND ?2 AND state = 'failed' GROUP BY 1) AS r ON r.code = c.code
    WHERE coalesce(c.n, 0) <> coalesce(r.n, 0)";

const UNEVEN_SLICES: &str = "
    SELECT CAST(s.number AS TEXT), s.messages, coalesce(m.n, 0)
    FROM slices AS s
    LEFT JOIN (SELECT slice_no, COUNT(*) AS n FROM messages WHERE id BETWEEN ?1 AND ?2 AND placed = 1
               GROUP BY slice_no) AS m ON m.slice_no = s.number
    WHERE s.campaign_id = ?3 AND s.messages <> coalesce(m.n, 0)";

const UNEVEN_GROUPS: &str = "
    SELECT CAST(g.number AS TEXT), g.planned + g.deferred + g.released, coalesce(s.planned + s.deferred + s.released, 0)
    FROM send_groups AS g
    LEFT JOIN (SELECT group_no, SUM((state = 'planned') * messages) AS planned,
                      SUM((state = 'deferred') * messages) AS deferred,
                      SUM((state = 'released') * messages) AS released
               FROM slices WHERE campaign_id = ?3 GROUP BY group_no) AS s ON s.group_no = g.number
    WHERE g.campaign_id = ?3
      AND (g.planned, g.deferred, g.released)
          IS NOT (coalesce(s.planned, 0), coalesce(s.deferred, 0), coalesce(s.released, 0))";

/// See [`crate::Store::verify`].
pub(super) async fn verify(store: &SqliteStore, campaign: CampaignId) -> Result<Verdict> {
    let mut tx = store.snapshot().await?;
    let mut found = Findings::new(campaign);
    let (first, last) = row_ids(campaign);
    let read = failed("count messages");
    let rows = sqlx::query_as(STATES).bind(first).bind(last).fetch_all(&mut *tx).await.map_err(&read)?;
    let counters = sqlx::query_as("SELECT state, n FROM campaign_counts WHERE campaign_id = ?1")
        .bind(campaign.0)
        .fetch_all(&mut *tx)
        .await
        .map_err(&read)?;
    found.states(rows, counters)?;
    let excluded: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM excluded WHERE campaign_id = ?1")
        .bind(campaign.0)
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("count excluded rows"))?;
    let sums = sqlx::query_as(CAMPAIGN)
        .bind(campaign.0)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("read a campaign"))?;
    found.sums(sums, excluded)?;
    for (sentence, sql) in IMPOSSIBLE {
        let rows = sqlx::query_scalar(sql)
            .bind(first)
            .bind(last)
            .bind(campaign.0)
            .fetch_one(&mut *tx)
            .await
            .map_err(failed("verify messages"))?;
        found.none(sentence, rows);
    }
    for (what, sql) in [
        ("failures with code", UNEVEN_FAILURES),
        ("messages in slice", UNEVEN_SLICES),
        ("messages in group", UNEVEN_GROUPS),
    ] {
        let uneven = sqlx::query_as(sql)
            .bind(first)
            .bind(last)
            .bind(campaign.0)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed("verify counters"))?;
        found.even(what, uneven);
    }
    found.verdict(excluded)
}
