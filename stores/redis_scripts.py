"""What has to be one step in Redis, in Lua; a script is executed whole, and nothing else meanwhile."""

WRITE = """
-- KEYS: the writer's number, then every hash that changes; ARGV: the number, who hears of it, what they hear,
-- and verb, hash, field and value of each change. A number that is known was written before: its answer was lost.
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then return 0 end
for i = 4, #ARGV, 4 do
    local verb, hash, field, value = ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3]
    if verb == 'put' then
        redis.call('HSET', hash, field, value)
    elseif verb == 'drop' then
        redis.call('HDEL', hash, field)
    elseif verb == 'add' then
        redis.call('HINCRBY', hash, field, value)
    else
        for _, name in ipairs(redis.call('HKEYS', hash)) do
            if string.sub(name, 1, #field) == field then redis.call('HDEL', hash, name) end
        end
    end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', 86400)
if ARGV[3] ~= '' then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return 1
"""

TAKE = """
-- KEYS: account, index of accounts, call; ARGV: account, holder, amount, limit
local before = redis.call('GET', KEYS[3])
if before then return tonumber(before) end
local left = tonumber(ARGV[4])
for _, used in ipairs(redis.call('HVALS', KEYS[1])) do left = left - tonumber(used) end
local granted = math.max(0, math.min(tonumber(ARGV[3]), left))
if granted > 0 then
    redis.call('HINCRBY', KEYS[1], 'leased:' .. ARGV[2], granted)
    redis.call('ZADD', KEYS[2], 0, ARGV[1])
end
redis.call('SET', KEYS[3], granted, 'EX', 60)
return granted
"""

SETTLE = """
-- KEYS: account, index of accounts, call; ARGV: account, holder, spent, back
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local field = 'leased:' .. ARGV[2]
redis.call('HINCRBY', KEYS[1], 'spent', ARGV[3])
local left = tonumber(redis.call('HGET', KEYS[1], field) or '0') - tonumber(ARGV[3]) - tonumber(ARGV[4])
if left > 0 then redis.call('HSET', KEYS[1], field, left) else redis.call('HDEL', KEYS[1], field) end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('SET', KEYS[3], 1, 'EX', 60)
return 1
"""

CLOSE = """
-- KEYS: account, index of accounts; ARGV: account
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
"""

CLAIM = """
-- KEYS: claim; ARGV: holder, milliseconds
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) else redis.call('DEL', KEYS[1]) end
return 1
"""
