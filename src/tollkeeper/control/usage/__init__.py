"""Records and the figures of groups of them: of one user, of one team, and of everyone.

schemas.py   bodies of records and of sums
filters.py   which records: what queries have in common
groups.py    groups and figures, as parameters name them
records.py   /v1/usage, /admin/usage: records, newest first
previous.py  the same groups in the period before
summary.py   /v1/usage/summary, /admin/usage/summary: figures by group
summary_csv.py  the same as CSV
"""
