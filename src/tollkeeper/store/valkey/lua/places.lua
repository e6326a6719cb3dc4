-- Places: all that is counted of one user, or of one team and its members, in one hash slot. Of a place KEY there are
--   KEY          hash: `e` the epoch that it is of, `a` its newest moment (which never runs back), `n` how many counters
--                were made, `m` the newest minute of marks, `l` since when it is being loaded; for each scope `c…` its
--                counters, for each sliding counter `b<birth>` its list of buckets
--   KEY h        hash: what running requests hold, by request
--   KEY m<n>     hash: calls that have ended, by id, in minute n: who comes late or again finds the answer here
-- The first lives 26 hours after the last call, the last two minutes. A place that is gone, or of another epoch, is
-- unknown: it is loaded anew, so any time to live would do. Holds stay until they end: those of a node that died count
-- until it is heard of again.
--
-- Two things are done for speed, here and in the other files: tables are made as large as they will be (`nil, nil, …`),
-- since each time that one grows costs as much as a small call of the server, and whole numbers become text by `format`,
-- which costs a quarter of what it does to write them as doubles.
local LIVES_MS, HOUR_MS, MARKS_MS, MARKS_LIVE_MS = 26 * 3600000, 3600000, 60000, 120000

local KNOWN, UNKNOWN, ENDED = 1, 2, 3 -- the first figure of an answer; 0: refused

-- The time of this server, in ms since the epoch; `given` is one that a test sets.
local function time(given)
  if given ~= '' then return tonumber(given) end
  local clock = redis.call('TIME')
  return clock[1] * 1000 + floor(clock[2] / 1000)
end

-- The counters of a scope, in an array: there are few, and going through them costs less than a table by code.
local function counters_in(value)
  local scope = {}
  if not value then return scope end
  for first = 1, #value, COUNTER_SIZE do scope[#scope + 1] = { unpack_record(COUNTER, value, first) } end
  return scope
end

local function text_of(scope)
  local parts = { nil, nil, nil, nil }
  for place, c in ipairs(scope) do
    parts[place] = pack(COUNTER, c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10])
  end
  return table.concat(parts)
end

local function counter_of(scope, code)
  for place = 1, #scope do
    if scope[place][CODE] == code then return scope[place] end
  end
  return nil
end

-- A place with the scopes of these fields, in their order; nil: it is unknown.
local function open(key, epoch, given, fields)
  local have = redis.call('HMGET', key, 'e', 'a', 'n', 'm', unpack(fields))
  if have[1] ~= epoch then return nil end
  local last = tonumber(have[2])
  local place = {
    key = key, at = math.max(last, time(given)), last = last, births = tonumber(have[3] or 0), fields = fields,
    marks = tonumber(have[4] or 0), scopes = { nil, nil, nil, nil }, changed = {}, lists = {}, changed_lists = {},
    made = false, month = false,
  }
  for number = 1, #fields do place.scopes[number] = counters_in(have[number + 4]) end
  return place
end

local function made_counter(place, number, code)
  place.births = place.births + 1
  place.made = true
  place.changed[number] = true
  local counter = { code, place.births, 0, 0, 0, 0, -1, 0, 0, math.huge }
  table.insert(place.scopes[number], counter)
  advance(place, counter)
  return counter
end

-- Save a place; where `id` is given, remember that call and its answer.
local function save(place, id, answer)
  local key, at = place.key, place.at
  local set, gone = { 'a', format('%d', at), nil, nil, nil, nil, nil, nil, nil, nil, nil, nil }, nil
  local size = 2
  if id then
    local minute = floor(at / MARKS_MS)
    local marks = format('%sm%d', key, minute)
    redis.call('HSET', marks, id, answer)
    if place.marks ~= minute then
      redis.call('PEXPIRE', marks, MARKS_LIVE_MS)
      set[3], set[4] = 'm', format('%d', minute)
      size = 4
    end
  end
  if place.made then
    set[size + 1], set[size + 2] = 'n', format('%d', place.births)
    size = size + 2
  end
  if next(place.changed_lists) then -- a counter and its list belong together, also where nothing was reserved in it
    for number, scope in ipairs(place.scopes) do
      for _, counter in ipairs(scope) do
        if place.changed_lists[counter[BIRTH]] then place.changed[number] = true end
      end
    end
  end
  for number in pairs(place.changed) do
    local value = text_of(place.scopes[number])
    if value == '' then
      gone = gone or {}
      gone[#gone + 1] = place.fields[number]
    else
      set[size + 1], set[size + 2] = place.fields[number], value
      size = size + 2
    end
  end
  for birth in pairs(place.changed_lists) do
    local field, value = format('b%d', birth), place.lists[birth]
    if value == '' then
      gone = gone or {}
      gone[#gone + 1] = field
    else
      set[size + 1], set[size + 2] = field, value
      size = size + 2
    end
  end
  redis.call('HSET', key, unpack(set, 1, size))
  if gone then redis.call('HDEL', key, unpack(gone)) end
  if floor(at / HOUR_MS) ~= floor(place.last / HOUR_MS) then redis.call('PEXPIRE', key, LIVES_MS) end
end

-- The answer of a call that has ended; false: none has.
local function marked(place, id)
  local minute = floor(place.at / MARKS_MS)
  if place.marks < minute - 1 then return false end
  return redis.call('HGET', format('%sm%d', place.key, minute), id)
    or redis.call('HGET', format('%sm%d', place.key, minute - 1), id)
end

-- A call that changes a place once, however often it comes: `change` returns the answer, which is kept.
local function once(key, epoch, given, id, fields, change)
  local place = open(key, epoch, given, fields)
  if not place then return { UNKNOWN } end
  local answer = marked(place, id)
  if answer then return cmsgpack.unpack(answer) end
  answer = change(place)
  save(place, id, cmsgpack.pack(answer))
  return answer
end
