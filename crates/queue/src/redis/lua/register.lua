-- Registers a worker under a new name, and hands it what the one before it, of the same process, still has in hand.
--
-- ARGV[1]: the worker
-- ARGV[2]: the worker before it, or ''
-- ARGV[3..]: ids of the jobs that the process has in hand
local worker, before = ARGV[1], ARGV[2]
redis.call('ZADD', WORKERS, now, worker)
redis.call('ZADD', 'core:apalis:queues:list', now, WORKERS)
redis.call('HSET', WORKERS .. ':metadata:' .. worker, 'backend_name', 'paceline', 'service', 'slices',
    'started_at', now)
if before ~= '' then
    for i = 3, #ARGV do
        -- Others may have taken it for dead and its jobs from it: those are theirs.
        if redis.call('SREM', INFLIGHT .. ':' .. before, ARGV[i]) == 1 then
            redis.call('SADD', INFLIGHT .. ':' .. worker, ARGV[i])
            redis.call('HSET', META .. ':' .. ARGV[i], 'locked_by', worker)
        end
    end
    dismiss(before)
end
return 1
