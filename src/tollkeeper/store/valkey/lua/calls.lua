-- Calls: what the functions of this library do. Every one has the place as its only key, and begins with the epoch and
-- the time that a test sets; those that change something go on with an id.
local CHECK, CHECK_SIZE = '<BBdI4', 14 -- scope, code, limit; -1: it is only to be counted
local PAST, PAST_SIZE = '<BBdI4d', 22 -- scope, code, amount, moment
local DEMAND = '<dddddddddd'

-- epoch, time, id, demand, node, several, checks, field…
local function admit(keys, args)
  local key, id = keys[1], args[3]
  local place = open(key, args[1], args[2], { unpack(args, 8) })
  if not place then return { UNKNOWN } end
  local stored = redis.call('HGET', key .. 'h', id)
  if stored then return cmsgpack.unpack(stored)[HOLD_ANSWER] end
  if marked(place, id) then return { ENDED } end
  local demand, checks, packed = { unpack_record(DEMAND, args[4]) }, { nil, nil, nil, nil }, args[7]
  for first = 1, #packed, CHECK_SIZE do
    local number, code, limit, limit_lo = unpack_record(CHECK, packed, first)
    local counter = counter_of(place.scopes[number], code) or made_counter(place, number, code)
    if limit >= 0 then
      advance(place, counter)
      checks[#checks + 1] = { code = code, limit = limit, limit_lo = limit_lo, counter = counter }
    end
  end
  local allowance = demand[ALLOWANCE]
  local amounts, cost_lo = amounts_of(demand, allowance)
  if allowance % demand[CHOICES] ~= 0 or not fits_everywhere(checks, amounts, cost_lo) then
    local violations
    allowance, violations = evaluate(place, checks, demand, place.at, false)
    if #violations > 0 then
      local worst, retry = refusal_of(place, checks, demand, violations)
      save(place)
      return {
        0, place.at, worst.number, SEVERITY[worst.reason], worst.till or -1, worst.used, worst.used_lo, worst.held,
        worst.held_lo, worst.allowance, retry or -1,
      }
    end
    amounts, cost_lo = amounts_of(demand, allowance)
  end
  local hold = {
    place.at, math.min(amounts[3], MOST_HELD), math.min(amounts[4], MOST_HELD), math.min(amounts[5], MOST_HELD),
    cost_lo, tonumber(args[6]), args[5], nil, nil, nil, nil, nil, nil, nil, nil, nil,
  }
  local answer = { KNOWN, place.at, allowance, nil, nil, nil, nil, nil, nil }
  hold[HOLD_ANSWER] = answer
  reserve_everywhere(place, hold)
  for _, check in ipairs(checks) do
    if not IS_BUDGET[check.code] and KIND[check.code] ~= RUNNING then
      local counter, size = check.counter, #answer
      answer[size + 1], answer[size + 2], answer[size + 3] =
        counter[SUM], counter[HELD], clear_at(place, counter) or -1
    end
  end
  save(place)
  redis.call('HSET', key .. 'h', id, cmsgpack.pack(hold))
  return answer
end

-- epoch, time, id, model, tokens, cost, its rest, moment
local function settle(keys, args)
  local tokens = tonumber(args[5])
  local used = { 0, 0, tokens, tokens, tonumber(args[6]) }
  return release(keys[1], args[1], args[2], args[3], args[4], used, tonumber(args[7]), tonumber(args[8]))
end

-- epoch, time, id
local function give_back(keys, args) return release(keys[1], args[1], args[2], args[3]) end

-- epoch, time, then a field and its codes, again and again
local function status(keys, args)
  local fields = {}
  for index = 3, #args, 2 do fields[#fields + 1] = args[index] end
  local place = open(keys[1], args[1], args[2], fields)
  if not place then return { UNKNOWN } end
  local answer = { KNOWN }
  for number = 1, #fields do
    for _, code in ipairs({ args[2 * number + 2]:byte(1, -1) }) do
      local counter, size = counter_of(place.scopes[number], code), #answer
      local clear
      if counter then
        advance(place, counter)
        clear = clear_at(place, counter)
      else
        counter = { code, 0, 0, 0, 0, 0 }
      end
      answer[size + 1], answer[size + 2], answer[size + 3] = counter[SUM], counter[SUM_LO], counter[HELD]
      answer[size + 4], answer[size + 5] = counter[HELD_LO], clear or -1
    end
  end
  return answer
end

-- epoch, time, id, then a field and its codes, again and again; answers the codes that are new of each
local function begin(keys, args)
  local fields = {}
  for index = 4, #args, 2 do fields[#fields + 1] = args[index] end
  return once(keys[1], args[1], args[2], args[3], fields, function(place)
    local answer, begun = { KNOWN }, {}
    for number, field in ipairs(fields) do
      local fresh, counters = {}, {}
      for _, code in ipairs({ args[2 * number + 3]:byte(1, -1) }) do
        if not counter_of(place.scopes[number], code) then
          fresh[#fresh + 1] = string.char(code)
          counters[#counters + 1] = made_counter(place, number, code)
        end
      end
      answer[#answer + 1], begun[field] = table.concat(fresh), counters
    end
    if place.made then join(place, begun) end
    return answer
  end)
end

-- epoch, time, id, past, field…
local function add_past(keys, args)
  return once(keys[1], args[1], args[2], args[3], { unpack(args, 5) }, function(place)
    for first = 1, #args[4], PAST_SIZE do
      local number, code, amount, amount_lo, at = unpack_record(PAST, args[4], first)
      local counter = counter_of(place.scopes[number], code) or made_counter(place, number, code)
      place.changed[number] = true
      advance(place, counter)
      add(place, counter, amount, amount_lo, math.min(at, place.at))
    end
    return { KNOWN }
  end)
end

-- epoch, time, id, then a field and its codes, again and again
local function forget(keys, args)
  local fields = {}
  for index = 4, #args, 2 do fields[#fields + 1] = args[index] end
  return once(keys[1], args[1], args[2], args[3], fields, function(place)
    for number = 1, #fields do
      for _, code in ipairs({ args[2 * number + 3]:byte(1, -1) }) do
        for index, counter in ipairs(place.scopes[number]) do
          if counter[CODE] == code then
            set_list(place, counter, '')
            table.remove(place.scopes[number], index)
            place.changed[number] = true
            break
          end
        end
      end
    end
    return { KNOWN }
  end)
end

-- epoch, time, id, the field of an owner: that and those of its models
local function drop(keys, args)
  local own, of_models, fields = args[4], args[4] .. '\0', {}
  for _, field in ipairs(redis.call('HKEYS', keys[1])) do
    if field == own or field:sub(1, #of_models) == of_models then fields[#fields + 1] = field end
  end
  return once(keys[1], args[1], args[2], args[3], fields, function(place)
    for number = 1, #fields do
      for _, counter in ipairs(place.scopes[number]) do set_list(place, counter, '') end
      place.scopes[number] = {}
      place.changed[number] = true
    end
    return { KNOWN }
  end)
end

-- epoch, time, id, the field of an owner, cost, its rest, moment
local function adjust(keys, args)
  return once(keys[1], args[1], args[2], args[3], { args[4] }, function(place)
    for _, counter in ipairs(place.scopes[1]) do
      if KIND[counter[CODE]] == 5 then
        advance(place, counter)
        add(place, counter, tonumber(args[5]), tonumber(args[6]), math.min(tonumber(args[7]), place.at))
        place.changed[1] = true
      end
    end
    return { KNOWN }
  end)
end

-- Loading: `load` empties a place that is unknown, for one loader; that fills it by `begin`, `add` and `put_hold` with
-- its own epoch, until `loaded` makes the place known. Another loader finds that somebody is at it, and asks again later;
-- where the first has not come to its end after a while it takes over, and the first finds the place unknown.
local LOADER_MS = 2000

-- epoch, time, the loader's epoch, node…: what others than these nodes hold stays
local function load(keys, args)
  local key, nodes = keys[1], {}
  local have = redis.call('HMGET', key, 'e', 'a', 'l')
  local now = time(args[2])
  if have[1] == args[1] then return { KNOWN } end
  if have[3] and now - have[3] < LOADER_MS then return { ENDED } end
  for index = 4, #args do nodes[args[index]] = true end
  redis.call('DEL', key)
  redis.call('HSET', key, 'e', args[3], 'a', format('%d', math.max(tonumber(have[2] or 0), now)), 'l', format('%d', now))
  redis.call('PEXPIRE', key, LIVES_MS)
  local all = redis.call('HGETALL', key .. 'h')
  for index = 1, #all, 2 do
    local hold = cmsgpack.unpack(all[index + 1])
    if nodes[hold[HOLD_NODE]] then
      redis.call('HDEL', key .. 'h', all[index])
    else
      for scope = SCOPES, #hold, 2 do hold[scope + 1] = {} end
      redis.call('HSET', key .. 'h', all[index], cmsgpack.pack(hold))
    end
  end
  return { UNKNOWN }
end

-- epoch, time, id of the request, node, several, moment, tokens of pace, of budgets, cost, its rest, field…
local function put_hold(keys, args)
  local key, id = keys[1], args[3]
  local place = open(key, args[1], args[2], { unpack(args, 11) })
  if not place then return { UNKNOWN } end
  if marked(place, id) or redis.call('HEXISTS', key .. 'h', id) == 1 then return { KNOWN } end
  local hold = {
    math.min(tonumber(args[6]), place.at), tonumber(args[7]), tonumber(args[8]), tonumber(args[9]),
    tonumber(args[10]), tonumber(args[5]), args[4], { ENDED },
  }
  reserve_everywhere(place, hold)
  save(place)
  redis.call('HSET', key .. 'h', id, cmsgpack.pack(hold))
  return { KNOWN }
end

-- epoch, time, the loader's epoch
local function loaded(keys, args)
  local epoch = redis.call('HGET', keys[1], 'e')
  if epoch == args[3] then
    redis.call('HSET', keys[1], 'e', args[1])
    redis.call('HDEL', keys[1], 'l')
  end
  return { (epoch == args[3] or epoch == args[1]) and KNOWN or UNKNOWN }
end

local function register(name, call, flags)
  redis.register_function({
    function_name = PREFIX .. name,
    flags = flags,
    callback = function(keys, args)
      if not floor then bind() end
      return call(keys, args)
    end,
  })
end
register('admit', admit, {})
register('settle', settle, {})
register('give_back', give_back, {})
register('status', status, { 'no-writes' })
register('begin', begin, {})
register('add', add_past, {})
register('forget', forget, {})
register('drop', drop, {})
register('adjust', adjust, {})
register('load', load, {})
register('put_hold', put_hold, {})
register('loaded', loaded, {})
