-- How far campaigns were, every few seconds while something changed: for charts.
CREATE TABLE campaign_samples (
    campaign_id BIGINT NOT NULL,                -- campaigns.id
    sampled_at  BIGINT NOT NULL,
    handled     BIGINT NOT NULL,                -- messages that need no sending any more
    delivered   BIGINT NOT NULL,                -- read ones included
    read        BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    spent       BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, sampled_at)
);
