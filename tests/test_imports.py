"""What import-linter's contracts (pyproject.toml) leave open: a package and the files in it."""

from __future__ import annotations

import grimp


def test_no_package_and_file_of_it_import_each_other() -> None:
    graph = grimp.build_graph("tollkeeper")
    circles = [
        (package, file)
        for package in graph.modules
        for file in graph.find_modules_directly_imported_by(package)
        if file.startswith(package + ".") and package in graph.find_modules_directly_imported_by(file)
    ]
    assert circles == []
