-- Adds jobs to the line. apalis's own push puts every task into the scheduled set, from which its fetch promotes all
-- that are due in one call, and fails where they are 8,000 or more; here they go into the line at once.
--
-- ARGV[1]: after so many seconds in the line, whether a job is really still there is looked at
-- ARGV[2..]: id and data of each job
-- Returns how many were added.
local added = 0
for i = 2, #ARGV, 2 do
    local id, data = ARGV[i], ARGV[i + 1]
    local meta = META .. ':' .. id
    local known = redis.call('HMGET', meta, 'status', 'pushed_at', 'locked_by')
    local status, pushed_at, worker = known[1], tonumber(known[2]), known[3]
    local waits = false
    if status == 'Pending' and pushed_at then
        local age = now - pushed_at
        waits = age >= 0 and age < tonumber(ARGV[1])
        if not waits then
            -- A memory that is evicted can lose the line and keep the rest. In a long line it is believed to be.
            waits = redis.call('LLEN', ACTIVE) > 1000 or redis.call('LPOS', ACTIVE, id) ~= false
        end
    end
    if not waits then
        if status == 'Running' and worker then
            -- Whoever has it in hand has not been heard of by the database: others go on with it.
            if redis.call('SREM', INFLIGHT .. ':' .. worker, id) == 1 then
                count('lost', 1)
            end
        elseif status == 'Done' then
            redis.call('ZREM', DONE, id)
        elseif status == 'Failed' then
            redis.call('ZREM', FAILED, id)
        end
        redis.call('DEL', meta)
        redis.call('HSET', DATA, id, data)
        redis.call('HSET', meta, 'attempts', 0, 'max_attempts', 1, 'status', 'Pending', 'pushed_at', now)
        redis.call('RPUSH', ACTIVE, id)
        added = added + 1
    end
end
if added > 0 then
    announce()
end
return added
