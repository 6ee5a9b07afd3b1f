"""`db`, `backup`, `restore`: data and keys, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.cli.drill import drill
from bot.cli.who import ByOption, actor_of, note, say_unwritten
from bot.config import Config, load_config
from handlers import audit

app = typer.Typer(help="The database.", no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]


app.command("drill")(drill)


@app.command()
def upgrade(config: ConfigOption = None) -> None:
    """Bring the database to this program's version. `serve` does the same for the embedded one."""
    wiring.upgrade_database(load_config(config))
    print("database: at this program's version")


@app.command()
def check(config: ConfigOption = None) -> None:
    """Check version, keys and the audit chain. Exit: 0 fine, 1 something is wrong, 2 cannot be opened."""
    problems = wiring.check_database(load_config(config))
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)
    print("database: fine")


def backup(
    to: Annotated[Path, typer.Argument(help="A new directory for the backup.")],
    config: ConfigOption = None,
    include_secrets: Annotated[
        bool,
        typer.Option("--include-secrets", help="Also copy the secret files: then the backup alone reads everything."),
    ] = False,
    by: ByOption = None,
) -> None:
    """Copy data and keys while the service runs; the keys go into their second place, where there is one (keys_second)."""
    written = load_config(config)
    done, noted = wiring.backup_database(written, to, include_secrets=include_secrets, by=actor_of(by))
    print(f"backup: {done.rows} rows, {done.keys} keys, in {done.seconds:.1f} s; written to {to}")
    if not noted:
        print(
            "warning: the status page does not know of this backup; the database was busy, or is older than this program"
        )
        say_unwritten()
    if done.apart:
        print(f"keys: in their second place ({written.keys_second}), not in the backup; it may be kept for 30 days")
    else:
        print(
            "warning: the keys lie beside the data. Delete this backup after 7 days: until then it brings back whoever is erased"
        )
    if include_secrets:
        print("warning: the secrets are in it. Whoever finds this backup reads everything; lock it away")
    warn(written)


def restore(
    source: Annotated[Path, typer.Argument(help="A backup directory.")],
    config: ConfigOption = None,
    secrets: Annotated[Path | None, typer.Option("--secrets", help="Directory with the secret files.")] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="The second place of the keys, or a copy of the key store from it.")
    ] = None,
    by: ByOption = None,
) -> None:
    """Put a backup in place of missing data. Starts in quarantine: nothing is sent until `db release` is given."""
    written = load_config(config)
    done = wiring.restore_database(written, source, secrets, keys)
    note(written, by, audit.RESTORED, made_at=done.made_at, held=done.held, erased=done.erased)
    made_at = datetime.fromisoformat(done.made_at).astimezone(written.zone)
    print(
        f"restore: data of {made_at:%Y-%m-%d %H:%M} ({written.timezone}), in "
        f"{done.seconds:.1f} s; {done.held} lines held, {done.erased} erasures finished"
    )
    print(f"keys: {done.keys_from}")
    if done.hidden:
        print(f"{done.hidden} people had asked to be erased since: hidden, and destroyed at their hour")
    if done.rehashed:
        print(f"{done.rehashed} contacts and accounts of staff are found by the lookup pepper of now")
    if done.void_codes or done.void_spare_codes:
        print(
            f"void, because their lookup pepper is gone: {done.void_codes} return codes, {done.void_spare_codes} spare codes of "
            "staff. Staff make new spare codes"
        )
    if not done.knows_erasures:
        print(
            "warning: who was erased since the backup is not known, so they are back. Look for a newer copy of the keys (--keys)"
        )
    print("quarantine: nothing goes out; start the service, look at the desk, then run: python -m bot db release")


def warn(config: Config) -> None:
    """Say what could make the keys get lost, a line each."""
    for line in wiring.key_warnings(config):
        print(f"warning: {line}")


@app.command()
def quarantine(config: ConfigOption = None, by: ByOption = None) -> None:
    """Begin a quarantine by hand: after the database was brought back by other means (a snapshot, point-in-time recovery).

    Everything on its way to seekers is held, and whoever was erased since, as the keys know, is erased from these data too.
    """
    held, erased = wiring.begin_quarantine(load_config(config), actor_of(by))
    print(f"quarantine: begun; {held} lines held, {erased} erasures finished; everybody signs in again")
    print("nothing goes out; look at the desk, then run: python -m bot db release")


@app.command()
def release(config: ConfigOption = None, by: ByOption = None) -> None:
    """End the quarantine after a restore: from now on messages go out again."""
    was_on = wiring.release_quarantine(load_config(config), actor_of(by))
    print("quarantine: ended" if was_on else "quarantine: there was none")
