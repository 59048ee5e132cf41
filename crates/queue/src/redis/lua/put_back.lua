-- Puts back a job that its worker cannot do at the moment.
--
-- ARGV[1]: the worker
-- ARGV[2]: the job's id
-- Returns 1, or 0 where the worker does not hold it any more.
if redis.call('SREM', INFLIGHT .. ':' .. ARGV[1], ARGV[2]) == 0 then
    return 0
end
put_back(ARGV[2])
count('put_back', 1)
announce()
return 1
