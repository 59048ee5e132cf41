-- A page of one sender's jobs. Changes nothing.
--
-- ARGV[1]: waiting, running, done or failed
-- ARGV[2]: how many to leave out first
-- ARGV[3]: at most so many
-- ARGV[4]: at most so many workers are looked at
-- Returns the id of each, its data, and how it stands.
local list, skip, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ids = {}
if list == 'waiting' then
    ids = redis.call('LRANGE', ACTIVE, skip, skip + limit - 1)
elseif list == 'done' then
    ids = redis.call('ZREVRANGE', DONE, skip, skip + limit - 1)
elseif list == 'failed' then
    ids = redis.call('ZREVRANGE', FAILED, skip, skip + limit - 1)
else
    local workers = redis.call('ZRANGE', WORKERS, 0, tonumber(ARGV[4]) - 1)
    table.sort(workers)
    for _, worker in ipairs(workers) do
        local held = INFLIGHT .. ':' .. worker
        local jobs = redis.call('SCARD', held)
        if skip >= jobs then
            skip = skip - jobs
        elseif #ids < limit then
            -- Not more than a process works on at once.
            local members = redis.call('SMEMBERS', held)
            table.sort(members)
            for i = skip + 1, math.min(jobs, skip + limit - #ids) do
                ids[#ids + 1] = members[i]
            end
            skip = 0
        end
    end
end
local rows = {}
for i, id in ipairs(ids) do
    rows[i] = {id, {redis.call('HGET', DATA, id), redis.call('HMGET', META .. ':' .. id, 'status', 'how', 'attempts',
        'pushed_at', 'locked_by', 'locked_at', 'done_at')}}
end
return rows
