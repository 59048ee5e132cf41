-- Webhooks about a number name it as people write it; others tie that to its id.
CREATE TABLE numbers (
    display         TEXT NOT NULL PRIMARY KEY,   -- the number's digits
    phone_number_id TEXT NOT NULL                -- its id, as workers.toml names it
) STRICT, WITHOUT ROWID;
