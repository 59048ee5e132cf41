-- How far campaigns were, every few seconds while something changed: for charts.
CREATE TABLE campaign_samples (
    campaign_id INTEGER NOT NULL,                -- campaigns.id
    sampled_at  INTEGER NOT NULL,
    handled     INTEGER NOT NULL,                -- messages that need no sending any more
    delivered   INTEGER NOT NULL,                -- read ones included
    read        INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    spent       INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, sampled_at)
) STRICT, WITHOUT ROWID;
