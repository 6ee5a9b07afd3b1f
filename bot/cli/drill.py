"""`db drill`: would this backup really save us? In words for a person, or as JSON for a script."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import wiring
from bot.config import Config, load_config

if TYPE_CHECKING:
    from bot.wiring.database import Drilled

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]


def drill(
    source: Annotated[Path, typer.Argument(help="A backup directory.")],
    config: ConfigOption = None,
    secrets: Annotated[Path | None, typer.Option("--secrets", help="Directory with the secret files.")] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="The second place of the keys, or a copy of the key store from it.")
    ] = None,
    into: Annotated[
        str, typer.Option("--into", help="An empty PostgreSQL database to rehearse in (default: one made for it).")
    ] = "",
    max_age: Annotated[
        int | None, typer.Option("--max-age", help="Minutes; an older backup does not pass.", min=1)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as one JSON object.")] = False,
) -> None:
    """Rehearse a restore into an empty place and say what it would have been like. Nothing that runs is touched.

    Exit: 0 it would have saved everybody, 1 it would not, 2 it cannot be restored at all.
    """
    written = load_config(config)
    done = wiring.drill_restore(written, source, secrets, keys, into)
    old = max_age is not None and done.age_s > max_age * 60
    passed = done.passed and not old
    if as_json:
        print(json.dumps(asdict(done) | {"made_at": done.made_at.isoformat(), "passed": passed}))
    else:
        for name, said in in_words(written, done):
            print(f"{name:<15} {said}")
        if old:
            print(f"{'too old':<15} at most {max_age} min were wished for (--max-age)")
        print(f"drill: {'passed' if passed else 'NOT passed: this backup would not have saved everybody'}")
    if not passed:
        raise typer.Exit(1)


def in_words(written: Config, done: Drilled) -> list[tuple[str, str]]:
    """The report, a line each: what was looked at, and what was found."""
    age, took = timedelta(seconds=done.age_s), timedelta(seconds=done.restored_s)
    erased = f"{done.erased} contacts and cases, gone from the restored data too; {done.hidden} people wait to be"
    if not done.knows_erasures:
        erased = "not known: whoever was erased since the backup would be back. Give newer keys (--keys)"
    return [
        ("backup", f"of {done.made_at.astimezone(written.zone):%Y-%m-%d %H:%M} ({written.timezone}), {done.rows} rows"),
        (
            "RPO",
            f"{wiring.in_words(age)}: so much would be lost if everything broke now "
            f"({_aim(age <= wiring.RPO, wiring.RPO)})",
        ),
        ("RTO", f"{done.restored_s:.1f} s until it could start again ({_aim(took <= wiring.RTO, wiring.RTO)})"),
        ("readable", f"{done.opened} of {done.fields} sealed fields open (looked at for {done.looked_s:.1f} s more)"),
        (
            "keys",
            f"{done.owners} of {done.owners + done.keys_missing} contacts and cases have theirs; {done.keys_from}",
        ),
        (
            "sent by itself",
            f"{done.sent} lines to seekers; {done.held} are held until they write again; "
            f"{done.pages} pages to staff would ring at once",
        ),
        ("erased since", erased),
        *([("void", f"{done.void_codes} return codes: their lookup pepper is gone")] if done.void_codes else []),
        ("audit", "the chain holds" if done.audit_holds else "the chain does NOT hold"),
    ]


def _aim(met: bool, aim: timedelta) -> str:
    return f"aim: {wiring.in_words(aim)}, {'met' if met else 'not met'}"
