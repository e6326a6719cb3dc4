-- Windows: `rules/windows.py` for a clock that never runs back. CODES, which the loader of this library writes above it,
-- has for each limit by its code: kind (1 requests, 2 running, 3 tokens of pace, 4 tokens of budgets, 5 cost), whether
-- it is a budget, span, and of sliding windows the length in ms and the number of buckets.
--
-- A counter is an array. SUM is what its window holds; HELD what running requests hold. The newest bucket of a sliding
-- window is in it (NEWEST: its index, -1: none; LAST: its amount); the older ones are in a list, a string of records
-- that is read and written only when a bucket begins or leaves. OLDEST is the index of the first of all. Of a month,
-- NEWEST is the month.
local CODE, BIRTH, SUM, SUM_LO, HELD, HELD_LO, NEWEST, LAST, LAST_LO, OLDEST = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local COUNTER, COUNTER_SIZE = '<BI4dI4dI4ddI4d', 57
local BUCKET, BUCKET_SIZE = '<ddI4', 20
local REQUESTS, RUNNING = 1, 2

local KIND, IS_BUDGET, SPAN, LENGTH, BUCKETS = {}, {}, {}, {}, {}
for code = 1, #CODES do
  local limit = CODES[code]
  KIND[code], IS_BUDGET[code], SPAN[code], LENGTH[code], BUCKETS[code] = limit[1], limit[2], limit[3], limit[4], limit[5]
end

-- While a library is loaded there is nothing but `redis`; so these are set by the first call.
local pack, unpack_record, format
local function bind() floor, pack, unpack_record, format = math.floor, struct.pack, struct.unpack, string.format end

local function bucket_of(code, at) return floor(at * BUCKETS[code] / LENGTH[code]) end

local function bucket_start(code, index) return -floor(-index * LENGTH[code] / BUCKETS[code]) end

-- Months since year 0, and the first millisecond of one; days are counted in years that begin in March.
local function month_of(at)
  local days = floor(at / 86400000) + 719468
  local era = floor(days / 146097)
  local day = days - era * 146097
  local year = floor((day - floor(day / 1460) + floor(day / 36524) - floor(day / 146096)) / 365)
  local of_year = day - (365 * year + floor(year / 4) - floor(year / 100))
  return (year + era * 400) * 12 + floor((5 * of_year + 2) / 153) + 2
end

local function month_start(month)
  local year = floor((month - 2) / 12)
  local since_march = month - 2 - year * 12
  local era = floor(year / 400)
  local of_era = year - era * 400
  local days = of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + floor((153 * since_march + 2) / 5)
  return (days + era * 146097 - 719468) * 86400000
end

-- The list of older buckets of a counter.
local function list_of(place, counter)
  local birth = counter[BIRTH]
  local list = place.lists[birth]
  if not list then
    list = redis.call('HGET', place.key, format('b%d', birth)) or ''
    place.lists[birth] = list
  end
  return list
end

local function set_list(place, counter, list)
  place.lists[counter[BIRTH]] = list
  place.changed_lists[counter[BIRTH]] = true
end

-- Let everything leave a counter's window that has left it at the place's moment. Its SUM is then what was used.
local function advance(place, counter)
  local code = counter[CODE]
  if BUCKETS[code] then
    local from = bucket_of(code, place.at) - BUCKETS[code]
    if counter[OLDEST] >= from then return end
    if counter[NEWEST] < from then
      if counter[OLDEST] < counter[NEWEST] then set_list(place, counter, '') end
      counter[SUM], counter[SUM_LO], counter[NEWEST], counter[OLDEST] = 0, 0, -1, math.huge
      return
    end
    local list, first, oldest = list_of(place, counter), 1, counter[NEWEST]
    local sum, sum_lo = counter[SUM], counter[SUM_LO]
    while first <= #list do
      local index, amount, amount_lo = unpack_record(BUCKET, list, first)
      if index >= from then
        oldest = index
        break
      end
      sum, sum_lo = minus(sum, sum_lo, amount, amount_lo)
      first = first + BUCKET_SIZE
    end
    counter[SUM], counter[SUM_LO], counter[OLDEST] = sum, sum_lo, oldest
    set_list(place, counter, list:sub(first))
  elseif SPAN[code] == 'month' then
    local month = place.month or month_of(place.at)
    place.month = month
    if counter[NEWEST] < month then counter[SUM], counter[SUM_LO], counter[NEWEST] = 0, 0, month end
  end
end

-- Count an amount at a moment that is not after the place's. The counter is at the place's moment.
local function add(place, counter, amount, amount_lo, at)
  local code = counter[CODE]
  if SPAN[code] == 'now' then return end
  local index
  if BUCKETS[code] then
    index = bucket_of(code, at)
    if index < bucket_of(code, place.at) - BUCKETS[code] then return end
  elseif SPAN[code] == 'month' and month_of(at) < counter[NEWEST] then
    return
  end
  counter[SUM], counter[SUM_LO] = plus(counter[SUM], counter[SUM_LO], amount, amount_lo)
  if not index then return end
  local newest = counter[NEWEST]
  if index == newest then
    counter[LAST], counter[LAST_LO] = plus(counter[LAST], counter[LAST_LO], amount, amount_lo)
  elseif index > newest then
    if newest >= 0 then
      set_list(place, counter, list_of(place, counter) .. pack(BUCKET, newest, counter[LAST], counter[LAST_LO]))
    end
    counter[NEWEST], counter[LAST], counter[LAST_LO] = index, amount, amount_lo
    counter[OLDEST] = math.min(counter[OLDEST], index)
  else -- of a request that ended a while ago: into the list, which is in order
    local list = list_of(place, counter)
    local after = #list
    while after > 0 do
      local other, other_amount, other_lo = unpack_record(BUCKET, list, after - BUCKET_SIZE + 1)
      if other <= index then
        if other == index then
          amount, amount_lo = plus(amount, amount_lo, other_amount, other_lo)
          list = list:sub(1, after - BUCKET_SIZE) .. list:sub(after + 1)
          after = after - BUCKET_SIZE
        end
        break
      end
      after = after - BUCKET_SIZE
    end
    set_list(place, counter, list:sub(1, after) .. pack(BUCKET, index, amount, amount_lo) .. list:sub(after + 1))
    counter[OLDEST] = math.min(counter[OLDEST], index)
  end
end

-- What the window that ends at `at` holds, now or later than the place's moment; the counter is at the place's.
local function used_at(place, counter, at)
  local code = counter[CODE]
  local sum, sum_lo = counter[SUM], counter[SUM_LO]
  if at == place.at then return sum, sum_lo end
  if SPAN[code] == 'month' then
    if month_of(at) > counter[NEWEST] then return 0, 0 end
  elseif BUCKETS[code] then
    local from = bucket_of(code, at) - BUCKETS[code]
    if counter[NEWEST] < from then return 0, 0 end
    if counter[OLDEST] < from then
      local list = list_of(place, counter)
      for first = 1, #list, BUCKET_SIZE do
        local index, amount, amount_lo = unpack_record(BUCKET, list, first)
        if index >= from then break end
        sum, sum_lo = minus(sum, sum_lo, amount, amount_lo)
      end
    end
  end
  return sum, sum_lo
end

-- The first moment from `at` on at which the window holds at most an amount if nothing is added; nil: never.
local function room_at(place, counter, most, most_lo, at)
  local code = counter[CODE]
  local left, left_lo = used_at(place, counter, at)
  if not exceeds(left, left_lo, most, most_lo) then return at end
  if SPAN[code] == 'month' then
    if most >= 0 then return month_start(month_of(at) + 1) end
  elseif BUCKETS[code] then
    local from = bucket_of(code, at) - BUCKETS[code]
    local list = list_of(place, counter)
    for first = 1, #list, BUCKET_SIZE do
      local index, amount, amount_lo = unpack_record(BUCKET, list, first)
      if index >= from then
        left, left_lo = minus(left, left_lo, amount, amount_lo)
        if not exceeds(left, left_lo, most, most_lo) then return bucket_start(code, index + BUCKETS[code] + 1) end
      end
    end
    if counter[NEWEST] >= from and most >= 0 then return bucket_start(code, counter[NEWEST] + BUCKETS[code] + 1) end
  end
  return nil
end

-- When the window will be empty if nothing is added; nil: it is empty already, or never will be.
local function clear_at(place, counter)
  local code = counter[CODE]
  if counter[SUM] == 0 and counter[SUM_LO] == 0 then return nil end
  if BUCKETS[code] then return bucket_start(code, counter[NEWEST] + BUCKETS[code] + 1) end
  if SPAN[code] == 'month' then return month_start(counter[NEWEST] + 1) end
  return nil
end
