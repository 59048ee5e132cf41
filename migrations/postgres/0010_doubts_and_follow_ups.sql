-- How doubts were ended without a word of the platform: by whom, when, and what it was about.
CREATE TABLE doubt_decisions (
    message_id  BIGINT NOT NULL,                -- messages.id
    attempt     BIGINT NOT NULL,                -- whose doubt it was
    decision    TEXT NOT NULL,                  -- campaign::doubt::Decision
    decided_by  TEXT,                           -- the operator; NULL: the campaign's policy
    decided_at  BIGINT NOT NULL,
    doubt_since BIGINT,                         -- since when it had been in doubt
    detail      TEXT NOT NULL,                  -- why it was in doubt
    PRIMARY KEY (message_id, attempt)
);

-- What was told of attempts after a doubt had been decided, of messages that were sent once more or whose state was
-- assumed: campaign::doubt::Told, by its rank.
CREATE TABLE attempt_news (
    message_id BIGINT NOT NULL,                 -- messages.id
    attempt    BIGINT NOT NULL,                 -- of which attempt
    told       BIGINT NOT NULL,                 -- the most that was told of it
    PRIMARY KEY (message_id, attempt)
);

-- A campaign that sends another one's failed messages again, under their own seq: that campaign's number.
ALTER TABLE campaigns ADD COLUMN follow_up_of BIGINT;
CREATE INDEX campaigns_follow_ups ON campaigns (follow_up_of) WHERE follow_up_of IS NOT NULL;
