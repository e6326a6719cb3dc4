"""The gateway's process, and the one place that joins its parts.

build.py            builds every part and joins them
billing.py          billing, for build.py
alerts.py           alerts, webhooks and e-mail, for build.py
sign_in.py          signing in, for build.py
process.py          sockets, the limit of open files, start and stop
workers.py          worker processes, and their supervisor
handover.py         waiting for the previous process to release the database
service_manager.py  sockets from systemd or another service manager, and notifications to it
chores.py           work in the background: housekeeping, probes, retention
ids.py              ids of requests
"""
