-- A job is done. The last ones are kept for people to look at, the data of older ones goes.
--
-- ARGV[1]: the worker
-- ARGV[2]: the job's id
-- ARGV[3]: how many finished jobs are kept
-- Returns 1, or 0 where the worker does not hold it any more: others took it for dead, it was pushed again, or
-- everything was lost.
local worker, id, kept = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('SREM', INFLIGHT .. ':' .. worker, id) == 0 then
    return 0
end
local meta = META .. ':' .. id
redis.call('HSET', meta, 'status', 'Done', 'done_at', now, 'result', '{"Ok":null}')
redis.call('ZADD', DONE, now, id)
local over = math.min(redis.call('ZCARD', DONE) - kept, 100)
if over > 0 then
    for _, old in ipairs(redis.call('ZRANGE', DONE, 0, over - 1)) do
        redis.call('HDEL', DATA, old)
        redis.call('DEL', META .. ':' .. old)
        redis.call('ZREM', DONE, old)
    end
end
return 1
