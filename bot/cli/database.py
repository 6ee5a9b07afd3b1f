"""`db`, `backup`, `restore`: the embedded pair of data and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.config import load_config

app = typer.Typer(help="The database.", no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]


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
) -> None:
    """Copy data and keys while the service runs. Keep the secrets somewhere else: without them nobody can read it."""
    wiring.backup_database(load_config(config), to, include_secrets=include_secrets)
    print(f"backup: written to {to}")


def restore(
    source: Annotated[Path, typer.Argument(help="A backup directory.")],
    config: ConfigOption = None,
    secrets: Annotated[Path | None, typer.Option("--secrets", help="Directory with the secret files.")] = None,
) -> None:
    """Put a backup in place of missing data. Starts in quarantine: nothing is sent until `db release` is given."""
    done = wiring.restore_database(load_config(config), source, secrets)
    print(f"restore: data of {done.made_at}; {done.held} lines held, {done.erased} erasures finished")
    print("quarantine: nothing goes out; start the service, look at the desk, then run: python -m bot db release")


@app.command()
def release(config: ConfigOption = None) -> None:
    """End the quarantine after a restore: from now on messages go out again."""
    was_on = wiring.release_quarantine(load_config(config))
    print("quarantine: ended" if was_on else "quarantine: there was none")
