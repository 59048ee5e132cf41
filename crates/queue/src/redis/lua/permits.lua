-- The limiter of one sender: campaign::pacing::limiter::Limiter, step by step, on this server's clock and shared by
-- all workers. Each call is one step. What the numbers mean, and why, is written there; a test holds both together.
--
-- KEYS[1]: the state, a hash: rate, factor, slowed, logged (the log's length), server, and
--     s:<campaign>             virtual time|waiting until|asked at|own rate
--     w:<campaign>:<instance>  waiting since|told to come at|keeps other campaigns waiting until
-- KEYS[2]: the log of the sender's grants, oldest first; KEYS[2]:<campaign> those of a campaign's own rate
--
-- ARGV[1]: take, give_back, postpone, slow_down, factor or reset
-- ARGV[2]: now in microseconds; '' for the server's clock
-- ARGV[3]: the sender's rate per second
-- ARGV[4..10]: margin (seconds), lead, horizon, patience (microseconds), closest, slowest, and how long an instance
--     that was told to come is waited for (microseconds)
-- ARGV[11]: which start of the server this is; '' where that is not told
-- ARGV[12..]: of the operation
--
-- Instants are whole microseconds below 2^53, which a number of Lua holds exactly.
local STATE, LOG = KEYS[1], KEYS[2]
local OPERATION = ARGV[1]
local RATE = tonumber(ARGV[3])
local MARGIN, LEAD, HORIZON, PATIENCE = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local CLOSEST, SLOWEST, GRACE = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local SERVER = ARGV[11]
local SECOND = 1000000

-- An argument of the operation.
local function argument(i)
    return ARGV[11 + i]
end

local now
if ARGV[2] == '' then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * SECOND + tonumber(time[2])
else
    now = tonumber(ARGV[2])
end

local function whole(number)
    return string.format('%.0f', number)
end

local function exact(number)
    return string.format('%.17g', number)
end

-- a * b + c rounded once, as the limiter has it: a rounding more, and a rate of 75 a second becomes one of 74.
local function fused(a, b, c)
    local function split(x)
        local t = 134217729 * x
        local high = t - (t - x)
        return high, x - high
    end
    local product = a * b
    local a_high, a_low = split(a)
    local b_high, b_low = split(b)
    local lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    local sum = product + c
    local t = sum - product
    return sum + (((product - (sum - t)) + (c - t)) + lost)
end

-- Windows -----------------------------------------------------------------------------------------------------------

local function window_of(key, per_second)
    local capacity = math.max(math.floor(per_second), 1)
    local nominal = capacity / per_second
    local length = math.ceil((nominal + MARGIN * math.min(nominal, 1)) * 1e6)
    return {key = key, capacity = capacity, length = length, spacing = math.floor(length / capacity * CLOSEST)}
end

-- Reads what of a log the next `permits` grants depend on.
local function open(window, permits)
    window.size = redis.call('LLEN', window.key)
    window.from = math.max(0, window.size - window.capacity)
    window.counted = redis.call('LRANGE', window.key, window.from, window.from + permits)
    window.last = tonumber(redis.call('LINDEX', window.key, -1))
    window.granted = {}
    return window
end

-- The earliest instant at or after `from` at which one more grant is within the rate.
local function earliest(window, from)
    local at = from
    if window.last then
        at = math.max(at, window.last + window.spacing)
    end
    local i = window.size + #window.granted - window.capacity
    if i >= 0 then
        local before
        if i < window.size then
            before = tonumber(window.counted[i - window.from + 1])
        else
            before = window.granted[i - window.size + 1]
        end
        at = math.max(at, before + window.length)
    end
    return at
end

local function grant(window, at)
    window.granted[#window.granted + 1] = at
    window.last = at
end

local function append(key, instants)
    for i = 1, #instants, 1000 do
        local part = {}
        for j = i, math.min(i + 999, #instants) do
            part[#part + 1] = whole(instants[j])
        end
        redis.call('RPUSH', key, unpack(part))
    end
end

-- Writes the grants to the log, and forgets those that count no more.
local function close(window)
    append(window.key, window.granted)
    local size = 0
    while true do
        local oldest = redis.call('LRANGE', window.key, size, size + 31)
        local old = 0
        while old < #oldest and tonumber(oldest[old + 1]) + window.length <= now do
            old = old + 1
        end
        size = size + old
        if old < 32 then
            break
        end
    end
    if size > 0 then
        redis.call('LTRIM', window.key, size, -1)
    end
end

-- As if the window that ends when the first grant may come had been used up evenly.
local function fill(window)
    local step = math.floor(window.length / window.capacity)
    local grants = {}
    for i = 1, window.capacity do
        grants[i] = now + step * i
    end
    redis.call('DEL', window.key)
    append(window.key, grants)
end

local function insert(key, at)
    local stop = redis.call('LLEN', key) - 1
    local next_one
    local found = false
    while stop >= 0 and not found do
        local start = math.max(0, stop - 63)
        local part = redis.call('LRANGE', key, start, stop)
        for i = #part, 1, -1 do
            if tonumber(part[i]) <= at then
                found = true
                break
            end
            next_one = part[i]
        end
        stop = start - 1
    end
    if next_one then
        redis.call('LINSERT', key, 'BEFORE', next_one, whole(at))
    else
        redis.call('RPUSH', key, whole(at))
    end
end

-- The state ---------------------------------------------------------------------------------------------------------

local state = {factor = 1}
local shares = {}
local waiters = {}

local function own_key(campaign)
    return LOG .. ':' .. campaign
end

local function parts_of(text)
    local parts = {}
    for part in string.gmatch(text, '[^|]+') do
        parts[#parts + 1] = part
    end
    return parts
end

local function load()
    local known = redis.call('HGETALL', STATE)
    for i = 1, #known, 2 do
        local field, value = known[i], known[i + 1]
        local kind = string.sub(field, 1, 2)
        if kind == 's:' then
            local parts = parts_of(value)
            local own = parts[4]
            if own == '-' then
                own = nil
            end
            shares[string.sub(field, 3)] = {
                virtual_time = tonumber(parts[1]),
                waiting_until = tonumber(parts[2]),
                asked_at = tonumber(parts[3]),
                own = own,
            }
        elseif kind == 'w:' then
            local parts = parts_of(value)
            waiters[string.sub(field, 3)] = {
                since = tonumber(parts[1]),
                come_at = tonumber(parts[2]),
                waiting_until = tonumber(parts[3]),
            }
        elseif field == 'server' then
            state.server = value
        else
            state[field] = tonumber(value)
        end
    end
    return #known > 0
end

-- What is lost in part is as good as lost: of a server that was started again from the disk, or of a replica that took
-- over, nobody knows how much it has forgotten. So is what lies ahead of a clock that went back: it would hold the
-- sender up until the clock is there again.
local function is_sound()
    if state.server ~= SERVER or state.logged ~= redis.call('LLEN', LOG) then
        return false
    end
    local ahead = now + window_of(LOG, RATE * state.factor).length + HORIZON + SECOND
    local last = tonumber(redis.call('LINDEX', LOG, -1))
    return (not last or last <= ahead) and (not state.slowed or state.slowed <= ahead)
end

local function forget()
    redis.call('DEL', STATE, LOG)
    for campaign in pairs(shares) do
        redis.call('DEL', own_key(campaign))
    end
    state, shares, waiters = {factor = 1}, {}, {}
end

local function save_share(campaign)
    local share = shares[campaign]
    redis.call('HSET', STATE, 's:' .. campaign, table.concat({
        exact(share.virtual_time), whole(share.waiting_until), whole(share.asked_at), share.own or '-',
    }, '|'))
end

-- Nothing expires that still counts; what expires later than it must costs the sender a quiet second at the most.
local function save()
    redis.call('HSET', STATE, 'rate', exact(RATE), 'factor', exact(state.factor), 'server', SERVER,
        'logged', redis.call('LLEN', LOG))
    if state.slowed then
        redis.call('HSET', STATE, 'slowed', whole(state.slowed))
    else
        redis.call('HDEL', STATE, 'slowed')
    end
    local longest = math.max(window_of(LOG, RATE * state.factor).length, window_of(LOG, RATE).length)
    for _, share in pairs(shares) do
        if share.own then
            longest = math.max(longest, window_of('', tonumber(share.own)).length)
        end
    end
    local lives = whole(600000 + math.ceil(longest / 1000) * 3)
    redis.call('PEXPIRE', STATE, lives)
    redis.call('PEXPIRE', LOG, lives)
    for campaign, share in pairs(shares) do
        if share.own then
            redis.call('PEXPIRE', own_key(campaign), lives)
        end
    end
end

-- A twentieth of the rate is won back for each second without throttling.
local function recover()
    if not state.slowed then
        return
    end
    local seconds = math.floor(math.max(now - state.slowed, 0) / SECOND)
    if seconds > 0 then
        state.factor = math.min(fused(0.05, seconds, state.factor), 1)
        state.slowed = state.factor < 1 and state.slowed + seconds * SECOND or nil
    end
end

local function forget_the_absent()
    for campaign, share in pairs(shares) do
        local own_counts = false
        if share.own then
            own_counts = earliest(open(window_of(own_key(campaign), tonumber(share.own)), 0), now) > now
        end
        if not (now < share.asked_at + 10 * SECOND or own_counts) then
            shares[campaign] = nil
            redis.call('HDEL', STATE, 's:' .. campaign)
            redis.call('DEL', own_key(campaign))
        end
    end
    for name, waiter in pairs(waiters) do
        if waiter.come_at + 10 * SECOND < now then
            waiters[name] = nil
            redis.call('HDEL', STATE, 'w:' .. name)
        end
    end
end

-- The processes that ask for one campaign wait in a line, or the one that is nearest to the server would get all.

-- The others that wait for a campaign: whether one has waited for longer and is expected about now, and until when they
-- keep other campaigns waiting.
local function others_in_line(campaign, instance)
    local prefix = campaign .. ':'
    local mine = waiters[prefix .. instance]
    local since = mine and mine.since or now
    local is_overtaking, waiting_until = false, 0
    for name, waiter in pairs(waiters) do
        if string.sub(name, 1, #prefix) == prefix and name ~= prefix .. instance then
            if waiter.come_at + GRACE < now then
                waiters[name] = nil
                redis.call('HDEL', STATE, 'w:' .. name)
            else
                is_overtaking = is_overtaking or (waiter.since < since and waiter.come_at <= now + 5000)
                waiting_until = math.max(waiting_until, waiter.waiting_until)
            end
        end
    end
    return is_overtaking, waiting_until
end

local function wait_in_line(campaign, instance, come_at, waiting_until)
    local name = campaign .. ':' .. instance
    local mine = waiters[name]
    local since = mine and math.min(mine.since, now) or now
    local record = table.concat({whole(since), whole(come_at), whole(waiting_until)}, '|')
    redis.call('HSET', STATE, 'w:' .. name, record)
end

local function leave_the_line(campaign, instance)
    if waiters[campaign .. ':' .. instance] then
        redis.call('HDEL', STATE, 'w:' .. campaign .. ':' .. instance)
    end
end

-- The operations ----------------------------------------------------------------------------------------------------

-- Arguments: campaign, weight, own rate or '', permits, instance. Returns 1, now and the permits; or 0, now and when to ask
-- again.
local function take()
    local campaign, weight, wanted = argument(1), math.max(tonumber(argument(2)), 1), argument(3)
    local permits, instance = math.max(tonumber(argument(4)), 1), argument(5)
    recover()
    forget_the_absent()
    local window = open(window_of(LOG, RATE * state.factor), permits)
    local floor, ceiling = math.huge, 0
    for _, share in pairs(shares) do
        floor = math.min(floor, share.virtual_time)
        ceiling = math.max(ceiling, share.virtual_time)
    end
    local level = ceiling - window.capacity / weight
    local share = shares[campaign]
    if not share then
        share = {virtual_time = floor < math.huge and floor or 0, waiting_until = 0}
        shares[campaign] = share
    end
    share.asked_at = now
    local own
    if wanted == '' then
        if share.own then
            redis.call('DEL', own_key(campaign))
        end
        share.own = nil
    else
        if not share.own then
            redis.call('DEL', own_key(campaign))
        end
        share.own = wanted
        own = open(window_of(own_key(campaign), tonumber(wanted)), permits)
    end

    local function ask_again(at, waits_until)
        share.waiting_until = waits_until
        save_share(campaign)
        wait_in_line(campaign, instance, at, waits_until)
        return {0, now, at}
    end
    if own then
        local own_earliest = earliest(own, now)
        if own_earliest > now + LEAD then
            share.virtual_time = math.max(share.virtual_time, level)
            return ask_again(own_earliest - LEAD, 0)
        end
    end
    local first = earliest(window, now)
    local behind, has_company = false, false
    for id, other in pairs(shares) do
        if id ~= campaign then
            behind = behind or (other.waiting_until >= now and other.virtual_time < share.virtual_time)
            has_company = has_company or now < other.asked_at + SECOND
        end
    end
    if first > now + LEAD then
        return ask_again(first - LEAD, first - LEAD + PATIENCE)
    end
    local is_overtaking, others_wait_until = others_in_line(campaign, instance)
    if behind or is_overtaking then
        return ask_again(now + 2000, now + PATIENCE)
    end

    local answer = {1, now}
    local from = now
    while #window.granted < permits do
        local at = earliest(window, from)
        if own then
            local own_at = earliest(own, at)
            if #window.granted > 0 and has_company and own_at > at then
                break
            end
            at = math.max(at, own_at)
        end
        if #window.granted > 0 and at > now + HORIZON then
            break
        end
        grant(window, at)
        if own then
            grant(own, at)
        end
        answer[#answer + 1] = at
        from = at
    end
    close(window)
    if own then
        close(own)
    end
    share.waiting_until = others_wait_until
    share.virtual_time = share.virtual_time + #window.granted / weight
    save_share(campaign)
    leave_the_line(campaign, instance)
    return answer
end

-- Arguments: campaign, weight, the permits.
local function give_back()
    local campaign, weight = argument(1), math.max(tonumber(argument(2)), 1)
    local share = shares[campaign]
    local permits = 0
    while argument(3 + permits) do
        local permit = argument(3 + permits)
        redis.call('LREM', LOG, -1, permit)
        if share and share.own then
            redis.call('LREM', own_key(campaign), -1, permit)
        end
        permits = permits + 1
    end
    if share then
        share.virtual_time = share.virtual_time - permits / weight
        save_share(campaign)
    end
    return {1, now}
end

-- Arguments: campaign, the permit. Returns whether it may be used now, and now.
local function postpone()
    local campaign, name = argument(1), argument(2)
    local permit = tonumber(name)
    local share = shares[campaign]
    local windows = {window_of(LOG, RATE * state.factor)}
    if share and share.own then
        windows[2] = window_of(own_key(campaign), tonumber(share.own))
    end
    for _, window in ipairs(windows) do
        -- It still counts, and none that counts it as its window's oldest can have been made yet.
        if now + HORIZON >= permit + window.length or not redis.call('LPOS', window.key, name, 'RANK', -1) then
            return {0, now}
        end
    end
    for _, window in ipairs(windows) do
        redis.call('LREM', window.key, -1, name)
        insert(window.key, math.max(now, permit))
    end
    return {1, now}
end

local function slow_down()
    if not state.slowed or now >= state.slowed + SECOND then
        state.factor = math.max(state.factor * 0.7, SLOWEST)
        state.slowed = now
    end
    return {1, now}
end

local is_known = load()
if OPERATION == 'factor' then
    return {is_known and exact(state.factor) or '1', whole(now)}
end
if OPERATION == 'reset' or not is_known or not is_sound() then
    forget()
    fill(window_of(LOG, RATE))
end
local operations = {take = take, give_back = give_back, postpone = postpone, slow_down = slow_down}
local answer = OPERATION == 'reset' and {1, now} or operations[OPERATION]()
save()
return answer
