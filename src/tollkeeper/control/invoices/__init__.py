"""Invoices and credit: of users, of teams, and of a month.

schemas.py   bodies of invoices
payers.py    who pays, as paths and parameters name them
formats.py   an invoice as JSON, CSV or HTML, by suffix or by `Accept`
requests.py  the requests behind an invoice as CSV
lists.py     lists of invoices, with the drafts before them
own.py       /me/invoices
of_team.py   /admin/teams/{team_id}/invoices
issued.py    /admin/invoices: lists, finalizing, paying, voiding, credit notes
archive.py   all invoices of a month as one CSV file, and as a ZIP file
months.py    /admin/months: what stands between a month and its close
credit.py    /admin/credits
"""
