-- Recurring campaigns. Their runs are campaigns, named after them and the time: weekly@2026-11-23T10:00.
CREATE TABLE series (
    key           TEXT PRIMARY KEY,             -- no campaign has it
    state         TEXT NOT NULL,                -- campaign::series::State
    file          TEXT NOT NULL,                -- where the campaign file was, for messages to people
    audience      TEXT NOT NULL,                -- where the audience is: its absolute path, read anew for each run
    definition    TEXT NOT NULL,                -- the campaign file, frozen
    launched_at   BIGINT NOT NULL,
    handled_at    BIGINT NOT NULL,              -- every time up to this one was run or skipped
    trying_since  BIGINT,                       -- the first try of a run that could not be made yet
    problem       TEXT,                         -- why a run could not be made the last time that happened
    problem_at    BIGINT,                       -- when that was
    skipped_total BIGINT NOT NULL DEFAULT 0,    -- times that were skipped in all
    skipped_times BIGINT,                       -- how many were skipped together last
    skipped_first BIGINT,                       -- the first of these
    skipped_last  BIGINT,                       -- the last of these
    skipped_why   TEXT                          -- why these were
);
