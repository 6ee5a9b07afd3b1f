"""A PostgreSQL database for a rehearsal: made beside the real one and dropped, or a given empty one that is emptied again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from handlers.errors import BinhAnError, StorageUnavailable
from storage.postgres.connection import connect, parameters
from storage.postgres.dump import tables
from storage.postgres.restoring import refuse_filled


class CannotRehearse(BinhAnError):
    """Our role may not make a database to rehearse in; ALTER ROLE … CREATEDB, or make an empty one and give it with --into."""

    code = "cannot-rehearse"


@contextmanager
def scratch_database(url: str, password: str, into: str = "") -> Iterator[str]:
    """The address of an empty database on the server of `url`, or `into`; nothing of it is left afterwards."""
    if into:
        if into == url:
            raise CannotRehearse("--into is the real database")
        given = parameters(into, password, "binhan drill")
        refuse_filled(given)
        try:
            yield into
        finally:
            _empty(given)
        return
    name = f"binhan_drill_{secrets.token_hex(6)}"
    with closing(_anywhere(url, password)) as there:
        try:
            made = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
            there.execute("SET statement_timeout = 0")
            there.execute(sql.SQL(made).format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            raise CannotRehearse from None
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            there.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _anywhere(url: str, password: str) -> psycopg.Connection[Any]:
    """A connection to the server: by the real database, or where that is lost by the one every server has."""
    try:
        return connect(parameters(url, password, "binhan drill"))
    except StorageUnavailable:
        return connect(parameters(urlsplit(url)._replace(path="/postgres").geturl(), password, "binhan drill"))


_CALLED_BY_TRIGGERS: Final = """
SELECT DISTINCT f.proname FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND f.pronamespace = 'public'::regnamespace
"""
"""Functions outlive the tables whose triggers call them."""


def _empty(given: dict[str, Any]) -> None:
    with closing(connect(given)) as there:
        names = [sql.Identifier(name) for name in (*tables(there), "alembic_version")]
        called = there.execute(_CALLED_BY_TRIGGERS).fetchall()
        there.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.SQL(", ").join(names)))
        for (function,) in called:
            there.execute(sql.SQL("DROP FUNCTION {}()").format(sql.Identifier(function)))
