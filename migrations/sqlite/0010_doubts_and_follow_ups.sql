-- How doubts were ended without a word of the platform: by whom, when, and what it was about.
CREATE TABLE doubt_decisions (
    message_id  INTEGER NOT NULL,               -- messages.id
    attempt     INTEGER NOT NULL,               -- whose doubt it was
    decision    TEXT NOT NULL,                  -- campaign::doubt::Decision
    decided_by  TEXT,                           -- the operator; NULL: the campaign's policy
    decided_at  INTEGER NOT NULL,
    doubt_since INTEGER,                        -- since when it had been in doubt
    detail      TEXT NOT NULL,                  -- why it was in doubt
    PRIMARY KEY (message_id, attempt)
) STRICT, WITHOUT ROWID;

-- What was told of attempts after a doubt had been decided, of messages that were sent once more or whose state was
-- assumed: campaign::doubt::Told, by its rank.
CREATE TABLE attempt_news (
    message_id INTEGER NOT NULL,                -- messages.id
    attempt    INTEGER NOT NULL,                -- of which attempt
    told       INTEGER NOT NULL,                -- the most that was told of it
    PRIMARY KEY (message_id, attempt)
) STRICT, WITHOUT ROWID;

-- A campaign that sends another one's failed messages again, under their own seq: that campaign's number.
ALTER TABLE campaigns ADD COLUMN follow_up_of INTEGER;
CREATE INDEX campaigns_follow_ups ON campaigns (follow_up_of) WHERE follow_up_of IS NOT NULL;
