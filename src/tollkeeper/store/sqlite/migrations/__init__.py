"""How a database comes to have the tables of `schema.py`, step by step. `upgrade.py` runs it."""
