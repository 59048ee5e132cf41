//! The hot queries use their indexes in a database with many rows: none of them walks over all messages.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row};

use super::{
    PostgresStore, access, campaigns, claiming, doubts, follow_ups, inferring, launching, messages, people,
    purging, retries, samples, slices, statuses, suppression, sweeps, templates, transition,
};

/// Two campaigns of 20,000 messages that are all over but for a few, in 200 slices each.
const ROWS: &str = "
    INSERT INTO campaigns (key, state, file, definition, plan_hash, currency, ttl_s, in_doubt, in_doubt_after,
                           retry_attempts, retry_base, retry_max, launched_at, touched_at)
    SELECT 'key-' || c, 'running', '', '{}', '', 'INR', 1, 'resend', 1, 1, 1, 1, 0, 0 FROM generate_series(1, 2) AS c;
    INSERT INTO campaigns (key, state, file, definition, plan_hash, currency, ttl_s, in_doubt, in_doubt_after,
                           retry_attempts, retry_base, retry_max, launched_at, touched_at)
    SELECT 'old-' || c, 'done', '', '{}', '', 'INR', 1, 'resend', 1, 1, 1, 1, 0, 0 FROM generate_series(1, 2000) AS c;
    INSERT INTO send_groups (campaign_id, number, sender, waba_id, template, language, zone)
    SELECT c, 0, '', '', '', '', '' FROM generate_series(1, 2002) AS c;
    INSERT INTO slices (campaign_id, number, group_no, turn, state, messages, not_before, lease_until)
    SELECT c, s, 0, (s % 100 <> 0)::int, CASE WHEN s % 50 = 0 THEN 'planned' WHEN s % 50 = 1 THEN 'released'
                         WHEN s % 50 = 2 THEN 'deferred' ELSE 'done' END, 0, s, s
    FROM generate_series(1, 2) AS c, generate_series(0, 4999) AS s;
    INSERT INTO messages (id, campaign_id, slice_no, group_no, recipient, country, content, worst_case, expected_cost,
                          wamid, state, placed, worker, retry_at, doubt_since, ttl_at)
    SELECT (c << 32) + s, c, s / 100, 0, s::text, 'IN', '{}', 1, 1, c || '.' || s,
           CASE s % 200 WHEN 0 THEN 'queued' WHEN 1 THEN 'sending' WHEN 2 THEN 'in_doubt' WHEN 3 THEN 'retrying'
                        WHEN 4 THEN 'accepted' ELSE 'delivered' END,
           s % 200 = 0, 'worker-' || s % 7, s, s, s
    FROM generate_series(1::bigint, 2) AS c, generate_series(0, 19999) AS s;
    INSERT INTO earlier_attempts SELECT 'old.' || s, s, 1 FROM generate_series(1, 5000) AS s;
    INSERT INTO doubt_decisions SELECT (1::bigint << 32) + s, 1, 'drop', NULL, 0, 0, '' FROM generate_series(1, 5000) AS s;
    INSERT INTO attempt_news SELECT (1::bigint << 32) + s, 1, 1 FROM generate_series(1, 5000) AS s;
    INSERT INTO excluded SELECT 1, s, s, '', '', '' FROM generate_series(1, 5000) AS s;
    INSERT INTO suppressions SELECT s::text, 'stop', 0 FROM generate_series(1, 5000) AS s;
    INSERT INTO campaign_samples SELECT c, s, 0, 0, 0, 0, 0 FROM generate_series(1, 200) AS c, generate_series(1, 100) AS s;
    INSERT INTO access_tokens SELECT s::text, s::text, 'viewer', s, '' FROM generate_series(1, 5000) AS s;
    INSERT INTO access_sessions SELECT s::text, (s / 5)::text, s FROM generate_series(1, 5000) AS s;
    INSERT INTO audit_log (done_at, who, via, action, target, detail, outcome)
    SELECT s, '', 'cli', '', '', '', 'done' FROM generate_series(1, 5000) AS s;
    INSERT INTO cooldowns SELECT '', s::text, 0 FROM generate_series(1, 5000) AS s;
    INSERT INTO reached_people SELECT p::text, s::text, s FROM generate_series(1, 3) AS p, generate_series(1, 5000) AS s;
    INSERT INTO reached_slots SELECT p::text, s, 1 FROM generate_series(1, 100) AS p, generate_series(1, 290) AS s;
    INSERT INTO parked_statuses (wamid, status, parked_at, address, other_address)
    SELECT s::text, '{}', s, s::text, 'IN.' || s FROM generate_series(1, 5000) AS s;
    INSERT INTO templates SELECT '', s::text, 'en', '{}', 0 FROM generate_series(1, 5000) AS s;
    INSERT INTO campaign_counts SELECT c, 'delivered', 1 FROM generate_series(1, 2002) AS c;
    INSERT INTO failure_counts SELECT c, '1', 1 FROM generate_series(1, 2002) AS c;
    ANALYZE;
    SET plan_cache_mode = force_generic_plan;";

/// How PostgreSQL would answer a query, whatever its parameters are: in its own words.
async fn plan(connection: &mut PgConnection, number: usize, sql: &str) -> String {
    let parameters = (1..30).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
    let nulls = vec!["NULL"; parameters].join(", ");
    let call = if parameters == 0 { String::new() } else { format!("({nulls})") };
    let prepare = format!("PREPARE q{number} AS {sql}");
    connection.execute(AssertSqlSafe(prepare)).await.unwrap_or_else(|e| panic!("{e}: {sql}"));
    let rows = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN EXECUTE q{number}{call}"))).await;
    let rows = rows.unwrap_or_else(|e| panic!("{e}: {sql}"));
    rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
}

#[tokio::test]
async fn hot_queries_search_by_index() {
    let store = PostgresStore::connect(&servers::Postgres::shared().database()).await.unwrap();
    let mut connection = store.raw().acquire().await.unwrap();
    connection.execute(ROWS).await.unwrap();
    let queries: [(&str, &str, &[&str]); 67] = [
        ("messages by number", transition::BY_ID, &["messages_pkey"]),
        ("messages by id there", transition::BY_WAMID, &["messages_by_wamid"]),
        (
            "messages by an earlier id there",
            transition::BY_EARLIER_WAMID,
            &["earlier_attempts_pkey", "messages_pkey"],
        ),
        ("campaigns by id there", transition::CAMPAIGNS_OF, &["messages_by_wamid", "earlier_attempts_pkey"]),
        ("writing messages back", transition::WRITE_BACK, &["messages_pkey"]),
        ("counting", transition::COUNT, &["slices_pkey", "campaigns_pkey"]),
        ("the terms of a claim", claiming::TERMS, &["slices_pkey", "campaigns_pkey", "send_groups_pkey"]),
        (
            "what may be claimed",
            claiming::CLAIMABLE,
            &["Index Scan using messages_", "suppressions_pkey", "cooldowns_pkey"],
        ),
        ("reservations for good", claiming::STUCK, &["messages_in_doubt"]),
        ("parked statuses", statuses::PARKED, &["parked_statuses_once"]),
        ("old parked statuses", statuses::PRUNE, &["parked_statuses_by_age"]),
        (
            "doubts in turn",
            inferring::DOUBTS,
            &["messages_in_doubt", "Index Cond: (ROW(campaign_id, doubt_since)"],
        ),
        (
            "what is parked of doubts",
            inferring::TOLD,
            &["parked_statuses_by_address", "parked_statuses_by_other_address", "parked_statuses_once"],
        ),
        ("whose status it is", inferring::CANDIDATES, &["messages_once", "send_groups_pkey"]),
        ("what a slice holds", slices::PENDING, &["messages_unsent"]),
        ("planned slices", slices::PLANNED, &["slices_planned", "AND (ROW(turn, number) > ROW($3, $4)))"]),
        ("slices to take back or to plan", slices::RIPE, &["slices_d", "slices_leased"]),
        ("deferred slices", slices::UNDEFER, &["slices_d"]),
        ("slices whose lease ended", slices::RECLAIM, &["slices_leased"]),
        ("prolonging leases", slices::PROLONG, &["slices_pkey"]),
        ("a slice", slices::WORK, &["slices_pkey", "send_groups_pkey"]),
        ("workers with claims", sweeps::BUSY_WORKERS, &["messages_sending"]),
        ("claims of a worker", sweeps::CLAIMS_OF, &["messages_sending"]),
        ("overdue claims", sweeps::OVERDUE_CLAIMS, &["messages_sending"]),
        ("old doubts", sweeps::OLD_DOUBTS, &["messages_in_doubt"]),
        ("a page of doubts", doubts::PAGE, &["messages_in_doubt"]),
        ("decisions on doubts", doubts::ENDED, &["doubt_decisions_pkey", "messages_pkey"]),
        ("news of attempts", doubts::NEWS, &["attempt_news_pkey"]),
        ("failed messages", follow_ups::FAILED, &["messages_pkey"]),
        ("their runs", follow_ups::RUNS, &["messages_pkey"]),
        ("messages whose TTL passed", sweeps::TTL_PASSED, &["messages_awaiting"]),
        ("unsent messages", sweeps::UNSENT, &["messages_unsent"]),
        ("retries that are due", retries::RETRIES_DUE, &["messages_retrying"]),
        ("retries that are still due", retries::STILL_DUE, &["messages_pkey"]),
        ("placing retries", retries::PLACE, &["messages_pkey"]),
        ("a page of messages", messages::PAGE, &["messages_pkey"]),
        ("a page of excluded rows", messages::EXCLUDED_PAGE, &["excluded_pkey"]),
        ("a campaign by key", campaigns::BY_KEY, &["campaigns_key_key"]),
        ("a campaign by number", campaigns::BY_ID, &["campaigns_pkey"]),
        ("counters", campaigns::COUNTS, &["campaign_counts_pkey"]),
        ("whether something is unsent", campaigns::HAS_UNSENT, &["campaign_counts_pkey"]),
        ("groups", campaigns::GROUPS, &["send_groups_pkey", "slices_deferred"]),
        ("what a campaign has to purge", purging::RIPE, &["messages_pkey"]),
        ("purging messages", purging::EMPTY, &["messages_pkey"]),
        ("purging who was reached", purging::FORGET_REACHED, &["messages_pkey", "reached_people"]),
        ("purging doubts", purging::FORGET_DOUBTS, &["doubt_decisions_pkey"]),
        ("purging earlier attempts", purging::FORGET_ATTEMPTS, &["earlier_attempts_by_message"]),
        ("purging excluded rows", purging::EMPTY_EXCLUDED, &["excluded_pkey"]),
        ("noting how far campaigns are", samples::NOTE, &["campaign_samples_pkey"]),
        ("how far a campaign was", samples::READ, &["campaign_samples_pkey"]),
        ("a token", access::TOKEN, &["access_tokens_pkey"]),
        ("noting the use of a token", access::NOTE_USE, &["access_tokens_pkey"]),
        ("logging out", access::LOG_OUT, &["access_sessions_by_token"]),
        ("sessions that are over", access::FORGET, &["access_sessions_over"]),
        ("a session", access::SESSION, &["access_sessions_pkey"]),
        ("what people did", access::DEEDS, &["audit_log_pkey"]),
        ("refused rows of all campaigns", purging::REFUSED, &["excluded_pkey"]),
        ("who was purged meanwhile", launching::PURGED_MEANWHILE, &["messages_pkey"]),
        ("the campaigns of a person", purging::CAMPAIGNS_OF_PERSON, &["messages_once"]),
        ("the messages of a person", purging::OF_PERSON, &["messages_once"]),
        ("the do-not-send list", suppression::FIND, &["suppressions_pkey"]),
        ("how many people were reached", people::TALLY, &["reached_slots_pkey"]),
        ("slots of people", people::SLOTS, &["reached_slots_pkey"]),
        ("who was reached", people::KNOWN, &["reached_people_pkey"]),
        ("who need not be left alone", people::COOLED, &["cooldowns_over"]),
        ("what people had", people::CONTACTS, &["messages_once"]),
        ("a gate", templates::READ, &["templates_pkey"]),
    ];
    for (number, (name, sql, indexes)) in queries.into_iter().enumerate() {
        let plan = plan(&mut connection, number, sql).await;
        for index in indexes {
            assert!(plan.contains(index), "{name} should use {index}:\n{plan}");
        }
        for table in ["messages", "slices", "excluded", "parked_statuses", "suppressions", "earlier_attempts"]
        {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{name} walks over {table}:\n{plan}");
        }
    }
}
