"""Tollkeeper: a gateway that authenticates, meters and bills every request to shared language models.

Floors, top to bottom (imports go down only): `cli`, `app` · `gateway`, `control` · `services` · `store` · `wire` ·
`rules`. docs/architecture.md follows one request through them.

cli/        commands
app/        the process, and how its parts are joined
gateway/    the data plane: every model request
control/    the control plane: admins, users, operators
portal/     the built web pages
services/   what the two planes ask for
store/      what is stored, and the engines that store it
wire/       formats of requests and responses
rules/      rules, decided from values alone
config.py   every setting
sources.py  where settings are read from
logs.py     structured logs
"""

__version__ = "0.1.0"
