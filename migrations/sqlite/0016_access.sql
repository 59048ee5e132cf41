-- Who may look and change over HTTP. Tokens themselves are kept nowhere: only their SHA-256.
CREATE TABLE access_tokens (
    hash         TEXT PRIMARY KEY,              -- hexadecimal
    name         TEXT NOT NULL,                 -- whose it is
    role         TEXT NOT NULL,                 -- store::access::Role
    created_at   INTEGER NOT NULL,
    created_by   TEXT NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,                        -- to the minute
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_tokens_by_name ON access_tokens (name) WHERE revoked_at IS NULL;

-- Browsers that are logged in: what is in their cookie, hashed likewise.
CREATE TABLE access_sessions (
    hash       TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL,                   -- with which they logged in
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_sessions_by_token ON access_sessions (token_hash);
CREATE INDEX access_sessions_over ON access_sessions (expires_at);

-- What people did, whichever way.
CREATE TABLE audit_log (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    done_at INTEGER NOT NULL,
    who     TEXT NOT NULL,                      -- the token's name; at the command line the user of the system
    via     TEXT NOT NULL,                      -- store::access::Via
    action  TEXT NOT NULL,                      -- as the command is called: pause, doubt resolve
    target  TEXT NOT NULL,                      -- what it was done to; never a recipient's address
    detail  TEXT NOT NULL,
    outcome TEXT NOT NULL                       -- store::access::Outcome
) STRICT;
