-- Says that a worker lives, and puts back what workers held that have been silent for too long.
--
-- ARGV[1]: the worker
-- ARGV[2]: a worker that has been silent for so many seconds is dead
-- ARGV[3]: only a worker that was heard of so many seconds ago at the most judges others
-- Returns how many jobs were put back.
local worker, silent, fresh = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local last = tonumber(redis.call('ZSCORE', WORKERS, worker))
if not last then
    return redis.error_reply('UNREGISTERED the worker ' .. worker .. ' is not registered')
end
redis.call('ZADD', WORKERS, now, worker)
local returned = 0
-- After a pause of the server nobody has been heard of, and nobody is dead for that.
if math.abs(now - last) <= fresh then
    local dead = redis.call('ZRANGEBYSCORE', WORKERS, '-inf', now - silent, 'LIMIT', 0, 16)
    -- The server's clock may have gone back: who lives has been heard of since.
    for _, other in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, now + silent, '+inf', 'LIMIT', 0, 16)) do
        dead[#dead + 1] = other
    end
    for _, other in ipairs(dead) do
        returned = returned + dismiss(other)
    end
end
return returned
