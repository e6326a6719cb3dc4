"""The gateway's process, and the one place that joins its parts.

build.py            builds every part and joins them
process.py          sockets, the limit of open files, start and stop
handover.py         waiting for the previous process to release the database
service_manager.py  sockets from systemd or another service manager, and notifications to it
chores.py           work in the background: housekeeping, probes, retention
ids.py              ids of requests
"""
