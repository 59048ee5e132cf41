-- Takes the next job from the line into a worker's hands.
--
-- ARGV[1]: the worker
-- Returns its id and data, or nil.
local worker = ARGV[1]
if not is_registered(worker) then
    return redis.error_reply('UNREGISTERED the worker ' .. worker .. ' is not registered')
end
for _ = 1, 200 do
    local id = redis.call('LPOP', ACTIVE)
    if not id then
        return nil
    end
    local data = redis.call('HGET', DATA, id)
    local meta = META .. ':' .. id
    -- An id may be in the line twice, or without its data: then there is nothing to do for it, and apalis's own fetch
    -- would fail on it again and again.
    if data and redis.call('HGET', meta, 'status') == 'Pending' then
        redis.call('SADD', INFLIGHT .. ':' .. worker, id)
        redis.call('HSET', meta, 'status', 'Running', 'locked_by', worker, 'locked_at', now)
        redis.call('HINCRBY', meta, 'attempts', 1)
        return {id, data}
    end
end
return nil
