-- Ends a worker's registration.
--
-- ARGV[1]: the worker
return dismiss(ARGV[1])
