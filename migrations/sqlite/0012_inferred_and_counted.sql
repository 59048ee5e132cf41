-- Matched by number, recipient and time alone: no answer and no key of ours ever named its id there. Never tried again.
ALTER TABLE messages ADD COLUMN inferred INTEGER NOT NULL DEFAULT 0;

-- When to look next whether exactly one message in doubt is the one that the status tells of. NULL: it does not say
-- enough for that.
ALTER TABLE parked_statuses ADD COLUMN look_at INTEGER;

CREATE INDEX parked_statuses_to_infer ON parked_statuses (look_at) WHERE look_at IS NOT NULL;

-- What webhooks brought beside statuses, and what of those is nobody's here, by kind and day. What the platform repeats
-- counts again.
CREATE TABLE webhook_counts (
    day     INTEGER NOT NULL,                    -- days since 1970, UTC, of when it came
    kind    TEXT NOT NULL,                      -- which kind
    number  TEXT NOT NULL,                      -- the id of the number that it is about; empty: of none
    n       INTEGER NOT NULL,                    -- how many
    last_at INTEGER NOT NULL,                    -- when the last one came
    PRIMARY KEY (day, kind, number)
) STRICT, WITHOUT ROWID;

-- What people said last of whether they want to be written to: what the platform tells late, or again, changes nothing.
CREATE TABLE last_choices (
    address TEXT NOT NULL PRIMARY KEY,          -- E.164 digits without plus, or business-scoped user id
    stops   INTEGER NOT NULL,                   -- no more; else they are welcome again
    said_at INTEGER NOT NULL                     -- by the platform's clock
) STRICT, WITHOUT ROWID;
