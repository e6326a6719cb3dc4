"""Migrations: make the tables of `store/sql/schema.py` in a database, step by step. `sqlite/upgrade.py` runs them.

env.py     Alembic's environment
versions/  the revisions
"""
