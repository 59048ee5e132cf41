-- Whose messaging limit and frequency caps a group's messages count towards: the business portfolio's id, or its account's.
ALTER TABLE send_groups ADD COLUMN portfolio TEXT NOT NULL DEFAULT '';
UPDATE send_groups SET portfolio = waba_id;

-- definition.limits.per_recipient: at most so many messages, in so many microseconds. NULL: any number.
ALTER TABLE campaigns ADD COLUMN cap_max BIGINT;
ALTER TABLE campaigns ADD COLUMN cap_per BIGINT;

-- People that are left alone for a time, whatever the campaign (platform: 131049).
CREATE TABLE cooldowns (
    portfolio TEXT NOT NULL,                    -- who must not write to them
    address   TEXT NOT NULL,                    -- E.164 digits without plus, or business-scoped user id
    until     BIGINT NOT NULL,                  -- until when
    PRIMARY KEY (portfolio, address)
);

CREATE INDEX cooldowns_over ON cooldowns (until);

-- Of portfolios with a limit: when each person was last written to, in slots of five minutes since 1970. What counts no
-- longer is removed when a new slot begins.
CREATE TABLE reached_people (
    portfolio TEXT NOT NULL,
    address   TEXT NOT NULL,
    slot      BIGINT NOT NULL,
    PRIMARY KEY (portfolio, address)
);

-- How many people were last written to in a slot: what reached_people adds up to.
CREATE TABLE reached_slots (
    portfolio TEXT NOT NULL,
    slot      BIGINT NOT NULL,
    people    BIGINT NOT NULL,
    PRIMARY KEY (portfolio, slot)
);
