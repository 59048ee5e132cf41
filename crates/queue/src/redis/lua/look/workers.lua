-- Who serves a sender. Changes nothing.
--
-- ARGV[1]: a worker that has been silent for so many seconds is dead
-- ARGV[2]: at most so many workers are looked at
-- Returns of each its name, since when it serves, when it was last heard of, whether it is alive, and how many jobs it has in
-- hand.
local rows = {}
local workers = redis.call('ZRANGE', WORKERS, 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
for i = 1, #workers, 2 do
    local worker, last = workers[i], tonumber(workers[i + 1])
    rows[#rows + 1] = {
        worker,
        redis.call('HGET', WORKERS .. ':metadata:' .. worker, 'started_at'),
        last,
        math.abs(now - last) < tonumber(ARGV[1]) and 1 or 0,
        redis.call('SCARD', INFLIGHT .. ':' .. worker),
    }
end
return rows
