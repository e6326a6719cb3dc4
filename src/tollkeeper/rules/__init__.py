"""Pure rules: money, usage, pricing, names, errors.

No event loop, no clock, no database: time and randomness come in as arguments, so every rule is tested by values.
"""
