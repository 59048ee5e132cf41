//! The hot queries use their indexes: none of them walks over all messages.

use sqlx::{AssertSqlSafe, Row};

use super::{
    SqliteStore, access, campaigns, claiming, doubts, follow_ups, inferring, launching, messages, people,
    purging, samples, slices, statuses, suppression, sweeps, templates, transition,
};

/// The steps in which SQLite answers a query, in its own words.
async fn plan(store: &SqliteStore, sql: &str) -> Vec<String> {
    sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
        .fetch_all(store.raw())
        .await
        .unwrap_or_else(|e| panic!("{e}: {sql}"))
        .iter()
        .map(|row| row.get("detail"))
        .collect()
}

#[tokio::test]
async fn hot_queries_search_by_index() {
    let store = SqliteStore::in_memory().await.unwrap();
    let write_back: &str = &transition::WRITE_BACK[0];
    for (name, sql, index) in [
        ("messages by number", transition::BY_ID, "SEARCH m USING INTEGER PRIMARY KEY"),
        ("messages by id there", transition::BY_WAMID, "SEARCH m USING INDEX messages_by_wamid"),
        ("messages by an earlier id there", transition::BY_EARLIER_WAMID, "SEARCH e USING PRIMARY KEY"),
        ("writing messages back", write_back, "SEARCH messages USING INTEGER PRIMARY KEY"),
        ("counting what slices hold", transition::LEAVE_SLICES, "SEARCH slices USING PRIMARY KEY"),
        ("the terms of a claim", claiming::TERMS, "SEARCH s USING PRIMARY KEY"),
        ("what may be claimed", claiming::CLAIMABLE, "SEARCH m USING INTEGER PRIMARY KEY"),
        ("the do-not-send list in a claim", claiming::CLAIMABLE, "SEARCH d USING PRIMARY KEY"),
        (
            "parked statuses",
            statuses::PARKED,
            "SEARCH p USING COVERING INDEX sqlite_autoindex_parked_statuses_1 (wamid=?)",
        ),
        (
            "doubts in turn",
            inferring::DOUBTS,
            "USING COVERING INDEX messages_in_doubt ((campaign_id,doubt_since)>(?,?))",
        ),
        (
            "what is parked of doubts",
            inferring::TOLD,
            "INDEX parked_statuses_by_address (address=? AND parked_at>?)",
        ),
        (
            "… by another",
            inferring::TOLD,
            "INDEX parked_statuses_by_other_address (other_address=? AND parked_at>?)",
        ),
        ("… by id", inferring::TOLD, "SEARCH p USING INDEX sqlite_autoindex_parked_statuses_1 (wamid=?)"),
        (
            "whose status it is",
            inferring::CANDIDATES,
            "SEARCH m USING INDEX messages_once (campaign_id=? AND recipient=?)",
        ),
        ("what a slice holds", slices::PENDING, "USING INDEX messages_unsent (campaign_id=? AND slice_no=?)"),
        (
            "planned slices",
            slices::PLANNED,
            "SEARCH slices USING INDEX slices_planned (campaign_id=? AND group_no=? AND (turn,number)>(?,?))",
        ),
        ("deferred slices", slices::UNDEFER, "USING INDEX slices_due"),
        ("prolonging leases", slices::PROLONG, "SEARCH slices USING PRIMARY KEY"),
        ("slices whose lease ended", slices::RECLAIM, "USING INDEX slices_leased"),
        ("workers with claims", sweeps::BUSY_WORKERS, "USING COVERING INDEX messages_sending"),
        ("claims of a worker", sweeps::CLAIMS_OF, "USING COVERING INDEX messages_sending (worker=?)"),
        ("overdue claims", sweeps::OVERDUE_CLAIMS, "USING INDEX messages_sending"),
        (
            "old doubts",
            sweeps::OLD_DOUBTS,
            "SEARCH m USING INDEX messages_in_doubt (campaign_id=? AND doubt_since<?)",
        ),
        ("a page of doubts", doubts::PAGE, "messages_in_doubt (campaign_id=?"),
        ("decisions on doubts", doubts::ENDED, "SEARCH d USING PRIMARY KEY"),
        ("news of attempts", doubts::NEWS, "SEARCH attempt_news USING PRIMARY KEY"),
        ("failed messages", follow_ups::FAILED, "SEARCH m USING INTEGER PRIMARY KEY"),
        ("their runs", follow_ups::RUNS, "SEARCH m USING INTEGER PRIMARY KEY"),
        ("other runs in a claim", claiming::CLAIMABLE, "SEARCH o USING INTEGER PRIMARY KEY"),
        ("messages whose TTL passed", sweeps::TTL_PASSED, "messages_awaiting (ttl_at<?)"),
        ("unsent messages", sweeps::UNSENT, "messages_unsent (campaign_id=?)"),
        ("retries that are due", sweeps::RETRIES_DUE, "SEARCH m USING INDEX messages_retrying (retry_at<?)"),
        ("placing retries", sweeps::PLACE, "SEARCH messages USING INTEGER PRIMARY KEY"),
        (
            "a page of messages",
            messages::PAGE,
            "SEARCH messages USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        ),
        ("what a message was sent with", messages::SENT_WITH, "SEARCH m USING INTEGER PRIMARY KEY"),
        ("the same by its id there", messages::SENT_WITH_BY_WAMID, "SEARCH m USING INDEX messages_by_wamid"),
        ("a page of excluded rows", messages::EXCLUDED_PAGE, "SEARCH excluded USING PRIMARY KEY"),
        ("a campaign by key", campaigns::BY_KEY, "USING INDEX sqlite_autoindex_campaigns"),
        ("campaigns that are active", campaigns::ACTIVE, "USING INDEX campaigns_by_state"),
        ("a slice's work", slices::WORK, "SEARCH s USING PRIMARY KEY"),
        ("counts", campaigns::COUNTS, "SEARCH campaign_counts USING PRIMARY KEY"),
        (
            "whether something is unsent",
            campaigns::HAS_UNSENT,
            "SEARCH campaign_counts USING PRIMARY KEY (campaign_id=? AND state=?)",
        ),
        ("groups", campaigns::GROUPS, "SEARCH g USING PRIMARY KEY"),
        ("groups' next slice", campaigns::GROUPS, "USING COVERING INDEX slices_deferred"),
        (
            "what a campaign has to purge",
            purging::RIPE,
            "SEARCH m USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        ),
        ("purging messages", purging::EMPTY, "SEARCH messages USING INTEGER PRIMARY KEY"),
        (
            "purging who was reached",
            purging::FORGET_REACHED,
            "SEARCH reached_people USING PRIMARY KEY (portfolio=? AND address=?)",
        ),
        ("purging doubts", purging::FORGET_DOUBTS, "SEARCH doubt_decisions USING PRIMARY KEY"),
        ("purging earlier attempts", purging::FORGET_ATTEMPTS, "earlier_attempts_by_message (message_id=?)"),
        ("purging excluded rows", purging::EMPTY_EXCLUDED, "SEARCH excluded USING PRIMARY KEY"),
        (
            "how far a campaign was",
            samples::READ,
            "SEARCH campaign_samples USING PRIMARY KEY (campaign_id=?)",
        ),
        ("a token", access::TOKEN, "SEARCH access_tokens USING PRIMARY KEY (hash=?)"),
        ("noting the use of a token", access::NOTE_USE, "SEARCH access_tokens USING PRIMARY KEY (hash=?)"),
        ("logging out", access::LOG_OUT, "access_sessions_by_token (token_hash=?)"),
        ("sessions that are over", access::FORGET, "access_sessions_over (expires_at<?)"),
        ("a session", access::SESSION, "SEARCH access_sessions USING PRIMARY KEY (hash=?)"),
        ("what people did", access::DEEDS, "SEARCH audit_log USING INTEGER PRIMARY KEY (rowid<?)"),
        ("refused rows of all campaigns", purging::REFUSED, "SEARCH excluded USING PRIMARY KEY"),
        (
            "who was purged meanwhile",
            launching::PURGED_MEANWHILE,
            "SEARCH o USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            "the messages of a person",
            purging::OF_PERSON,
            "SEARCH m USING INDEX messages_once (campaign_id=? AND recipient=?)",
        ),
        ("the do-not-send list", suppression::FIND, "SEARCH s USING PRIMARY KEY"),
        ("how many people were reached", people::TALLY, "SEARCH reached_slots USING PRIMARY KEY"),
        ("slots of people", people::SLOTS, "SEARCH reached_slots USING PRIMARY KEY"),
        ("who was reached", people::KNOWN, "SEARCH p USING PRIMARY KEY (portfolio=? AND address=?)"),
        ("who is left alone", claiming::CLAIMABLE, "SEARCH d USING PRIMARY KEY (portfolio=? AND address=?)"),
        ("who need not be left alone", people::COOLED, "cooldowns_over (until<?)"),
        (
            "what people had",
            people::CONTACTS,
            "SEARCH m USING INDEX messages_once (campaign_id=? AND recipient=?)",
        ),
        ("a gate", templates::READ, "SEARCH templates USING PRIMARY KEY"),
    ] {
        let plan = plan(&store, sql).await;
        assert!(plan.iter().any(|step| step.contains(index)), "{name} should say '{index}': {plan:#?}");
        // JSON arguments, campaigns (few), the slots of a day (some hundred for each portfolio), claims under way and doubts
        // (indexes of nothing else) may be walked over.
        let may_scan = [
            "VIRTUAL TABLE",
            "SCAN c",
            "reached_slots",
            "SCAN portfolios",
            "messages_sending",
            "messages_in_doubt",
            "SCAN new",
            "CONSTANT ROW",
        ];
        let scans =
            |step: &&String| step.starts_with("SCAN") && !may_scan.iter().any(|may| step.contains(may));
        assert_eq!(plan.iter().find(scans), None, "{name} scans: {plan:#?}");
    }
}
