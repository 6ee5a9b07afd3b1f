"""`keys`: what keeps everything readable for us and unreadable for others. Ids, counts and times only, never a key."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.cli.who import ByOption, actor_of, note
from bot.config import Config, load_config
from handlers import audit

app = typer.Typer(help="The keys: show, check, change, keep twice.", no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]
PrepareOption = Annotated[
    bool, typer.Option("--prepare", help="Only make the new file, so that it can be copied to the other machines.")
]
PlaceArgument = Annotated[
    Path | None, typer.Argument(help="A folder on another disk (default: keys_second of the configuration).")
]


@app.command()
def show(config: ConfigOption = None) -> None:
    """List the keys by their ids: how many data keys each wraps, since when, and whether it is kept twice."""
    written = load_config(config)
    shown = wiring.show_keys(written)
    for one in shown.keks:
        since = "prepared" if not one.begun else f"since {_at(written, one.since) if one.since else 'the beginning'}"
        use = "wraps new data keys" if one.active else ("in use" if one.wraps else "not in use")
        here = "here" if one.here else "MISSING here"
        second = "in the second place" if one.second else "not in the second place"
        print(f"{one.kek:<8} {one.wraps:>7} data keys   {use}, {since}; {here}, {second}")
    _show_peppers(written)
    print(f"{shown.audit_key}: signs the audit log since {_at(written, shown.audit_since)}")
    for name in shown.audit_waiting:
        print(f"{name}: prepared to sign the audit log, not in use")
    print(f"data keys: {shown.data_keys}, one for each contact and case; destroyed so far: {shown.destroyed}")
    if shown.second is None:
        print("second place: none")
    elif shown.copy_made_at is None:
        print(f"second place: {shown.second}, empty")
    else:
        print(
            f"second place: {shown.second}, {shown.copies} copies of the key store, "
            f"newest of {_at(written, shown.copy_made_at)}, looked at {_at(written, shown.looked_at)}"
        )
    _warn(written)


@app.command()
def check(config: ConfigOption = None) -> None:
    """Open every key, and look whether every record finds its own. Exit: 0 fine, 1 something is wrong."""
    written = load_config(config)
    problems = wiring.check_keys(written)
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)
    print("keys: every one opens, and every record has its own")
    _warn(written)


@app.command()
def rotate(
    config: ConfigOption = None,
    prepare: PrepareOption = False,
    by: ByOption = None,
) -> None:
    """Change the key-encryption key while everything runs. Every 90 days, and when somebody leaves who could read it."""
    written = load_config(config)
    if prepare:
        _say_prepared(written, by, audit.KEYS_PREPARED, wiring.prepare_kek(written), "rotate")
        return
    done = wiring.rotate_keys(written)
    note(written, by, audit.KEYS_ROTATED, done.kek, keys=done.keys)
    if done.resumed:
        print(f"an earlier change to {done.kek} had been interrupted; it is finished now")
    print(f"{done.kek}: wraps all data keys; {done.keys} were wrapped anew in {done.seconds:.1f} s")
    print("older ones stay for 7 days, for the copies of the key store; then run: python -m bot keys retire")
    _warn(written)


@app.command("rotate-pepper")
def rotate_pepper(
    config: ConfigOption = None,
    prepare: PrepareOption = False,
    by: ByOption = None,
) -> None:
    """Change the lookup pepper, by which people are found again, while everything runs. Only when the old one may be known."""
    written = load_config(config)
    if prepare:
        _say_prepared(written, by, audit.KEYS_PREPARED, wiring.prepare_pepper(written), "rotate-pepper")
        return
    done, codes = wiring.rotate_pepper(written)
    note(written, by, audit.PEPPER_ROTATED, done.pepper, contacts=done.contacts, accounts=done.accounts)
    if done.resumed:
        print(f"an earlier change to {done.pepper} had been interrupted; it is finished now")
    print(
        f"{done.pepper}: {done.contacts} contacts and {done.accounts} accounts of staff are found by it now, "
        f"in {done.seconds:.1f} s"
    )
    if done.left:
        print(
            f"warning: the addresses of {done.left} do not open; they stay under an older one. Run: python -m bot keys check"
        )
    if codes.codes:
        print(
            f"still under an older one: {_codes(codes)}. Whoever has that one and a copy of the database can find them by "
            "trying; to make them void: python -m bot keys retire --void-codes"
        )
    print("older ones stay for 7 days, for backups; then run: python -m bot keys retire")
    _warn(written)


@app.command("rotate-audit")
def rotate_audit(
    config: ConfigOption = None,
    prepare: PrepareOption = False,
    by: ByOption = None,
) -> None:
    """Change the key that signs the audit log while everything runs. Once a year, and when somebody leaves who could read it."""
    written = load_config(config)
    if prepare:
        _say_prepared(written, by, audit.AUDIT_KEY_PREPARED, wiring.prepare_audit_key_of(written), "rotate-audit")
        return
    done = wiring.change_audit_key(written, actor_of(by))
    name, seq = done.handover.said.next_name, done.handover.seq
    if done.resumed:
        print(
            f"an earlier change to {name} had been interrupted, or was made on another machine; it is finished here now"
        )
    print(f"{name}: signs the audit log after row {seq}, where it was handed over")
    for gone in done.destroyed:
        print(
            f"{gone}: destroyed; what it signed before row {seq} is still proven, what is signed with it from now on is refused"
        )
    for path in done.unreached:
        typer.echo(
            f"warning: the signed handover could not be added to {path}; run: python -m bot audit head --to {path}",
            err=True,
        )
    _warn(written)


@app.command("rotate-session")
def rotate_session(config: ConfigOption = None, by: ByOption = None) -> None:
    """Make a new session key: it makes the forms of pages genuine. Nobody is signed out; pages that are open are loaded anew."""
    written = load_config(config)
    wiring.change_session_key(written)
    note(written, by, audit.SESSION_KEY_CHANGED)
    print("session_key: a new one lies here; it counts for each process from its next start on")
    print("several machines: copy it to each first. Then restart all processes, and reload the desk's pages")


@app.command()
def retire(
    config: ConfigOption = None,
    void_codes: Annotated[
        bool,
        typer.Option(
            "--void-codes",
            help="Make codes void that were given under an older lookup pepper: nobody comes back, or signs in, with one.",
        ),
    ] = False,
    by: ByOption = None,
) -> None:
    """Take away key-encryption keys and lookup peppers that nothing needs any more, seven days after they were replaced."""
    written = load_config(config)
    if void_codes:
        _void(written, by)
    gone, waiting = wiring.retire_keks(written)
    if gone:
        note(written, by, audit.KEYS_RETIRED, keks=",".join(gone))
    for kek in gone:
        print(f"{kek}: taken away")
    for kek, until in waiting.items():
        print(f"{kek}: stays until {_at(written, until)}, a kept copy of the key store may need it")
    if not _retire_peppers(written, by) and not gone and not waiting:
        print("keys: none to take away")


@app.command()
def copy(to: PlaceArgument = None, config: ConfigOption = None, by: ByOption = None) -> None:
    """Copy secrets and key store to their second place. A running service does it every two minutes where keys_second is set."""
    written = load_config(config)
    done = wiring.copy_keys(written, to)
    note(written, by, audit.KEYS_COPIED, keys=done.keys, secrets=len(done.secrets), place="other" if to else "second")
    fresh = f"secrets new there: {', '.join(done.secrets)}" if done.secrets else "all secrets were there"
    print(f"{fresh}; key store with {done.keys} keys: {'copied' if done.fresh else 'unchanged since the last copy'}")
    print("keep it apart from the backups: whoever has both reads everything")


@app.command()
def verify(where: PlaceArgument = None, config: ConfigOption = None) -> None:
    """Open the second place with nothing but what lies there. Exit: 0 it would give everything back, 1 it would not."""
    problems = wiring.verify_key_copy(load_config(config), where)
    for problem in problems:
        print(problem)
    if problems:
        print("the second place would not give everything back; run: python -m bot keys copy")
        raise typer.Exit(1)
    print("second place: gives everything back")


def _say_prepared(written: Config, by: str | None, action: str, name: str, command: str) -> None:
    """A new file was made and is not used yet: who made it, and what follows."""
    note(written, by, action, name)
    print(f"{name}: made, not in use; copy {written.var / 'secrets' / name} to every machine, then run keys {command}")


def _show_peppers(written: Config) -> None:
    for one in wiring.show_peppers(written):
        since = "prepared" if not one.begun else f"since {_at(written, one.since) if one.since else 'the beginning'}"
        use = "makes new hashes" if one.current else ("in use" if one.under.anything else "not in use")
        here = "here" if one.here else "MISSING here"
        second = "in the second place" if one.second else "not in the second place"
        print(
            f"{one.name}: finds {one.under.contacts} contacts, {one.under.accounts} accounts of staff, "
            f"{one.under.codes} codes; {use}, {since}; {here}, {second}"
        )
        if not one.current and (one.under.contacts or one.under.accounts):
            print(
                "warning: a change of the lookup pepper is not finished; finish with: python -m bot keys rotate-pepper"
            )


def _retire_peppers(written: Config, by: str | None) -> bool:
    """Is there an older one at all?"""
    done = wiring.retire_peppers(written)
    if done.gone:
        note(written, by, audit.KEYS_RETIRED, peppers=",".join(done.gone))
    for name in done.gone:
        print(f"{name}: taken away")
    for name, until in done.waiting.items():
        print(f"{name}: stays until {_at(written, until)}, a backup may need it")
    for name, under in done.needed.items():
        print(f"{name}: stays, {_why_needed(under)}")
    return bool(done.gone or done.waiting or done.needed)


def _void(written: Config, by: str | None) -> None:
    done, staff = wiring.void_old_codes(written)
    if not done.codes:
        print("codes: none under an older lookup pepper")
        return
    figures: dict[str, str | int | bool] = {
        "return_codes": done.return_codes, "spare_codes": done.spare_codes, "bind_codes": done.bind_codes
    }  # fmt: skip
    note(written, by, audit.CODES_VOIDED, "", **figures)
    print(f"void now: {_codes(done)}")
    if staff:
        print(f"new spare codes are to be made by: {', '.join(staff)}")


def _codes(under: wiring.Under) -> str:
    return (
        f"{under.return_codes} return codes, {under.spare_codes} spare codes, {under.bind_codes} codes for messengers"
    )


def _why_needed(under: wiring.Under) -> str:
    if under.contacts or under.accounts:
        return f"{under.contacts + under.accounts} people are still found by it; run: python -m bot keys rotate-pepper"
    return f"found by it: {_codes(under)}; they may be made void with --void-codes"


def _warn(written: Config) -> None:
    for line in wiring.key_warnings(written):
        print(f"warning: {line}")


def _at(written: Config, at: datetime | None) -> str:
    return "never" if at is None else f"{at.astimezone(written.zone):%Y-%m-%d %H:%M}"
