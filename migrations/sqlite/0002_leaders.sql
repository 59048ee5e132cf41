-- Who leads in which role, of several processes that could.
CREATE TABLE leaders (
    role       TEXT NOT NULL PRIMARY KEY,       -- what is led: scheduler, …
    holder     TEXT NOT NULL,                   -- who leads: unique per process start
    expires_at INTEGER NOT NULL                 -- until when, unless renewed; from then on it is free
) STRICT, WITHOUT ROWID;

-- From this version on messages.worker is kept while a message is in doubt: that worker may find out that its
-- claim's answer was lost and nothing ever left.
