-- How many jobs wait, and how many are in workers' hands.
local running = 0
for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
    running = running + redis.call('SCARD', INFLIGHT .. ':' .. worker)
end
return {redis.call('LLEN', ACTIVE), running}
