-- Admission of one request for one user: ask all limits, then take from all, or from none. A sketch of what the shared
-- counters need, to be measured by bench/stores.py; it is not the product's.
-- KEYS: the user's counts (hash), the user's holds (sorted by the end of their lease). One hash slot.
-- ARGV: request id, lease in ms, then for each limit: name, length in ms (0: no window), buckets, limit, amount, whether
-- it counts at once (1) or is held (0).
local clock = redis.call('TIME')
local at = clock[1] * 1000 + math.floor(clock[2] / 1000)
local asked = {}
for i = 3, #ARGV, 6 do
  asked[#asked + 1] = ARGV[i] .. ':used'
  asked[#asked + 1] = ARGV[i] .. ':held'
  asked[#asked + 1] = ARGV[i] .. ':oldest'
end
local have = redis.call('HMGET', KEYS[1], unpack(asked))
local changes = {}
for i = 3, #ARGV, 6 do
  local place = (i - 3) / 2
  local name, length, buckets = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local used = tonumber(have[place + 1] or 0)
  if length > 0 then
    local index = math.floor(at * buckets / length)
    local oldest = tonumber(have[place + 3] or index)
    if oldest < index - buckets then
      local left = {}
      for old = oldest, math.min(oldest + buckets, index - buckets - 1) do left[#left + 1] = name .. old end
      for _, amount in ipairs(redis.call('HMGET', KEYS[1], unpack(left))) do used = used - (amount or 0) end
      redis.call('HDEL', KEYS[1], unpack(left))
      redis.call('HSET', KEYS[1], name .. ':used', used, name .. ':oldest', index - buckets)
    end
    changes[i] = index
  end
  if used + (have[place + 2] or 0) + ARGV[i + 4] > tonumber(ARGV[i + 3]) then return {0, name} end
end
local held = {}
for i = 3, #ARGV, 6 do
  if ARGV[i + 5] == '1' then
    redis.call('HINCRBY', KEYS[1], ARGV[i] .. ':used', ARGV[i + 4])
    if changes[i] then
      redis.call('HINCRBY', KEYS[1], ARGV[i] .. changes[i], ARGV[i + 4])
      redis.call('HSETNX', KEYS[1], ARGV[i] .. ':oldest', changes[i])
    end
  else
    redis.call('HINCRBY', KEYS[1], ARGV[i] .. ':held', ARGV[i + 4])
    held[#held + 1] = ARGV[i] .. '=' .. ARGV[i + 4]
  end
end
redis.call('HSET', KEYS[1], 'hold:' .. ARGV[1], table.concat(held, ' '))
redis.call('ZADD', KEYS[2], at + ARGV[2], ARGV[1])
return {1}
