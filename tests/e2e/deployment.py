"""What lies in deploy/, read as the machines read it: the start commands of the containers and of the systemd units."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Iterator
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PROGRAM = "binhan"
RUNNING = ("web-1", "web-2", "worker-1", "worker-2", "auditor")


@dataclass(frozen=True)
class Start:
    """One process as the deployment starts it."""

    name: str
    argv: tuple[str, ...]  # after the program's own name

    def option(self, name: str) -> str:
        return self.argv[self.argv.index(name) + 1]

    def with_option(self, name: str, value: str) -> Start:
        where = self.argv.index(name) + 1
        return Start(self.name, (*self.argv[:where], value, *self.argv[where + 1 :]))


class _Unit(RawConfigParser):
    """systemd's own reading of a unit, as far as these files need it: a key may stand more than once."""

    def __init__(self) -> None:
        super().__init__(strict=False, interpolation=None, comment_prefixes=("#", ";"), delimiters=("=",))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(name: str) -> RawConfigParser:
    read = _Unit()
    read.read_string((DEPLOY / "systemd" / name).read_text("utf-8"))
    return read


def compose() -> dict[str, Any]:
    written: dict[str, Any] = yaml.safe_load((DEPLOY / "containers" / "compose.yaml").read_text("utf-8"))
    return written


def instructions() -> Iterator[tuple[str, str]]:
    """The container file, line by line, continued lines joined."""
    text = (DEPLOY / "containers" / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def is_the_program(path: str) -> bool:
    """Does this path lead to the command that the package installs?"""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    return Path(path).name == PROGRAM and path.startswith("/opt/binhan/") and scripts[PROGRAM] == "bot.__main__:main"


def container_starts() -> list[Start]:
    (entry,) = (json.loads(rest) for word, rest in instructions() if word == "ENTRYPOINT")
    assert len(entry) == 1
    assert is_the_program(entry[0])
    services = compose()["services"]
    return [Start(name, tuple(services[name]["command"])) for name in RUNNING]


def unit_starts() -> list[Start]:
    starts = []
    for name in RUNNING:
        role, _, number = name.partition("-")
        written = unit(f"binhan-{role}@.service" if number else f"binhan-{role}.service")["Service"]["ExecStart"]
        program, *argv = shlex.split(written.replace("%i", number))
        assert is_the_program(program)
        starts.append(Start(name, tuple(argv)))
    return starts


STARTS = {"containers": container_starts, "systemd": unit_starts}
