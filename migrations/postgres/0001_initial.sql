-- All that Paceline keeps. Conventions of every table:
--   times are microseconds since 1970 UTC; money is millionths of the campaign's currency;
--   states are the names in campaign::message::State and campaign::lifecycle::State;
--   counters are kept in the transaction that changes the rows they count, never by scanning.
--
-- Who changes anything of a campaign locks its row in campaigns first, so that writers of one campaign take turns;
-- of several campaigns, in the order of their numbers. Then a template's row, then the park's advisory lock.

-- Facts about this database itself.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,  -- what it is
    value TEXT NOT NULL               -- what it says
);

-- The name of this database in correlation keys: eight of [a-z0-9], drawn once.
INSERT INTO meta (name, value)
SELECT 'install_id',
       string_agg(substr('abcdefghijklmnopqrstuvwxyz0123456789', 1 + floor(random() * 36)::int, 1), '')
FROM generate_series(1, 8);

-- One run of one definition over one audience. Its row changes with every bite: room for it on its page.
CREATE TABLE campaigns (
    id                BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- never used twice: webhooks name it for weeks
    key               TEXT UNIQUE,              -- the file's `campaign:`; NULL once a dead launch was given up
    state             TEXT NOT NULL,            -- lifecycle
    reason            TEXT,                     -- why it is in that state, or what it waits for
    file              TEXT NOT NULL,            -- where the file was, for messages to people
    definition        TEXT NOT NULL,            -- the file, frozen, as JSON
    plan_hash         TEXT NOT NULL,            -- the plan it was launched by
    currency          TEXT NOT NULL,            -- ISO 4217, of every amount of this campaign
    ttl_s             BIGINT NOT NULL,          -- messages' time to live after acceptance, seconds
    ends_at           BIGINT,                   -- definition.schedule.end: nothing is claimed from then on
    in_doubt          TEXT NOT NULL,            -- definition.in_doubt: hold, resend, drop
    in_doubt_after    BIGINT NOT NULL,          -- definition.in_doubt_after, microseconds
    retry_attempts    BIGINT NOT NULL,          -- definition.retry.attempts
    retry_base        BIGINT NOT NULL,          -- definition.retry.base, microseconds
    retry_max         BIGINT NOT NULL,          -- definition.retry.max, microseconds
    stop_waived       BOOLEAN NOT NULL DEFAULT FALSE,  -- an operator resumed it after its stop rule had fired
    budget            BIGINT,                   -- the ceiling; NULL: none
    spent             BIGINT NOT NULL DEFAULT 0,  -- sum of messages.cost
    reserved          BIGINT NOT NULL DEFAULT 0,  -- sum of messages.reserved
    unguarded         BIGINT NOT NULL DEFAULT 0,  -- what spent + reserved grew by without a claim asking the
                                                  -- budget first: a delivery after its reservation had been
                                                  -- released, a told cost above the worst case
    launched_at       BIGINT NOT NULL,          -- when it was launched
    touched_at        BIGINT NOT NULL,          -- while loading: when rows were last added
    started_at        BIGINT,                   -- first claim
    last_sent_at      BIGINT,                   -- latest claim
    finished_at       BIGINT,                   -- when it was done or cancelled
    planned_total     BIGINT NOT NULL DEFAULT 0,  -- rows of the audience
    excluded_total    BIGINT NOT NULL DEFAULT 0,  -- of these, refused by planning
    messages_total    BIGINT NOT NULL DEFAULT 0,  -- of these, messages
    attempts          BIGINT NOT NULL DEFAULT 0,  -- sum of messages.attempt
    next_slice        BIGINT NOT NULL DEFAULT 0   -- number of the next slice to be made
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE INDEX campaigns_by_state ON campaigns (state);

-- How many messages of a campaign are in a state.
CREATE TABLE campaign_counts (
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    state       TEXT NOT NULL,                  -- message state
    n           BIGINT NOT NULL,                -- messages in it now
    PRIMARY KEY (campaign_id, state)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- How many messages of a campaign are failed, by code.
CREATE TABLE failure_counts (
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    code        TEXT NOT NULL,                  -- the platform's code, in decimal; empty: it gave none
    n           BIGINT NOT NULL,                -- messages whose present state is failed, with that code
    PRIMARY KEY (campaign_id, code)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Messages that go out under the same conditions.
CREATE TABLE send_groups (
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    number      BIGINT NOT NULL,                -- in the campaign, from 0
    sender      TEXT NOT NULL,                  -- its name in the configuration
    waba_id     TEXT NOT NULL,                  -- the template's account
    template    TEXT NOT NULL,                  -- the template's name
    language    TEXT NOT NULL,                  -- the template's language code
    variant     TEXT,                           -- the variant's name
    zone        TEXT NOT NULL,                  -- IANA time zone
    planned     BIGINT NOT NULL DEFAULT 0,      -- messages waiting in planned slices    } kept by the
    deferred    BIGINT NOT NULL DEFAULT 0,      -- messages waiting in deferred slices   } triggers on
    released    BIGINT NOT NULL DEFAULT 0,      -- messages waiting in released slices   } slices
    PRIMARY KEY (campaign_id, number)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What travels on the queue as one job.
CREATE TABLE slices (
    campaign_id BIGINT NOT NULL,
    number      BIGINT NOT NULL,                -- in the campaign, from 0
    group_no    BIGINT NOT NULL,                -- its group
    state       TEXT NOT NULL DEFAULT 'planned',  -- planned (may be released), deferred (not before
                                                  -- not_before), released (to a worker), done
    messages    BIGINT NOT NULL,                -- messages that wait in it: those with messages.placed
    not_before  BIGINT,                         -- deferred until then
    lease_until BIGINT,                         -- released: taken back if not finished by then
    PRIMARY KEY (campaign_id, number),
    FOREIGN KEY (campaign_id, group_no) REFERENCES send_groups (campaign_id, number)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX slices_planned ON slices (campaign_id, group_no, number) WHERE state = 'planned';
CREATE INDEX slices_deferred ON slices (campaign_id, group_no, not_before) WHERE state = 'deferred';
CREATE INDEX slices_due ON slices (not_before) INCLUDE (campaign_id) WHERE state = 'deferred';
CREATE INDEX slices_leased ON slices (lease_until) INCLUDE (campaign_id) WHERE state = 'released';

-- A group's counters follow its slices, whatever statement changes them: once a statement, not once a row.
CREATE FUNCTION slices_are_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE send_groups AS g
    SET planned = g.planned + s.planned, deferred = g.deferred + s.deferred, released = g.released + s.released
    FROM (SELECT campaign_id, group_no,
                 coalesce(sum(messages) FILTER (WHERE state = 'planned'), 0)::bigint AS planned,
                 coalesce(sum(messages) FILTER (WHERE state = 'deferred'), 0)::bigint AS deferred,
                 coalesce(sum(messages) FILTER (WHERE state = 'released'), 0)::bigint AS released
          FROM inserted GROUP BY campaign_id, group_no) AS s
    WHERE g.campaign_id = s.campaign_id AND g.number = s.group_no;
    RETURN NULL;
END $$;

CREATE FUNCTION slices_are_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE send_groups AS g
    SET planned = g.planned + s.planned, deferred = g.deferred + s.deferred, released = g.released + s.released
    FROM (SELECT campaign_id, group_no,
                 coalesce(sum(messages) FILTER (WHERE state = 'planned'), 0)::bigint AS planned,
                 coalesce(sum(messages) FILTER (WHERE state = 'deferred'), 0)::bigint AS deferred,
                 coalesce(sum(messages) FILTER (WHERE state = 'released'), 0)::bigint AS released
          FROM (SELECT campaign_id, group_no, state, messages FROM after_update
                UNION ALL
                SELECT campaign_id, group_no, state, -messages FROM before_update) AS changes
          GROUP BY campaign_id, group_no) AS s
    WHERE g.campaign_id = s.campaign_id AND g.number = s.group_no
      AND (s.planned, s.deferred, s.released) <> (0, 0, 0);
    RETURN NULL;
END $$;

CREATE TRIGGER slices_inserted AFTER INSERT ON slices
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION slices_are_inserted();

CREATE TRIGGER slices_updated AFTER UPDATE ON slices
    REFERENCING OLD TABLE AS before_update NEW TABLE AS after_update
    FOR EACH STATEMENT EXECUTE FUNCTION slices_are_updated();

-- One recipient of one campaign. Its number holds campaign and seq, so that one integer finds it and rows of
-- a campaign lie together in the order of seq. Each row is updated some five times: room for it on its page, and
-- vacuumed before a fifth of the table is dead.
CREATE TABLE messages (
    id             BIGINT PRIMARY KEY,          -- campaign_id << 32 | seq
    campaign_id    BIGINT NOT NULL,             -- the campaign
    slice_no       BIGINT NOT NULL,             -- the slice it travels in, or last travelled in
    group_no       BIGINT NOT NULL,             -- its group
    state          TEXT NOT NULL DEFAULT 'queued',  -- message state
    assumed        BOOLEAN NOT NULL DEFAULT FALSE,  -- that state was assumed by us, not told by the platform
    placed         BOOLEAN NOT NULL DEFAULT TRUE,   -- waits in its slice to be sent (queued, or retrying and
                                                    -- given a slice again)
    attempt        BIGINT NOT NULL DEFAULT 0,   -- newest attempt; 0: never claimed
    failures       BIGINT NOT NULL DEFAULT 0,   -- attempts that counted as failures, for the retry policy
    resent         BOOLEAN NOT NULL DEFAULT FALSE,  -- a doubt was ended by sending once more; not done twice
    worker         TEXT,                        -- sending, in_doubt: who has claimed it
    wamid          TEXT,                        -- the platform's id of the newest attempt
    failure_code   BIGINT,                      -- why it failed, is retrying, in doubt or skipped: the code,
    failure_class  TEXT,                        --   its class,
    failure_detail TEXT,                        --   and one sentence
    retry_at       BIGINT,                      -- retrying: not before then
    claimed_at     BIGINT,                      -- newest claim
    doubt_since    BIGINT,                      -- in_doubt: since when
    accepted_at    BIGINT,                      -- when the response that took it was recorded
    ttl_at         BIGINT,                      -- when its TTL ends, from acceptance (or the first sign of it)
    sent_at        BIGINT,                      -- first time of each status, by the platform's clock
    delivered_at   BIGINT,                      --   (read implies delivered)
    read_at        BIGINT,
    route          TEXT,                        -- marketing_lite or marketing, from the status's pricing
    cost           BIGINT,                      -- what it cost; NULL: not delivered
    cost_told      BOOLEAN NOT NULL DEFAULT FALSE,  -- the platform told the cost; else it is the rate card's
    reserved       BIGINT NOT NULL DEFAULT 0,   -- what its open attempts may still cost at the most
    worst_case     BIGINT NOT NULL,             -- what one attempt costs at the most
    expected_cost  BIGINT NOT NULL,             -- what it costs when delivered with no price told
    multiplier     TEXT,                        -- the bid multiplier, in decimal
    recipient      TEXT NOT NULL,               -- E.164 digits without plus, or business-scoped user id
    country        TEXT NOT NULL,               -- ISO 3166 code
    content        TEXT NOT NULL                -- what is filled into the template, frozen, as JSON
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.05);

-- The last guard of at most once.
CREATE UNIQUE INDEX messages_once ON messages (campaign_id, recipient);
-- What a slice still has to send; what a campaign still has to send.
CREATE INDEX messages_unsent ON messages (campaign_id, slice_no) WHERE state IN ('queued', 'retrying');
CREATE INDEX messages_by_wamid ON messages (wamid) WHERE wamid IS NOT NULL;
-- What the sweeps look for, each.
CREATE INDEX messages_sending ON messages (worker) WHERE state = 'sending';
CREATE INDEX messages_retrying ON messages (retry_at) WHERE state = 'retrying' AND NOT placed;
CREATE INDEX messages_in_doubt ON messages (campaign_id, doubt_since) WHERE state = 'in_doubt';
CREATE INDEX messages_awaiting ON messages (ttl_at) WHERE state IN ('accepted', 'held', 'sent');

-- The platform's ids of attempts before the newest, so that their statuses still find their message.
CREATE TABLE earlier_attempts (
    wamid      TEXT NOT NULL PRIMARY KEY,       -- the platform's id
    message_id BIGINT NOT NULL,                 -- messages.id
    attempt    BIGINT NOT NULL                  -- which attempt
);

-- Rows of the audience that planning refused.
CREATE TABLE excluded (
    campaign_id BIGINT NOT NULL,
    seq         BIGINT NOT NULL,                -- audience row, from 0
    line        BIGINT NOT NULL,                -- line in the file, from 1
    recipient   TEXT NOT NULL,                  -- the address as it stood in the file
    reason      TEXT NOT NULL,                  -- kind of reason
    detail      TEXT NOT NULL,                  -- the reason as a sentence
    PRIMARY KEY (campaign_id, seq)
);

-- Statuses of messages that are not known here (yet): the response of the send is still to be recorded.
CREATE TABLE parked_statuses (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in the order in which they came
    wamid     TEXT NOT NULL,                    -- the platform's id
    status    TEXT NOT NULL,                    -- the update, as JSON
    parked_at BIGINT NOT NULL                   -- when it came
);

-- A duplicate is parked once. By a hash: an index entry has no room for every status.
CREATE UNIQUE INDEX parked_statuses_once ON parked_statuses (wamid, hashtextextended(status, 0));
CREATE INDEX parked_statuses_by_age ON parked_statuses (parked_at);

-- The do-not-send list.
CREATE TABLE suppressions (
    address       TEXT NOT NULL PRIMARY KEY,    -- E.164 digits without plus, or business-scoped user id
    source        TEXT NOT NULL,                -- where it came from: import, stop, 131050, …
    suppressed_at BIGINT NOT NULL               -- since when
);

-- Templates and their sync gates.
CREATE TABLE templates (
    waba_id    TEXT NOT NULL,                   -- the account
    name       TEXT NOT NULL,                   -- the template
    language   TEXT NOT NULL,                   -- its language code
    gate       TEXT NOT NULL,                   -- campaign::gate::GateState, as JSON
    changed_at BIGINT NOT NULL,                 -- when the gate last changed
    PRIMARY KEY (waba_id, name, language)
) WITH (fillfactor = 50);

-- Starts of worker processes that claimed something.
CREATE TABLE workers (
    name    TEXT NOT NULL PRIMARY KEY,          -- unique per process start
    seen_at BIGINT NOT NULL                     -- last heartbeat or claim
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
