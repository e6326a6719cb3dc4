"""Running revisions by Alembic. Only who has some to run imports this: loading Alembic takes longer than a start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from tollkeeper.store.errors import StoreError

MIGRATIONS = Path(__file__).parent


class Revisions:
    """The line of revisions in a folder of scripts."""

    def __init__(self, scripts: Path = MIGRATIONS) -> None:
        self._config = Config()
        self._config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        self._directory = ScriptDirectory.from_config(self._config)
        self.head = self._directory.get_current_head()
        """The newest."""

    def must_know(self, revision: str, database: str) -> None:
        """Raise StoreError for a revision that is none of these. `database` names it in the message."""
        if revision not in {script.revision for script in self._directory.walk_revisions()}:
            raise StoreError(
                f"{database} was written by a newer Tollkeeper (revision {revision}; this one knows {self.head}):"
                " run that version, or restore an older copy"
            )

    def run(self, connection: Connection) -> None:
        """Run those that the database lacks, inside the open transaction."""
        self._config.attributes["connection"] = connection
        command.upgrade(self._config, "head")
