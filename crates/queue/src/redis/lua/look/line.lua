-- One sender's line, counted. Changes nothing.
--
-- ARGV[1]: for how many minutes back
-- ARGV[2]: at most so many workers are looked at
-- Returns how many jobs wait, are in hand, are kept as done and as failed; then what became of jobs in all, and in each
-- of the last minutes, oldest first, the present one last.
local running = 0
for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, tonumber(ARGV[2]) - 1)) do
    running = running + redis.call('SCARD', INFLIGHT .. ':' .. worker)
end
local function counts(key)
    return redis.call('HMGET', key, 'done', 'put_back', 'panicked', 'unreadable', 'lost')
end
local minutes = {}
local present = math.floor(now / 60)
for minute = present - tonumber(ARGV[1]) + 1, present do
    minutes[#minutes + 1] = counts(COUNTS .. ':' .. minute)
end
return {
    {redis.call('LLEN', ACTIVE), running, redis.call('ZCARD', DONE), redis.call('ZCARD', FAILED)},
    counts(COUNTS),
    minutes,
}
