"""The newest revision, known without loading Alembic."""

HEAD = "0029"
"""The newest revision in `versions/`; here too, so that a start with nothing to do need not import Alembic."""
