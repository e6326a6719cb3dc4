-- The end of one request: what it held gives way to what it used. Once for each request id; see take.lua.
-- ARGV: request id, then for each limit that was held: name, length in ms (0: no window), buckets, held, used.
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[1], 'hold:' .. ARGV[1])
local clock = redis.call('TIME')
local at = clock[1] * 1000 + math.floor(clock[2] / 1000)
for i = 2, #ARGV, 5 do
  local length = tonumber(ARGV[i + 1])
  redis.call('HINCRBY', KEYS[1], ARGV[i] .. ':held', -ARGV[i + 3])
  redis.call('HINCRBY', KEYS[1], ARGV[i] .. ':used', ARGV[i + 4])
  if length > 0 then
    local index = math.floor(at * ARGV[i + 2] / length)
    redis.call('HINCRBY', KEYS[1], ARGV[i] .. index, ARGV[i + 4])
    redis.call('HSETNX', KEYS[1], ARGV[i] .. ':oldest', index)
  end
end
return 1
