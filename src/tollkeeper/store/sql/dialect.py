"""SQL that engines write differently: elements of statements that SQLAlchemy compiles for each engine."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, ColumnElement, Connection, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.functions import sum as sum_function
from sqlalchemy.types import Text


class unindexed(FunctionElement[Any]):  # noqa: N801 (reads as a function of SQL)
    """A column for which SQLite uses no index. (To get groups in order it would read the whole table by an index rather
    than sort the rows of a day.)"""

    inherit_cache = True

    def __init__(self, column: Column[Any]) -> None:
        self.type = column.type
        super().__init__(column)


class texts_of(FunctionElement[str]):  # noqa: N801 (reads as a function of SQL)
    """The strings of a JSON array as rows: any number of values in one parameter."""

    inherit_cache = True
    type = Text()


class text_member(FunctionElement[str]):  # noqa: N801 (reads as a function of SQL)
    """The member `name` of a JSON object, where it is a string; else NULL."""

    inherit_cache = True
    type = Text()

    def __init__(self, document: ColumnElement[str], name: str) -> None:
        super().__init__(document, literal(name))


class true_value(FunctionElement[bool]):  # noqa: N801 (reads as a value of SQL)
    """True, as a column of flags has it."""

    inherit_cache = True
    type = Boolean()


TRUE: ColumnElement[bool] = true_value()


def one_of(column: ColumnElement[Any], values: Collection[str]) -> ColumnElement[bool]:
    """The condition that a column has one of these values, of which there may be any number."""
    return column.op("IN", is_comparison=True)(texts_of(literal(msgspec.json.encode(list(values)).decode())))


def moves_rows(connection: Connection) -> bool:
    """Whether the engine changes rows where they are, and moves them between its pages."""
    return connection.dialect.name == "sqlite"


@compiles(unindexed)
def _plain(element: unindexed, compiler: Any, **how: Any) -> str:
    return str(compiler.process(element.clauses, **how))


@compiles(unindexed, "sqlite")
def _with_a_plus(element: unindexed, compiler: Any, **how: Any) -> str:
    return f"+{compiler.process(element.clauses, **how)}"


@compiles(sum_function, "postgresql")
def _whole_sum(element: sum_function[Any], compiler: Any, **how: Any) -> str:
    # It adds BIGINTs up to a NUMERIC, whose division leaves fractions; every sum here is of numbers that fit.
    return f"CAST({compiler.visit_function(element, **how)} AS BIGINT)"


@compiles(true_value)
def _true(*_: Any, **__: Any) -> str:
    return "true"


@compiles(true_value, "sqlite")
def _one(*_: Any, **__: Any) -> str:
    # The word of the partial indexes: they are used where a condition has the same.
    return "1"


@compiles(texts_of)
def _of_jsonb(element: texts_of, compiler: Any, **how: Any) -> str:
    array = compiler.process(element.clauses, **how)
    return f"(SELECT jsonb_array_elements_text(CAST({array} AS jsonb)))"


@compiles(texts_of, "sqlite")
def _of_json_each(element: texts_of, compiler: Any, **how: Any) -> str:
    array = compiler.process(element.clauses, **how)
    return f"(SELECT value FROM json_each({array}))"  # noqa: S608 (a placeholder)


@compiles(text_member)
def _of_jsonb_object(element: text_member, compiler: Any, **how: Any) -> str:
    document, name = (compiler.process(each, **how) for each in element.clauses)
    member = f"CAST({document} AS jsonb) -> {name}"
    return f"CASE jsonb_typeof({member}) WHEN 'string' THEN {member} #>> '{{}}' END"


@compiles(text_member, "sqlite")
def _of_json_object(element: text_member, compiler: Any, **how: Any) -> str:
    # By json_each, since a path could not name every member.
    document, name = (compiler.process(each, **how) for each in element.clauses)
    return f"(SELECT value FROM json_each({document}) WHERE \"key\" = {name} AND type = 'text' LIMIT 1)"  # noqa: S608 (placeholders)
