"""The command line: `python -m bot …`. Exit codes: 0 done, 1 findings or refused input, 2 wrong use or unreadable."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from bot.cli import audit, channels, database, directory, erase, keeping, keys, places, report, roster, staff, triage
from bot.cli.config_notes import notes
from bot.cli.flows import flows_app
from bot.config import Config, ConfigError, load_config, secrets_of
from bot.observe import set_up_logs
from bot.roles import Role
from bot.shipped import content_files
from bot.worlds import load_world
from flows.loader import load
from flows.transcripts import SUFFIX, scripts
from flows.updating import update
from handlers.directory_files import load_seed
from handlers.errors import BinhAnError, NoSuchCase
from handlers.rehearsal import RehearsalHost
from handlers.world import Libraries

app = typer.Typer(
    name="binhan",
    help="Bình An: an anonymous chat hotline for gender-based violence.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]
REFUSING = frozenset({"handlers.staffing", "handlers.accounts", "handlers.erasing"})
"""Where the errors of commands stand that understood what was asked and said no."""


def rehearsal_host(files: dict[str, bytes]) -> RehearsalHost:
    """The host that the transcripts of a content set talk to."""
    return RehearsalHost(load_world(files, list(load_seed(files)), Config().zone, Libraries()))


app.add_typer(flows_app(rehearsal_host), name="flows")
app.add_typer(directory.app, name="directory")
app.add_typer(roster.app, name="roster")
app.add_typer(staff.app, name="staff")
app.add_typer(channels.app, name="channels")
app.add_typer(database.app, name="db")
app.add_typer(audit.app, name="audit")
app.add_typer(keeping.app, name="keeping")
app.add_typer(keys.app, name="keys")
app.command()(triage.triage)
app.command()(places.place)
app.command()(places.nearest)
app.command()(database.backup)
app.command()(database.restore)
app.command()(erase.erase)
app.command()(report.report)

config_app = typer.Typer(help="The configuration.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")


@app.command()
def serve(
    config: ConfigOption = None,
    listen: Annotated[str | None, typer.Option("--listen", help="HOST:PORT instead of the configuration's.")] = None,
    role: Annotated[
        Role, typer.Option("--role", help="What this process does; a share of the work needs PostgreSQL.")
    ] = Role.ALL,
) -> None:
    """Run the service. Without a configuration: the embedded demo, with staff passwords shown once. A worker or an auditor
    listens (for /healthz and /readyz) only with --listen.
    """
    from bot.serve import COLLECT
    from bot.serve import serve as run

    gc.set_threshold(*COLLECT)
    written = load_config(config)
    if listen is not None:
        written = _listening_on(written, listen)
    set_up_logs(written.log.level, json_lines=written.log.json_lines)
    demo = config is None and not Path("config.yaml").exists()
    asyncio.run(run(written, demo=demo, role=role, listen=listen is not None))


def _listening_on(written: Config, listen: str) -> Config:
    try:
        return Config.model_validate({**dict(written), "listen": listen})
    except ValidationError:
        raise ConfigError([f"--listen {listen}: write HOST:PORT, for example 127.0.0.1:8080"]) from None


@app.command()
def chat(
    config: ConfigOption = None,
    content: Annotated[
        Path | None, typer.Option("--content", help="Try the draft in this folder, in memory; nothing is published.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the talk to this new file as a transcript.")
    ] = None,
    flow: Annotated[str | None, typer.Option("--flow", help="Begin at this flow, in memory, to try it alone.")] = None,
    lang: Annotated[str | None, typer.Option("--lang", help="Choose this language first (a code: en).")] = None,
) -> None:
    """Talk to the bot in the terminal: to the running service of this configuration, else to one in memory."""
    from bot.terminal import Wish
    from bot.terminal import chat as talk

    set_up_logs("error")
    written = load_config(config)
    asyncio.run(talk(written, Wish(content, save, flow, lang)))
    if save is not None and save.exists():
        _rehearsed(save, content_files(content or written.content))


def _rehearsed(save: Path, files: dict[str, bytes]) -> None:
    """Rehearse a saved talk once, so that it passes: what only a running service says (a waiting line) is taken out."""
    library, name = load(files).library, f"transcripts/{save.name}"
    found = scripts({name: save.read_bytes()})[0] if save.name.endswith(SUFFIX) else []
    if library is not None and found:
        save.write_bytes(update(library, found[0], rehearsal_host(files), save.read_bytes()).content)


@config_app.command("check")
def config_check(
    path: Annotated[Path | None, typer.Argument(help="Configuration file.")] = None, config: ConfigOption = None
) -> None:
    """Read the configuration and its secrets, say what is wrong. Exit: 0 fine, 2 not usable."""
    written = load_config(path or config)
    for part in (*written.channels, written.pager):
        for needed in secrets_of(part) if part is not None else ():
            needed.read()
    for secret in (written.database.password, written.database.keys_password, written.redis.password):
        if secret is not None:
            secret.read()
    written.auditor.read()
    written.metrics.read()
    print("configuration: fine")
    for note in notes(written):
        print(f"note: {note}")


def main() -> None:
    """Run a command; an error is one line saying what, where, what next."""
    # A reader that went away (`| head`) is no error of ours.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        # Without standalone mode the code of `typer.Exit` is handed back instead of being raised.
        code = app(standalone_mode=False)
    except ConfigError as error:
        _fail(*error.problems)
    except BinhAnError as error:
        _fail(f"binhan: {error}", code=1 if _refuses(error) else 2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _fail(f"binhan:{where}: {error.strerror or type(error).__name__}; check that the path is there and may be used")
    except Exception as error:
        wrong_use = getattr(error, "format_message", None)  # typer's own errors, whose classes it keeps to itself
        if type(error).__name__ == "NoArgsIsHelpError" and wrong_use is not None:
            _fail(wrong_use())  # a group without a command: what there is, as it stands
        if wrong_use is not None:
            _fail(f"binhan: {_sentence(wrong_use())} See --help.")
        if os.environ.get("BINHAN_TRACEBACK"):
            raise
        _fail(
            f"binhan: a mistake of the program ({type(error).__name__}); set BINHAN_TRACEBACK=1 to see where, and report it"
        )
    sys.exit(code if isinstance(code, int) else 0)


def _sentence(words: str) -> str:
    """What typer has to say, which may be a list over several lines, as one line that ends with a full stop."""
    line = " ".join(words.split()).rstrip(",").replace("Value error, ", "")
    return line if line.endswith((".", "?", "!")) else f"{line}."


def _refuses(error: BinhAnError) -> bool:
    """Was the command used rightly and what it asked for refused? Everything else means that it could not even be tried."""
    return isinstance(error, NoSuchCase) or type(error).__module__ in REFUSING


def _fail(*lines: str, code: int = 2) -> NoReturn:
    for line in lines:
        print(line, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
