"""Migrations: make the tables of `store/sql/schema.py` in a database, step by step. `sqlite/upgrade.py` and
`postgres/revision.py` run them.

head.py    the newest revision
steps.py   running those that a database lacks
env.py     Alembic's environment
versions/  the revisions
"""
