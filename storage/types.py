"""Column types: one for time, one for closed sets of words, one for small values kept as JSON, one for lists of names.

Each says how its values go to SQLite and back (`to_sqlite`, `from_sqlite`) and to PostgreSQL and back (`to_postgres`,
`from_postgres`), never called with None; `storage/prepared.py` calls these directly.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    String,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def to_micros(at: datetime) -> int:
    """Microseconds since 1970 of an aware datetime; a naive one is a ValueError, because its zone would be a guess.

    The same few moments, this transaction's above all, stand in many columns: they are kept.
    """
    if at.tzinfo is None:
        raise ValueError("a datetime without a zone cannot be stored")
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(maxsize=4096)
def from_micros(micros: int) -> datetime:
    """The aware UTC datetime that many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


def zoned(at: datetime) -> datetime:
    """The datetime itself; a naive one is a ValueError, because its zone would be a guess."""
    if at.tzinfo is None:
        raise ValueError("a datetime without a zone cannot be stored")
    return at


def in_utc(at: datetime) -> datetime:
    """What a connection in UTC has read, with the zone object that the rest of the program uses."""
    return at.replace(tzinfo=UTC)


def without_nul(text: str) -> str:
    """PostgreSQL cannot store the character NUL; a platform's id that holds one must not make a message lost."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def words(kind: type[StrEnum]) -> str:
    """The members of a closed set as an SQL list, for CHECK constraints."""
    return ", ".join(f"'{member.value}'" for member in kind)


def word(member: StrEnum) -> ColumnElement[Any]:
    """A member written into the statement itself: SQLite uses a partial index only where it sees the value."""
    return literal_column(f"'{member.value}'")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime; on SQLite integer microseconds, so that comparing and ordering are exact."""

    impl = BigInteger
    cache_ok = True
    to_sqlite = staticmethod(to_micros)
    from_sqlite = staticmethod(from_micros)
    to_postgres = staticmethod(zoned)
    from_postgres = staticmethod(in_utc)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Integers on SQLite, a zoned timestamp elsewhere."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Aware datetime to column."""
        return to_micros(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Column to aware datetime."""
        return from_micros(value) if value is not None and dialect.name == "sqlite" else value


class EnumText(TypeDecorator[Any]):
    """A member of a StrEnum, stored as its word; the CHECK constraint beside it keeps other words out."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        """`kind` is the closed set."""
        super().__init__(32)
        self.kind = kind
        members = {member.value: member for member in kind}
        plain = {member: str(member.value) for member in kind}
        self.to_sqlite: Callable[[Any], str] = plain.__getitem__
        self.from_sqlite: Callable[[str], Any] = members.__getitem__
        self.to_postgres, self.from_postgres = self.to_sqlite, self.from_sqlite

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Member to word."""
        return None if value is None else self.to_sqlite(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Word to member."""
        return None if value is None else self.from_sqlite(value)

    def __repr__(self) -> str:
        return "String(length=32)"


class Packed(TypeDecorator[Any]):
    """A small value without people's text (a ladder, roles) as compact JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        """`kind` is the type to read back."""
        super().__init__()
        self.kind = kind
        self.from_sqlite: Callable[[Any], Any] = msgspec.json.Decoder(kind).decode
        self.to_postgres, self.from_postgres = self.to_sqlite, self.from_sqlite

    @staticmethod
    def to_sqlite(value: Any) -> str:
        """Value to JSON text."""
        return msgspec.json.encode(value).decode()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Value to JSON."""
        return None if value is None else self.to_sqlite(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """JSON to value."""
        return None if value is None else self.from_sqlite(value)

    def __repr__(self) -> str:
        return "Text()"


class Names(TypeDecorator[Any]):
    """A list of strings as one parameter; only in statements, never a column."""

    impl = Text
    cache_ok = True

    @staticmethod
    def to_sqlite(value: Any) -> str:
        """Strings to JSON text."""
        return msgspec.json.encode(list(value)).decode()

    @staticmethod
    def to_postgres(value: Any) -> list[str]:
        """Strings to an array."""
        return [without_nul(each) for each in value]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSON text on SQLite, an array of texts elsewhere."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(Text()))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Strings to what the database takes."""
        if value is None:
            return None
        return self.to_sqlite(value) if dialect.name == "sqlite" else self.to_postgres(value)


class Among(ColumnElement[bool]):
    """Is the column one of the strings of a parameter (or none of them)? One statement for lists of any length."""

    type = Boolean()
    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], name: str, *, negated: bool = False) -> None:
        """`name` of the parameter, a list of strings."""
        self.column, self.name, self.negated = column, name, negated

    @property
    def _from_objects(self) -> Any:
        return self.column._from_objects

    def self_group(self, against: Any = None) -> Any:
        """A comparison binds tighter than AND, OR and NOT."""
        return self

    def __invert__(self) -> Any:
        return Among(self.column, self.name, negated=not self.negated)


@compiles(Among, "sqlite")
def _among_on_sqlite(element: Among, compiler: Any, **options: Any) -> str:
    listed = func.json_each(bindparam(element.name, type_=Names)).table_valued("value", name=f"each_{element.name}")
    values = select(listed.c.value)
    inside = element.column.not_in(values) if element.negated else element.column.in_(values)
    return str(compiler.process(inside, **options))


@compiles(Among)
def _among_on_postgres(element: Among, compiler: Any, **options: Any) -> str:
    sign = "<> ALL" if element.negated else "= ANY"
    names = compiler.process(bindparam(element.name, type_=Names), **options)
    return f"{compiler.process(element.column, **options)} {sign} ({names})"


class Either(ColumnElement[bool]):
    """A condition that means the same everywhere, but is written so that each database finds a good plan for it."""

    type = Boolean()
    inherit_cache = False

    def __init__(self, on_sqlite: ColumnElement[bool], elsewhere: ColumnElement[bool]) -> None:
        """Both ways to say it."""
        self.on_sqlite, self.elsewhere = on_sqlite, elsewhere

    def self_group(self, against: Any = None) -> Any:
        """A comparison or an EXISTS: it binds tighter than AND and OR."""
        return self


@compiles(Either, "sqlite")
def _either_on_sqlite(element: Either, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.on_sqlite, **options))


@compiles(Either)
def _either_elsewhere(element: Either, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.elsewhere, **options))


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Is the column one of the strings of the parameter `name`? One statement for lists of any length."""
    return Among(column, name)
