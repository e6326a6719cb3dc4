"""Tollkeeper: a gateway that authenticates, meters and bills every request to shared language models.

Floors, top to bottom (imports go down only): `cli`, `app` · `gateway`, `control` · `services` · `store` · `wire` ·
`rules`. docs/architecture.md follows one request through them.
"""

__version__ = "0.1.0"
