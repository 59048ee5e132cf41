-- Which attempt's doubt was ended by sending once more (0: none's; until now only whether there is one) is in
-- messages.resent. What is known of that attempt: campaign::message::Fate. It may turn out to have been taken as long
-- as it is not over.
ALTER TABLE messages ADD COLUMN resent_fate TEXT NOT NULL DEFAULT 'over';

UPDATE messages SET resent = attempt, resent_fate = 'open'
WHERE resent <> 0 AND assumed = 1 AND state IN ('retrying', 'skipped');

-- From this version on messages.wamid is the resent attempt's while that stands for the message.
