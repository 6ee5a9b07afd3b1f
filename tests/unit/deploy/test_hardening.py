"""What the machines are told about our processes: accounts, walls, waiting times that fit together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import load_config
from bot.running import STOP_WITHIN_S
from storage.postgres.connection import OLDEST
from tests.e2e.deployment import DEPLOY, RUNNING, STARTS, compose, instructions, unit

UNITS = ("binhan-web@.service", "binhan-worker@.service", "binhan-auditor.service")
PROXY = (DEPLOY / "proxy" / "Caddyfile").read_text("utf-8")
LOOKS = {name: float(re.search(rf"{name} (\d+)s", PROXY)[1]) for name in ("health_interval", "health_timeout")}  # type: ignore[index]


def seconds(written: str) -> float:
    return float(written.removesuffix("s"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units where systemd would find them, with a program of the right name."""
    root: Path = tmp_path_factory.mktemp("root")
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    for path in (DEPLOY / "systemd").iterdir():
        if path.suffix in (".service", ".timer", ".target"):
            shutil.copy(path, units)
    for name in UNITS:
        folder = units / f"{name}.d"
        folder.mkdir()
        shutil.copy(DEPLOY / "systemd" / "hardening.conf", folder / "10-hardening.conf")
    return root


def systemd_analyze(*argv: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze here")
    return subprocess.run([found, *argv], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_itself_finds_little_to_attack(installed: Path, name: str) -> None:
    """`systemd-analyze security` counts exposure from 0.0 to 10.0 (here times ten); an ordinary service has 9.6."""
    folder = installed / "etc/systemd/system"
    instance = name.replace("@", "@1")
    done = systemd_analyze(
        "security", "--offline=true", f"--root={installed}", "--threshold=18", "--no-pager", str(folder / instance)
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd cannot look at files")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", UNITS)
def test_our_services_run_as_nobody_who_may_do_anything(name: str) -> None:
    hardened = unit("hardening.conf")["Service"]
    wanted = {
        "User": "binhan", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
        "CapabilityBoundingSet": "", "Restart": "always", "Type": "notify", "LimitCORE": "0", "UMask": "0077",
        "StateDirectoryMode": "0700",
    }  # fmt: skip
    assert {key: hardened[key] for key in wanted} == wanted
    assert hardened["LoadCredential"] == "binhan:/etc/binhan/secrets"
    own = unit(name)["Service"]
    assert not set(own) & set(wanted), "nothing of the walls is taken down again"
    assert "Environment" not in own, "no secret in an environment"


def test_they_are_started_again_for_ever() -> None:
    for name in UNITS:
        assert unit(name)["Unit"]["StartLimitIntervalSec"] == "0"
    assert all(
        service["restart"] == "unless-stopped" for name, service in compose()["services"].items() if name != "command"
    )


def test_nothing_of_a_stop_is_cut_short() -> None:
    """The drain outlasts two looks of the proxy, and the managers wait for drain and both ends of the loops."""
    for kind in STARTS:
        drain = load_config(DEPLOY / kind / "config.example.yaml").web.drain_s
        assert drain >= 2 * LOOKS["health_interval"] + LOOKS["health_timeout"]
        needed = drain + 2 * STOP_WITHIN_S
        assert seconds(unit("hardening.conf")["Service"]["TimeoutStopSec"]) >= needed + 10
        for name in RUNNING:
            assert seconds(compose()["services"][name]["stop_grace_period"]) >= needed + 10


def test_the_proxy_and_the_processes_meet() -> None:
    starts = {start.name: start for start in STARTS["containers"]()}
    web = compose()["services"]["proxy"]["environment"]["WEB"].split()
    assert web == [f"{name}:{starts[name].option('--listen').rsplit(':', 1)[1]}" for name in ("web-1", "web-2")]
    drop_in = (DEPLOY / "systemd" / "caddy.conf").read_text("utf-8")
    told = re.search(r'^Environment="WEB=([^"]+)"$', drop_in, re.MULTILINE)
    assert told is not None
    units = {start.name: start for start in STARTS["systemd"]()}
    assert told[1].split() == [units[name].option("--listen") for name in ("web-1", "web-2")]
    ports = [start.option("--listen") for start in units.values()]
    assert len(set(ports)) == len(ports)
    assert all(port.startswith("127.0.0.1:") for port in ports), "only the proxy is for the network"


def test_containers_have_no_more_rights_than_they_need() -> None:
    services = compose()["services"]
    for name in (*RUNNING, "command"):
        service = services[name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        told = ["SUDO_USER"] if name == "command" else []  # who calls it, for the audit log
        assert list(service.get("environment", {})) == told, "secrets are files, and nothing else is needed"
        assert "ports" not in service, name
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    lines = list(instructions())
    assert lines[[word for word, _ in lines].index("ENTRYPOINT") - 3] == ("USER", "10001:10001")


def test_containers_see_only_the_networks_they_need() -> None:
    written = compose()
    assert written["networks"]["inside"]["internal"]
    assert written["networks"]["front"]["internal"]
    reach = {name: set(service["networks"]) for name, service in written["services"].items()}
    assert reach["web-1"] == reach["web-2"] == {"inside", "front"}, "no way out"
    assert reach["db"] == reach["redis"] == {"inside"}
    assert "inside" not in reach["proxy"], "the door does not see the database"


def test_data_and_what_opens_them_are_not_in_one_place() -> None:
    services = compose()["services"]

    def volumes(name: str) -> set[str]:
        return {one.split(":")[0] for one in services[name].get("volumes", [])}

    assert "var" in volumes("web-1")
    assert "var" not in volumes("db")
    assert not [name for name in services if {"var", "data"} <= volumes(name)]


def test_what_is_mounted_is_there_and_where_it_is_looked_for() -> None:
    """Of this repository; an operator's own files lie beside compose.yaml."""
    mounted: dict[str, str] = {}
    for service in compose()["services"].values():
        for one in service.get("volumes", []):
            if one.startswith("../"):
                source, target, mode = one.split(":")
                assert (DEPLOY / "containers" / source).exists(), one
                assert mode == "ro", one
                mounted[target] = source
    assert mounted["/etc/caddy/down.html"] == "../proxy/down.html"
    down = re.search(r"root \* \{\$DOWN:([^}]+)\}", PROXY)
    assert down is not None
    assert down[1] == "/etc/caddy"
    settings = (DEPLOY / "postgresql" / "binhan.conf").read_text("utf-8")
    archive = re.search(r"^archive_command = '(\S+)/archive-wal ", settings, re.MULTILINE)
    assert archive is not None
    assert mounted[archive[1]] == "../postgresql"


def test_every_secret_is_a_file_that_only_those_get_who_need_it() -> None:
    written = compose()
    assert all(set(one) == {"file"} for one in written["secrets"].values())
    given: dict[str, Any] = {name: set(service.get("secrets", [])) for name, service in written["services"].items()}
    assert given["web-1"] == given["worker-1"] == {"database-password"}
    assert "postgres-password" not in set().union(*(given[name] for name in RUNNING))
    assert given["proxy"] == given["redis"] == set()
    for _, rest in instructions():
        assert not re.search(r"(?i)password|token", rest)


def test_what_is_built_is_only_what_is_pinned() -> None:
    told = " ".join(rest for _, rest in instructions())
    assert re.findall(r"install [^&]*", told)
    for one in re.findall(r"\binstall (?=-)[^&]*-r [^&]*", told):
        assert "--require-hashes" in one
        assert "--no-deps" in one
        assert "--only-binary :all:" in one
    copied = {
        part for word, rest in instructions() if word == "COPY" and "--from" not in rest for part in rest.split()[:-1]
    }
    ignored = (DEPLOY / "containers" / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((DEPLOY.parent / part).exists() for part in copied)


def test_the_servers_are_ones_the_program_takes() -> None:
    image = compose()["services"]["db"]["image"]
    assert int(re.search(r"postgres:(\d+)", image)[1]) * 10_000 >= OLDEST  # type: ignore[index]


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.y*ml")), ids=lambda path: path.name)
def test_yaml_is_yaml(path: Path) -> None:
    assert yaml.safe_load(path.read_text("utf-8"))


def scripts() -> list[Path]:
    """Everything in deploy/ that a shell runs."""
    return [
        path
        for path in sorted(DEPLOY.rglob("*"))
        if path.is_file() and path.read_bytes().startswith((b"#!/bin/sh", b"#!/usr/bin/env bash", b"#!/bin/bash"))
    ]


@pytest.mark.parametrize("path", scripts(), ids=lambda path: str(path.relative_to(DEPLOY)))
def test_scripts_are_clean(path: Path) -> None:
    assert os.access(path, os.X_OK), f"chmod +x {path.name}"
    assert re.search(r"^set -(eu|euo pipefail)$", path.read_text("utf-8"), re.MULTILINE), "an error must stop it"
    found = os.environ.get("BINHAN_TEST_SHELLCHECK") or shutil.which("shellcheck")
    if found is None:
        message = "no shellcheck: install it (Debian: apt-get install shellcheck)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    done = subprocess.run([found, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
