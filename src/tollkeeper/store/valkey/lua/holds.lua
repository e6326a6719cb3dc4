-- Holds: what each running request has reserved. A hold is an array; from SCOPES on it has for each scope that counts the
-- request its field, and the code and birth of each counter there that holds.
local HOLD_AT, HOLD_PACE, HOLD_BUDGET, HOLD_COST, HOLD_COST_LO, HOLD_SEVERAL, HOLD_NODE, HOLD_ANSWER, SCOPES =
  1, 2, 3, 4, 5, 6, 7, 8, 9

local function held_amount(hold, kind)
  if kind == 5 then return hold[HOLD_COST], hold[HOLD_COST_LO] end
  return kind == 4 and hold[HOLD_BUDGET] or kind == 3 and hold[HOLD_PACE] or 1, 0
end

-- Hold in one more counter; `births` is the hold's list of that scope.
local function reserve(place, hold, births, counter)
  local kind = KIND[counter[CODE]]
  if kind == REQUESTS then -- used at once, not held
    advance(place, counter)
    add(place, counter, 1, 0, hold[HOLD_AT])
  else
    local amount, amount_lo = held_amount(hold, kind)
    counter[HELD], counter[HELD_LO] = plus(counter[HELD], counter[HELD_LO], amount, amount_lo)
  end
  births[#births + 1] = counter[CODE]
  births[#births + 1] = counter[BIRTH]
end

-- Hold in all that is counted in a hold's scopes, which are those of the place.
local function reserve_everywhere(place, hold)
  for number, field in ipairs(place.fields) do
    local births, scope = { nil, nil, nil, nil }, place.scopes[number]
    for _, counter in ipairs(scope) do
      reserve(place, hold, births, counter)
      place.changed[number] = true
    end
    hold[SCOPES + 2 * number - 2], hold[SCOPES + 2 * number - 1] = field, births
  end
end

-- The model of a scope's field: 'c', kind, id, and the model where only that counts; separated by zeros.
local function model_in(field) return field:match('^[^%z]*%z[^%z]*%z(.*)$') or '' end

-- End what a request holds: `used` is what it used, by kind, at the model that served it; nil: it was never sent.
-- Returns nil where the place is unknown.
local function release(key, epoch, given, id, model, used, used_lo, at)
  local stored = redis.call('HGET', key .. 'h', id)
  local hold = stored and cmsgpack.unpack(stored) or {}
  local fields = {}
  for index = SCOPES, #hold, 2 do fields[#fields + 1] = hold[index] end
  local place = open(key, epoch, given, fields)
  if not place then return { UNKNOWN } end
  for number, field in ipairs(fields) do
    local of_model = hold[HOLD_SEVERAL] == 1 and model_in(field) or ''
    local charged = used and (of_model == '' or of_model == model)
    local scope, births = place.scopes[number], hold[SCOPES + 2 * number - 1]
    for index = 1, #births, 2 do
      local counter = counter_of(scope, births[index])
      if counter and counter[BIRTH] == births[index + 1] then -- else it is counted no longer, or anew
        place.changed[number] = true
        local kind = KIND[counter[CODE]]
        if kind ~= REQUESTS then
          local amount, amount_lo = held_amount(hold, kind)
          counter[HELD], counter[HELD_LO] = minus(counter[HELD], counter[HELD_LO], amount, amount_lo)
          if charged and kind ~= RUNNING then
            advance(place, counter)
            local moment = SPAN[counter[CODE]] == 'month' and hold[HOLD_AT] or math.min(at, place.at)
            add(place, counter, used[kind], kind == 5 and used_lo or 0, moment)
          end
        elseif not charged then
          advance(place, counter)
          add(place, counter, -1, 0, hold[HOLD_AT])
        end
      end
    end
  end
  save(place, id, '')
  if stored then redis.call('HDEL', key .. 'h', id) end
  return { KNOWN }
end

-- Running requests hold in counters that begin now: `begun` has by field the counters.
local function join(place, begun)
  local all = redis.call('HGETALL', place.key .. 'h')
  for index = 1, #all, 2 do
    local hold, joined = cmsgpack.unpack(all[index + 1]), false
    for scope = SCOPES, #hold, 2 do
      for _, counter in ipairs(begun[hold[scope]] or {}) do
        reserve(place, hold, hold[scope + 1], counter)
        joined = true
      end
    end
    if joined then redis.call('HSET', place.key .. 'h', all[index], cmsgpack.pack(hold)) end
  end
end
