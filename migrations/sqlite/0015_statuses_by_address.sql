-- Whom the message of a parked status was sent to, where it says enough to be matched by that: doubts look for theirs.
ALTER TABLE parked_statuses ADD COLUMN address TEXT;        -- digits, or a business-scoped user id
ALTER TABLE parked_statuses ADD COLUMN other_address TEXT;  -- the same person's other one

UPDATE parked_statuses
SET address = status ->> '$.about.recipients[0]', other_address = status ->> '$.about.recipients[1]'
WHERE look_at IS NOT NULL;

CREATE INDEX parked_statuses_by_address ON parked_statuses (address, parked_at) WHERE address IS NOT NULL;
CREATE INDEX parked_statuses_by_other_address ON parked_statuses (other_address, parked_at)
    WHERE other_address IS NOT NULL;

-- Nothing is looked at by its time any more.
DROP INDEX parked_statuses_to_infer;
ALTER TABLE parked_statuses DROP COLUMN look_at;
