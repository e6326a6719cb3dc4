-- Admission: `rules/admission.py`. A demand is an array of doubles; a check is scope, code, limit, and its counter.
local MIN_ALLOWANCE, RETRY_HELD_AFTER_MS = 16, 1000
local MOST_HELD = 2 ^ 46 -- what a request holds of tokens and of micro-dollars: beyond any limit, and 128 can be added up

local PACE_INPUT, BUDGET_INPUT, ALLOWANCE, CHOICES, INPUT, INPUT_LO, OUTPUT, OUTPUT_LO, FLAT, FLAT_LO =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local SEVERITY = { held = 0, exhausted = 1, exhausted_for_ever = 2, never = 3, blocked = 4 }

-- The cost of a demand's input and all that is not tokens.
local function base_cost(demand)
  local hi, lo = times(demand[BUDGET_INPUT], demand[INPUT], demand[INPUT_LO])
  return plus(hi, lo, demand[FLAT], demand[FLAT_LO])
end

-- What the limits must have room for with an allowance, by kind; and what `lo` is of the cost.
local function amounts_of(demand, allowance)
  local hi, lo = base_cost(demand)
  local output, output_lo = times(allowance, demand[OUTPUT], demand[OUTPUT_LO])
  hi, lo = plus(hi, lo, output, output_lo)
  return { 1, 1, demand[PACE_INPUT] + allowance, demand[BUDGET_INPUT] + allowance, hi }, lo
end

local function min_allowance(demand) return math.min(demand[ALLOWANCE], MIN_ALLOWANCE * demand[CHOICES]) end

-- The largest allowance, up to the demand's, with which it needs at most `room`; may be negative.
local function allowance_within(demand, code, room, room_lo)
  local kind = KIND[code]
  if kind == 5 then
    local base, base_lo = base_cost(demand)
    local left, left_lo = minus(room, room_lo, base, base_lo)
    if left < 0 then return -1 end
    if demand[OUTPUT] == 0 and demand[OUTPUT_LO] == 0 then return demand[ALLOWANCE] end
    return how_many(left, left_lo, demand[OUTPUT], demand[OUTPUT_LO], demand[ALLOWANCE])
  elseif kind == 4 then
    return room - demand[BUDGET_INPUT]
  end
  return demand[ALLOWANCE]
end

-- Whether the whole allowance fits all limits: the usual case, which needs no other computation.
local function fits_everywhere(checks, amounts, cost_lo)
  for _, check in ipairs(checks) do
    local counter = check.counter
    local kind = KIND[check.code]
    local hi, lo = plus(counter[SUM], counter[SUM_LO], counter[HELD], counter[HELD_LO])
    hi, lo = plus(hi, lo, amounts[kind], kind == 5 and cost_lo or 0)
    if exceeds(hi, lo, check.limit, check.limit_lo) or (check.limit == 0 and check.limit_lo == 0) then return false end
  end
  return true
end

local function violation_of(place, number, check, needed, needed_lo, used, used_lo, held, held_lo, at)
  local found = { number = number, used = used, used_lo = used_lo, held = held, held_lo = held_lo }
  local with, with_lo = plus(used, used_lo, needed, needed_lo)
  if check.limit == 0 and check.limit_lo == 0 then
    found.reason = 'blocked'
  elseif not exceeds(with, with_lo, check.limit, check.limit_lo) then
    found.reason, found.till = 'held', at + RETRY_HELD_AFTER_MS
  elseif exceeds(needed, needed_lo, check.limit, check.limit_lo) then
    found.reason = 'never'
  else
    local most, most_lo = minus(check.limit, check.limit_lo, needed, needed_lo)
    found.reason, found.till = 'exhausted', room_at(place, check.counter, most, most_lo, at)
  end
  found.severity = SEVERITY[found.reason]
  if found.reason == 'exhausted' and not found.till then found.severity = SEVERITY.exhausted_for_ever end
  return found
end

-- The allowance, and the limits that refuse; `alone` ignores what other requests hold.
local function evaluate(place, checks, demand, at, alone)
  local counts = {}
  local allowance, least = demand[ALLOWANCE], min_allowance(demand)
  for number, check in ipairs(checks) do
    local counter = check.counter
    local used, used_lo = used_at(place, counter, at)
    local held, held_lo = 0, 0
    if not alone then held, held_lo = counter[HELD], counter[HELD_LO] end
    counts[number] = { used, used_lo, held, held_lo }
    if IS_BUDGET[check.code] then
      local room, room_lo = minus(check.limit, check.limit_lo, used, used_lo)
      room, room_lo = minus(room, room_lo, held, held_lo)
      allowance = math.min(allowance, math.max(least, allowance_within(demand, check.code, room, room_lo)))
    end
  end
  allowance = allowance - allowance % demand[CHOICES]
  local pace = amounts_of(demand, allowance)
  local budget, budget_lo = amounts_of(demand, least)
  local violations = {}
  for number, check in ipairs(checks) do
    local used, used_lo, held, held_lo = unpack(counts[number])
    local kind = KIND[check.code]
    local needed, needed_lo = pace[kind], 0
    if IS_BUDGET[check.code] then needed, needed_lo = budget[kind], kind == 5 and budget_lo or 0 end
    local hi, lo = plus(used, used_lo, held, held_lo)
    hi, lo = plus(hi, lo, needed, needed_lo)
    if (check.limit == 0 and check.limit_lo == 0) or exceeds(hi, lo, check.limit, check.limit_lo) then
      local found =
        violation_of(place, number, check, needed, needed_lo, used, used_lo, held, held_lo, at)
      found.allowance = allowance
      violations[#violations + 1] = found
    end
  end
  return allowance, violations
end

-- The violation that lasts longest: the first of the worst.
local function worst_of(violations)
  local worst = violations[1]
  for _, other in ipairs(violations) do
    if
      other.severity > worst.severity
      or (other.severity == worst.severity and (other.till or 0) > (worst.till or 0))
    then
      worst = other
    end
  end
  return worst
end

-- The violation to tell, and the moment at which the request would be admitted if no other came; nil: never.
local function refusal_of(place, checks, demand, violations)
  local at = place.at
  local _, lasting = evaluate(place, checks, demand, at, true)
  if #lasting == 0 then return worst_of(violations), at + RETRY_HELD_AFTER_MS end
  local worst = worst_of(lasting)
  local retry = at
  while #lasting > 0 and retry do
    local for_ever, latest = false, 0
    for _, violation in ipairs(lasting) do
      if not violation.till then for_ever = true end
      latest = math.max(latest, violation.till or 0)
    end
    -- A budget that has room again allows more output, for which a pace limit may lack room: look at that moment.
    if for_ever then worst = worst_of(lasting) end
    retry = not for_ever and latest or nil
    if retry then _, lasting = evaluate(place, checks, demand, retry, true) end
  end
  return worst, retry
end
