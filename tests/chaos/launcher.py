"""Starts `python -m bot …` again and again without paying for its imports each time: a process that has imported everything, and
read the shipped content, forks itself for every start. What runs in the child is the real program, with its own arguments,
environment, files and death; content of other bytes than the shipped it reads itself.

Reads one JSON object a line: {"argv": […], "environment": {…}, "output": PATH, "mistake": NAME or ""}; writes {"started": PID}
and, when that process has ended, {"ended": PID, "code": N} (negative: killed by that signal).
"""

from __future__ import annotations

import gc
import json
import os
import select
import sys
from pathlib import Path
from typing import Any

import bot.__main__
import bot.serve
import bot.wiring
import storage.postgres.open
import storage.redis.budgets
import storage.redis.link
import storage.redis.wakeups  # noqa: F401 - imported once, for every start
from bot import shipped, worlds
from bot.channels import telegram_api
from bot.channels.pacing import at_most
from bot.config import Config
from handlers.world import Libraries
from tests.chaos import mistakes

LOOK_S = 0.01
HURRIED = at_most(10_000, 1.0, at_once=1_000)
"""Here people write faster than a platform lets us answer, so that little time holds many messages; the platform's pace has tests
of its own."""


def start(order: dict[str, Any]) -> int:
    """Fork; the child becomes the program and never returns."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(order["environment"])
        mistakes.make(order["mistake"])
        sys.argv = ["binhan", *order["argv"]]
        bot.__main__.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException as error:  # the fork must never go on as a second launcher
        sys.stderr.write(f"launcher: {type(error).__name__}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def say(**what: int) -> None:
    print(json.dumps(what), flush=True)


def read_content() -> None:
    """What reading flows and lexicon takes is most of a start; the program keeps them by their bytes, and so do our children."""
    worlds.load_world(shipped.content_files(), [], Config().zone, Libraries())


def main() -> None:
    """Until standard input ends."""
    telegram_api.OF_THE_BOT = telegram_api.OF_A_CHAT = HURRIED
    read_content()
    gc.freeze()  # children share these pages
    alive: set[int] = set()
    lines = sys.stdin.buffer
    os.set_blocking(lines.fileno(), True)
    while True:
        readable, _, _ = select.select([lines.fileno()], [], [], LOOK_S if alive else None)
        if readable:
            line = lines.readline()
            if not line:
                break
            pid = start(json.loads(line))
            alive.add(pid)
            say(started=pid)
        for pid in list(alive):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                alive.discard(pid)
                say(ended=pid, code=os.waitstatus_to_exitcode(status))
    for pid in alive:
        os.kill(pid, 9)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
