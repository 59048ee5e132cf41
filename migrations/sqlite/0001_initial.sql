-- All that Paceline keeps. Conventions of every table:
--   times are microseconds since 1970 UTC; money is millionths of the campaign's currency;
--   states are the names in campaign::message::State and campaign::lifecycle::State;
--   counters are kept in the transaction that changes the rows they count, never by scanning.

-- Facts about this database itself.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,  -- what it is
    value TEXT NOT NULL               -- what it says
) STRICT, WITHOUT ROWID;

-- The name of this database in correlation keys: eight of [a-z0-9], drawn once.
INSERT INTO meta (name, value)
WITH RECURSIVE draw (n, drawn) AS (
    SELECT 0, ''
    UNION ALL
    SELECT n + 1,
           drawn || substr('abcdefghijklmnopqrstuvwxyz0123456789', 1 + (random() & 0x7fffffff) % 36, 1)
    FROM draw
    WHERE n < 8
)
SELECT 'install_id', drawn FROM draw WHERE n = 8;

-- One run of one definition over one audience.
CREATE TABLE campaigns (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: webhooks name it for weeks
    key               TEXT UNIQUE,              -- the file's `campaign:`; NULL once a dead launch was given up
    state             TEXT NOT NULL,            -- lifecycle
    reason            TEXT,                     -- why it is in that state, or what it waits for
    file              TEXT NOT NULL,            -- where the file was, for messages to people
    definition        TEXT NOT NULL,            -- the file, frozen, as JSON
    plan_hash         TEXT NOT NULL,            -- the plan it was launched by
    currency          TEXT NOT NULL,            -- ISO 4217, of every amount of this campaign
    ttl_s             INTEGER NOT NULL,         -- messages' time to live after acceptance, seconds
    ends_at           INTEGER,                  -- definition.schedule.end: nothing is claimed from then on
    in_doubt          TEXT NOT NULL,            -- definition.in_doubt: hold, resend, drop
    in_doubt_after    INTEGER NOT NULL,         -- definition.in_doubt_after, microseconds
    retry_attempts    INTEGER NOT NULL,         -- definition.retry.attempts
    retry_base        INTEGER NOT NULL,         -- definition.retry.base, microseconds
    retry_max         INTEGER NOT NULL,         -- definition.retry.max, microseconds
    stop_waived       INTEGER NOT NULL DEFAULT 0,  -- an operator resumed it after its stop rule had fired
    budget            INTEGER,                  -- the ceiling; NULL: none
    spent             INTEGER NOT NULL DEFAULT 0,  -- sum of messages.cost
    reserved          INTEGER NOT NULL DEFAULT 0,  -- sum of messages.reserved
    unguarded         INTEGER NOT NULL DEFAULT 0,  -- what spent + reserved grew by without a claim asking the
                                                   -- budget first: a delivery after its reservation had been
                                                   -- released, a told cost above the worst case
    launched_at       INTEGER NOT NULL,         -- when it was launched
    touched_at        INTEGER NOT NULL,         -- while loading: when rows were last added
    started_at        INTEGER,                  -- first claim
    last_sent_at      INTEGER,                  -- latest claim
    finished_at       INTEGER,                  -- when it was done or cancelled
    planned_total     INTEGER NOT NULL DEFAULT 0,  -- rows of the audience
    excluded_total    INTEGER NOT NULL DEFAULT 0,  -- of these, refused by planning
    messages_total    INTEGER NOT NULL DEFAULT 0,  -- of these, messages
    attempts          INTEGER NOT NULL DEFAULT 0,  -- sum of messages.attempt
    next_slice        INTEGER NOT NULL DEFAULT 0   -- number of the next slice to be made
) STRICT;

CREATE INDEX campaigns_by_state ON campaigns (state);

-- How many messages of a campaign are in a state.
CREATE TABLE campaign_counts (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    state       TEXT NOT NULL,                  -- message state
    n           INTEGER NOT NULL,               -- messages in it now
    PRIMARY KEY (campaign_id, state)
) STRICT, WITHOUT ROWID;

-- How many messages of a campaign are failed, by code.
CREATE TABLE failure_counts (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    code        TEXT NOT NULL,                  -- the platform's code, in decimal; empty: it gave none
    n           INTEGER NOT NULL,               -- messages whose present state is failed, with that code
    PRIMARY KEY (campaign_id, code)
) STRICT, WITHOUT ROWID;

-- Messages that go out under the same conditions.
CREATE TABLE send_groups (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    number      INTEGER NOT NULL,               -- in the campaign, from 0
    sender      TEXT NOT NULL,                  -- its name in the configuration
    waba_id     TEXT NOT NULL,                  -- the template's account
    template    TEXT NOT NULL,                  -- the template's name
    language    TEXT NOT NULL,                  -- the template's language code
    variant     TEXT,                           -- the variant's name
    zone        TEXT NOT NULL,                  -- IANA time zone
    planned     INTEGER NOT NULL DEFAULT 0,     -- messages waiting in planned slices    } kept by the
    deferred    INTEGER NOT NULL DEFAULT 0,     -- messages waiting in deferred slices   } triggers on
    released    INTEGER NOT NULL DEFAULT 0,     -- messages waiting in released slices   } slices
    PRIMARY KEY (campaign_id, number)
) STRICT, WITHOUT ROWID;

-- What travels on the queue as one job.
CREATE TABLE slices (
    campaign_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,               -- in the campaign, from 0
    group_no    INTEGER NOT NULL,               -- its group
    state       TEXT NOT NULL DEFAULT 'planned',  -- planned (may be released), deferred (not before
                                                  -- not_before), released (to a worker), done
    messages    INTEGER NOT NULL,               -- messages that wait in it: those with messages.placed = 1
    not_before  INTEGER,                        -- deferred until then
    lease_until INTEGER,                        -- released: taken back if not finished by then
    PRIMARY KEY (campaign_id, number),
    FOREIGN KEY (campaign_id, group_no) REFERENCES send_groups (campaign_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX slices_planned ON slices (campaign_id, group_no, number) WHERE state = 'planned';
CREATE INDEX slices_deferred ON slices (campaign_id, group_no, not_before) WHERE state = 'deferred';
CREATE INDEX slices_due ON slices (not_before) WHERE state = 'deferred';
CREATE INDEX slices_leased ON slices (lease_until) WHERE state = 'released';

-- A group's counters follow its slices, whatever statement changes them.
CREATE TRIGGER slices_inserted AFTER INSERT ON slices BEGIN
    UPDATE send_groups
    SET planned = planned + (NEW.state = 'planned') * NEW.messages,
        deferred = deferred + (NEW.state = 'deferred') * NEW.messages,
        released = released + (NEW.state = 'released') * NEW.messages
    WHERE campaign_id = NEW.campaign_id AND number = NEW.group_no;
END;

CREATE TRIGGER slices_updated AFTER UPDATE OF state, messages ON slices BEGIN
    UPDATE send_groups
    SET planned = planned + (NEW.state = 'planned') * NEW.messages - (OLD.state = 'planned') * OLD.messages,
        deferred = deferred + (NEW.state = 'deferred') * NEW.messages - (OLD.state = 'deferred') * OLD.messages,
        released = released + (NEW.state = 'released') * NEW.messages - (OLD.state = 'released') * OLD.messages
    WHERE campaign_id = NEW.campaign_id AND number = NEW.group_no;
END;

-- One recipient of one campaign. Its number holds campaign and seq, so that one integer finds it and rows of
-- a campaign lie together in the order of seq.
CREATE TABLE messages (
    id             INTEGER PRIMARY KEY,         -- campaign_id << 32 | seq
    campaign_id    INTEGER NOT NULL,            -- the campaign
    slice_no       INTEGER NOT NULL,            -- the slice it travels in, or last travelled in
    group_no       INTEGER NOT NULL,            -- its group
    state          TEXT NOT NULL DEFAULT 'queued',  -- message state
    assumed        INTEGER NOT NULL DEFAULT 0,  -- 1: that state was assumed by us, not told by the platform
    placed         INTEGER NOT NULL DEFAULT 1,  -- 1: waits in its slice to be sent (queued, or retrying and
                                                -- given a slice again); 0 otherwise
    attempt        INTEGER NOT NULL DEFAULT 0,  -- newest attempt; 0: never claimed
    failures       INTEGER NOT NULL DEFAULT 0,  -- attempts that counted as failures, for the retry policy
    resent         INTEGER NOT NULL DEFAULT 0,  -- 1: a doubt was ended by sending once more; not done twice
    worker         TEXT,                        -- sending: who has claimed it
    wamid          TEXT,                        -- the platform's id of the newest attempt
    failure_code   INTEGER,                     -- why it failed, is retrying, in doubt or skipped: the code,
    failure_class  TEXT,                        --   its class,
    failure_detail TEXT,                        --   and one sentence
    retry_at       INTEGER,                     -- retrying: not before then
    claimed_at     INTEGER,                     -- newest claim
    doubt_since    INTEGER,                     -- in_doubt: since when
    accepted_at    INTEGER,                     -- when the response that took it was recorded
    ttl_at         INTEGER,                     -- when its TTL ends, from acceptance (or the first sign of it)
    sent_at        INTEGER,                     -- first time of each status, by the platform's clock
    delivered_at   INTEGER,                     --   (read implies delivered)
    read_at        INTEGER,
    route          TEXT,                        -- marketing_lite or marketing, from the status's pricing
    cost           INTEGER,                     -- what it cost; NULL: not delivered
    cost_told      INTEGER NOT NULL DEFAULT 0,  -- 1: the platform told the cost; 0: the rate card's
    reserved       INTEGER NOT NULL DEFAULT 0,  -- what its open attempts may still cost at the most
    worst_case     INTEGER NOT NULL,            -- what one attempt costs at the most
    expected_cost  INTEGER NOT NULL,            -- what it costs when delivered with no price told
    multiplier     TEXT,                        -- the bid multiplier, in decimal
    recipient      TEXT NOT NULL,               -- E.164 digits without plus, or business-scoped user id
    country        TEXT NOT NULL,               -- ISO 3166 code
    content        TEXT NOT NULL                -- what is filled into the template, frozen, as JSON
) STRICT;

-- The last guard of at most once.
CREATE UNIQUE INDEX messages_once ON messages (campaign_id, recipient);
-- What a slice still has to send; what a campaign still has to send.
CREATE INDEX messages_unsent ON messages (campaign_id, slice_no) WHERE state IN ('queued', 'retrying');
CREATE INDEX messages_by_wamid ON messages (wamid) WHERE wamid IS NOT NULL;
-- What the sweeps look for, each.
CREATE INDEX messages_sending ON messages (worker) WHERE state = 'sending';
CREATE INDEX messages_retrying ON messages (retry_at) WHERE state = 'retrying' AND placed = 0;
CREATE INDEX messages_in_doubt ON messages (campaign_id, doubt_since) WHERE state = 'in_doubt';
CREATE INDEX messages_awaiting ON messages (ttl_at) WHERE state IN ('accepted', 'held', 'sent');

-- The platform's ids of attempts before the newest, so that their statuses still find their message.
CREATE TABLE earlier_attempts (
    wamid      TEXT NOT NULL PRIMARY KEY,       -- the platform's id
    message_id INTEGER NOT NULL,                -- messages.id
    attempt    INTEGER NOT NULL                 -- which attempt
) STRICT, WITHOUT ROWID;

-- Rows of the audience that planning refused.
CREATE TABLE excluded (
    campaign_id INTEGER NOT NULL,
    seq         INTEGER NOT NULL,               -- audience row, from 0
    line        INTEGER NOT NULL,               -- line in the file, from 1
    recipient   TEXT NOT NULL,                  -- the address as it stood in the file
    reason      TEXT NOT NULL,                  -- kind of reason
    detail      TEXT NOT NULL,                  -- the reason as a sentence
    PRIMARY KEY (campaign_id, seq)
) STRICT, WITHOUT ROWID;

-- Statuses of messages that are not known here (yet): the response of the send is still to be recorded.
CREATE TABLE parked_statuses (
    id        INTEGER PRIMARY KEY,              -- in the order in which they came
    wamid     TEXT NOT NULL,                    -- the platform's id
    status    TEXT NOT NULL,                    -- the update, as JSON
    parked_at INTEGER NOT NULL,                 -- when it came
    UNIQUE (wamid, status)                      -- a duplicate is parked once
) STRICT;

CREATE INDEX parked_statuses_by_age ON parked_statuses (parked_at);

-- The do-not-send list.
CREATE TABLE suppressions (
    address       TEXT NOT NULL PRIMARY KEY,    -- E.164 digits without plus, or business-scoped user id
    source        TEXT NOT NULL,                -- where it came from: import, stop, 131050, …
    suppressed_at INTEGER NOT NULL              -- since when
) STRICT, WITHOUT ROWID;

-- Templates and their sync gates.
CREATE TABLE templates (
    waba_id    TEXT NOT NULL,                   -- the account
    name       TEXT NOT NULL,                   -- the template
    language   TEXT NOT NULL,                   -- its language code
    gate       TEXT NOT NULL,                   -- campaign::gate::GateState, as JSON
    changed_at INTEGER NOT NULL,                -- when the gate last changed
    PRIMARY KEY (waba_id, name, language)
) STRICT, WITHOUT ROWID;

-- Starts of worker processes that claimed something.
CREATE TABLE workers (
    name    TEXT NOT NULL PRIMARY KEY,          -- unique per process start
    seen_at INTEGER NOT NULL                    -- last heartbeat or claim
) STRICT, WITHOUT ROWID;
