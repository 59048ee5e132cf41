-- What must not be sent for now, and why: templates, senders, accounts.
CREATE TABLE brakes (
    kind   TEXT NOT NULL,                       -- template, sender, account
    key    TEXT NOT NULL,                       -- account/name/language; the sender's name; the account's id
    cause  TEXT NOT NULL,                       -- store::model::Cause: what lifts it asks for this
    reason TEXT NOT NULL,                       -- a sentence for people
    since  BIGINT NOT NULL,                     -- when it was set
    until  BIGINT,                              -- when it ends by itself; NULL: when it is lifted
    PRIMARY KEY (kind, key, cause)
);
