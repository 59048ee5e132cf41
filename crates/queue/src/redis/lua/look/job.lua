-- One job. Changes nothing.
--
-- ARGV[1]: its id
-- Returns its data and how it stands; all of it is empty where it is not known.
return {redis.call('HGET', DATA, ARGV[1]), redis.call('HMGET', META .. ':' .. ARGV[1], 'status', 'how', 'attempts', 'pushed_at', 'locked_by', 'locked_at',
    'done_at')}
