-- Amounts: pairs of integers, since a double holds integers only up to 2^53. Of money `hi` is micro-dollars and `lo` the
-- rest in pico-dollars, from 0 to BASE - 1, also of negative amounts (-1 pico-dollar is -1, 999999). Of requests and
-- tokens `hi` is all, and `lo` 0. Exact while `hi` is below 2^53: nine billion dollars.

local BASE = 1000000
local floor -- math.floor, once `bind` has run

local function plus(hi, lo, more_hi, more_lo)
  hi, lo = hi + more_hi, lo + more_lo
  if lo >= BASE then return hi + 1, lo - BASE end
  return hi, lo
end

local function minus(hi, lo, less_hi, less_lo)
  hi, lo = hi - less_hi, lo - less_lo
  if lo < 0 then return hi - 1, lo + BASE end
  return hi, lo
end

local function exceeds(hi, lo, other_hi, other_lo) return hi > other_hi or (hi == other_hi and lo > other_lo) end

-- `count` times an amount, neither of them negative. Split, so that no product has more than 53 bits.
local function times(count, hi, lo)
  local above = floor(count / BASE)
  local rest = (count - above * BASE) * lo
  local carry = floor(rest / BASE)
  return count * hi + above * lo + carry, rest - carry * BASE
end

-- The largest count up to `most` of which the price is at most an amount. Neither is negative, the price not 0.
local function how_many(hi, lo, price_hi, price_lo, most)
  local all_hi, all_lo = times(most, price_hi, price_lo)
  if not exceeds(all_hi, all_lo, hi, lo) then return most end
  local count = floor((hi * BASE + lo) / (price_hi * BASE + price_lo)) -- off by one at most, since it is rounded
  local cost_hi, cost_lo = times(count, price_hi, price_lo)
  while exceeds(cost_hi, cost_lo, hi, lo) do
    count = count - 1
    cost_hi, cost_lo = times(count, price_hi, price_lo)
  end
  cost_hi, cost_lo = times(count + 1, price_hi, price_lo)
  while not exceeds(cost_hi, cost_lo, hi, lo) do
    count = count + 1
    cost_hi, cost_lo = times(count + 1, price_hi, price_lo)
  end
  return count
end
