"""Looks an installation over for `db check`: version, keys, chain. Changes nothing."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from handlers.audit_log import check_at_once
from handlers.errors import BinhAnError
from storage import schema
from storage.data_keys import Keys
from storage.engine import connect
from storage.installation import Installation
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.peppers import needed
from storage.prepared import Runner
from storage.removals import check_keys
from storage.secrets import Peppers, Secrets, load_secrets
from storage.uow import RunsStatements, SqlUnitOfWork


def check_records(runner: RunsStatements, store: Keys, secrets: Secrets) -> list[str]:
    """What is wrong with keys and audit log, a line each; in a transaction of the caller's."""
    problems = [f"pepper-missing: {said}" for said in lacking_peppers(runner, secrets.peppers)]
    keys = check_keys(runner, store)
    if keys.missing:
        problems.append(f"key-missing: {len(keys.missing)} records have no key; restore data and keys together")
    log = check_at_once(SqlUnitOfWork(runner, KeyRing(store), secrets.peppers, datetime.now(UTC)), secrets.audit)
    return problems + [f"audit-changed: {said}" for said in log.problems]


def lacking_peppers(runner: RunsStatements, held: Peppers) -> list[str]:
    """Lookup peppers with which somebody is found and that are not here, a line each."""
    return [
        f"secrets/{name} is missing, and people are found by it; copy it from the second place of the keys (0400)"
        for name in needed(runner)
        if name not in held.ids()
    ]


def compare(runner: RunsStatements, keys: Keys) -> list[str]:
    """Does every record find its key, and everybody the pepper she is found by? A line for what does not."""
    said = lacking_peppers(runner, keys.peppers)
    lost = check_keys(runner, keys).missing
    if lost:
        said.append(
            f"{len(lost)} records have no key: nobody can read them. Restore data and keys that belong together"
        )
    return said


def missing_keys(here: Installation, keys: Keys) -> list[str]:
    """`compare` on the data of this installation; nothing is looked at where there are none yet. OlderDatabase or NewerDatabase
    where the tables are not this program's.
    """
    if here.shared:
        from storage.postgres.checking import compare_keys

        return compare_keys(here.parameters("binhan keys"), keys)
    if not here.file.exists():
        return []
    schema.check(here.file)
    with closing(connect(here.file, read_only=True, busy_s=1.0)) as file:
        file.execute("BEGIN")
        return compare(Runner(file), keys)


def check_installation(var: Path, database: Path | None = None) -> list[str]:
    """Everything that is wrong, a line each; empty when all is well. Raises what makes looking impossible (BinhAnError)."""
    path = database or var / "data.db"
    if not path.exists():
        return [f"{path.name} is not there; `serve` makes it"]
    try:
        schema.check(path)
    except BinhAnError as error:
        return [f"{error.code}: {error}"]
    problems = []
    secrets = load_secrets(var)
    store = KeyStore(var / "keys.db", secrets, lambda: datetime.now(UTC))
    try:
        store.opens()
        with closing(connect(path, read_only=True, busy_s=1.0)) as connection:
            for (word,) in connection.execute("PRAGMA quick_check").fetchall():
                if word != "ok":
                    problems.append(f"damaged: {word}")
            connection.execute("BEGIN")
            problems += check_records(Runner(connection), store, secrets)
    except BinhAnError as error:
        problems.append(f"{error.code}: {error}")
    finally:
        store.close()
    return problems
