-- In which turn a planned slice of a group is released: 0 retries, 1 what was never sent; in a turn, by number.
ALTER TABLE slices ADD COLUMN turn BIGINT NOT NULL DEFAULT 1;

DROP INDEX slices_planned;
CREATE INDEX slices_planned ON slices (campaign_id, group_no, turn, number) WHERE state = 'planned';
