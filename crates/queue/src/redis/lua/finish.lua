-- A job has ended. The last ones are kept for people to look at, done and failed ones apart; the data of older ones goes.
--
-- ARGV[1]: the worker
-- ARGV[2]: the job's id
-- ARGV[3]: how it ended: done, panicked or unreadable
-- ARGV[4]: how many ended jobs are kept of each
-- Returns 1, or 0 where the worker does not hold it any more: others took it for dead, it was pushed again, or
-- everything was lost.
local worker, id, how, kept = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('SREM', INFLIGHT .. ':' .. worker, id) == 0 then
    return 0
end
local ended, status, result = DONE, 'Done', '{"Ok":null}'
if how ~= 'done' then
    ended, status, result = FAILED, 'Failed', '{"Err":"' .. how .. '"}'
end
redis.call('HSET', META .. ':' .. id, 'status', status, 'how', how, 'done_at', now, 'result', result)
-- To the microsecond, so that those of one second are in order.
redis.call('ZADD', ended, time[1] .. '.' .. string.format('%06d', time[2]), id)
local over = math.min(redis.call('ZCARD', ended) - kept, 100)
if over > 0 then
    for _, old in ipairs(redis.call('ZRANGE', ended, 0, over - 1)) do
        redis.call('HDEL', DATA, old)
        redis.call('DEL', META .. ':' .. old)
        redis.call('ZREM', ended, old)
    end
end
count(how, 1)
return 1
