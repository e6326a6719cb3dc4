"""The command line. Each command reads its options and settings, and leaves the work to the floors below.

main.py      the program, its groups of commands, and exit codes
commands.py  options and help texts of every command but those for admins
serve.py     `serve`
ledger.py    `ledger verify`, `ledger export`
export.py    records as JSON Lines or CSV
database.py  `db backup`, `db restore`, `db check`, `db upgrade`, `db prune`
secrets.py   `secrets rotate`
users.py     `users reset-second-factor`
standard.py  standard streams that may be closed or full
terminal.py  progress bars, tables, counts, and lines without control characters
files.py     files that commands write
failure.py   the exception of commands that fail
admin/       commands that ask the admin API of a running gateway: `upstreams`, `models`, `usage`, `invoices`
demo/        `demo`
load/        `load`
"""
