-- Matched by number, recipient and time alone: no answer and no key of ours ever named its id there. Never tried again.
ALTER TABLE messages ADD COLUMN inferred BOOLEAN NOT NULL DEFAULT FALSE;

-- When to look next whether exactly one message in doubt is the one that the status tells of. NULL: it does not say
-- enough for that.
ALTER TABLE parked_statuses ADD COLUMN look_at BIGINT;

CREATE INDEX parked_statuses_to_infer ON parked_statuses (look_at) WHERE look_at IS NOT NULL;
