-- Puts back what a worker was given and has not begun.
--
-- ARGV[1]: the worker
-- ARGV[2..]: ids of the jobs that it has begun
local held = INFLIGHT .. ':' .. ARGV[1]
local begun = {}
for i = 2, #ARGV do
    begun[ARGV[i]] = true
end
local returned = 0
for _, id in ipairs(redis.call('SMEMBERS', held)) do
    if not begun[id] then
        redis.call('SREM', held, id)
        put_back(id)
        returned = returned + 1
    end
end
if returned > 0 then
    announce()
end
return returned
