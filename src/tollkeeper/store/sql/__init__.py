"""The part of the store that SQL engines share: SQLAlchemy Core, independent of any engine's SQL dialect.

schema.py        the tables; those of records are derived from the table of fields in `store/ports/`
migrations/      the revisions of the tables, each an Alembic script
rows.py          conversion between values and rows
chain.py         hashes of rows, by version of the chain's encoding
identities.py    opaque ids of users and digests of metadata, which records hold in their place
runner.py        the seam: an engine runs work in a transaction, off the loop
accounts.py, end_users.py, sessions.py, external_identities.py, second_factors.py, teams.py, prices.py,
aliases.py, upstreams.py, pins.py, model_colors.py, limit_templates.py, jobs.py, installation.py, audit.py,
idempotency.py, events.py, alerts.py, webhooks.py
                 their tables, over two runners
reports.py, listing.py, history.py   lists of records and sums, over a runner that reads
refusals.py      counts of refused requests, over a runner that reads
erasure.py       forgetting a person, in every table
buckets.py       sums by bucket of time
sum_tables.py, rollups.py   the tables of sums, and what records add to them
record_index.py  the index of records by user, model, team and end user
sums.py          sums over records, as statements have them
explorer.py      what the explorer asks; spans.py: which sums make up a period, sum_queries.py: the statements,
                 labels.py: groups in words, tags.py: groups by a value of metadata
invoices.py, invoice_rows.py, credits.py   invoices and credit
open_records.py  records that no invoice covers
invoice_check.py   verification of invoices
written_off.py   records that were pruned before an invoice covered them
prune.py         deleting the oldest records
limits.py        limits as text in a column
words.py         an engine's words in the statements that are texts
column_types.py, dialect.py   types and SQL that engines write differently
"""
