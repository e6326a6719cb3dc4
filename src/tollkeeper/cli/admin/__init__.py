"""Commands for admins: the nouns of the admin API, asked of a running gateway. Here is one module for each noun.

commands.py   options and help texts of these commands
team_commands.py   those of `teams`
client.py     the client of the admin API, and what goes wrong with it
output.py     tables and JSON
fields.py     the fields of a body, from options, files and standard input
upstreams.py  `upstreams list`, `show`, `add`, `change`, `drain`, `disable`, `enable`, `remove`, `check`
models.py     `models list`, `pull`, `jobs`, `follow`, `cancel`, `load`, `unload`, `pin`, `unpin`, `copy`, `rm`, `evict`
user_commands.py, users.py   `users erase`
usage_commands.py, usage.py   `usage`
aliases.py    `aliases list`, `set`, `remove`
webhooks.py   `webhooks list`, `add`, `test`, `rotate`, `remove`
invoices.py   `invoices list`, `show`, `finalize`, `verify`, `pay`, `void`, `credit-note`, `export`, `requests`
identities.py `users identities`, `link`, `unlink`
teams.py      `teams list`, `add`, `show`, `set`, `move`, `close`, `limits`
end_users.py  `end-users list`, `limits`, `block`, `unblock`, `erase`
"""
