-- What every script of the job queue begins with: the keys of one sender's queue, laid out as apalis-redis does, the
-- server's time, how a job gets back into the line, and how it is counted what became of jobs.
local ACTIVE, DATA, META, WORKERS, INFLIGHT, DONE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local FAILED, COUNTS = KEYS[7], KEYS[8]

-- The server's clock, in whole seconds: those of the workers' machines need not agree.
local time = redis.call('TIME')
local now = tonumber(time[1])

-- Wakes the workers that wait for jobs.
local function announce()
    redis.call('PUBLISH', 'tasks:' .. ACTIVE .. ':available', now)
end

-- Counts what became of jobs, for people: in all, and by the minute for a little over an hour.
local function count(what, jobs)
    local minute = COUNTS .. ':' .. math.floor(now / 60)
    redis.call('HINCRBY', COUNTS, what, jobs)
    redis.call('HINCRBY', minute, what, jobs)
    redis.call('EXPIRE', minute, 4300)
end

-- Puts a job that was in somebody's hands first in the line: it has waited already.
local function put_back(id)
    if redis.call('HEXISTS', DATA, id) == 1 then
        local meta = META .. ':' .. id
        redis.call('HSET', meta, 'status', 'Pending', 'pushed_at', now)
        redis.call('HDEL', meta, 'locked_at', 'locked_by')
        redis.call('LPUSH', ACTIVE, id)
    end
end

-- Ends a worker's registration and puts back what it still had in hand. Returns how many jobs that were.
local function dismiss(worker)
    local held = INFLIGHT .. ':' .. worker
    local ids = redis.call('SMEMBERS', held)
    for _, id in ipairs(ids) do
        put_back(id)
    end
    redis.call('DEL', held, WORKERS .. ':metadata:' .. worker)
    redis.call('ZREM', WORKERS, worker)
    if #ids > 0 then
        count('lost', #ids)
        announce()
    end
    return #ids
end

-- Whether a worker is registered. A flush, or another worker that took it for dead, ends a registration.
local function is_registered(worker)
    return redis.call('ZSCORE', WORKERS, worker) ~= false
end
