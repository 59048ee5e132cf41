-- Webhooks about a number name it as people write it; others tie that to its id.
CREATE TABLE numbers (
    display         TEXT NOT NULL PRIMARY KEY,   -- the number's digits
    phone_number_id TEXT NOT NULL                -- its id, as workers.toml names it
) STRICT, WITHOUT ROWID;

-- When the platform last spoke of whether something may be sent: what it repeats of an older word changes nothing.
CREATE TABLE last_words (
    kind    TEXT NOT NULL,                       -- as in brakes
    key     TEXT NOT NULL,                       -- as in brakes
    cause   TEXT NOT NULL,                       -- as in brakes; never a refusal
    said_at INTEGER NOT NULL,                    -- by the platform's clock
    lifts   INTEGER NOT NULL,                    -- whether that lifted a brake, else it set one
    PRIMARY KEY (kind, key, cause)
) STRICT, WITHOUT ROWID;
