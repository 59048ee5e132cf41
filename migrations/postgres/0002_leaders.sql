-- Who leads in which role, of several processes that could.
CREATE TABLE leaders (
    role       TEXT NOT NULL PRIMARY KEY,       -- what is led: scheduler, …
    holder     TEXT NOT NULL,                   -- who leads: unique per process start
    expires_at BIGINT NOT NULL                  -- until when, unless renewed; from then on it is free
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
