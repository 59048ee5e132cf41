-- What the platform counted itself of a campaign's templates and days, as it was last asked.
CREATE TABLE analytics (
    campaign_id INTEGER NOT NULL PRIMARY KEY REFERENCES campaigns (id),
    counted     TEXT NOT NULL,                  -- what it said, as JSON
    pulled_at   INTEGER NOT NULL                     -- when it was asked
) STRICT, WITHOUT ROWID;
