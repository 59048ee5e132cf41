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

-- What the accounts have, as they told when they were asked last and as webhooks told since.
CREATE TABLE account_templates (
    waba_id  TEXT NOT NULL,                      -- the account
    name     TEXT NOT NULL,                      -- the template
    language TEXT NOT NULL,                      -- its language code
    facts    TEXT NOT NULL,                      -- store::registry::TemplateFacts, as JSON
    read_at  INTEGER,                            -- when the account was last asked for it; NULL: only webhooks told of it
    PRIMARY KEY (waba_id, name, language)
) STRICT, WITHOUT ROWID;
