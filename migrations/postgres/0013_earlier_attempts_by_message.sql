-- The platform's ids of a message's earlier attempts, which go when it is purged.
CREATE INDEX earlier_attempts_by_message ON earlier_attempts (message_id);
