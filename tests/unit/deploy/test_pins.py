"""What `deploy/pin` has written: exact, hashed, whole, within what pyproject.toml allows; the bill of materials says the same."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "implementation_name": "cpython"}


def pins(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Each pinned package with its hashes; AssertionError for a line that is anything else."""
    found: dict[str, tuple[Requirement, list[str]]] = {}
    text = (ROOT / "deploy" / name).read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        written = line.split(" #")[0].strip()
        if not written or written.startswith("#"):
            continue
        spec, *hashes = re.split(r"\s+(?=--hash)", written)
        assert not spec.startswith("-"), f"an option for pip in {name}: {spec}"
        requirement = Requirement(spec)
        assert requirement.url is None, spec
        found[canonicalize_name(requirement.name)] = (requirement, hashes)
    return found


PINS, BUILDING = pins("constraints.txt"), pins("constraints-build.txt")


def exact(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    assert only.operator == "==", requirement
    assert not only.version.endswith("*"), requirement
    return only.version


@pytest.mark.parametrize("found", [PINS, BUILDING], ids=["service", "build"])
def test_every_pin_is_one_version_with_hashes(found: dict[str, tuple[Requirement, list[str]]]) -> None:
    assert found
    for requirement, hashes in found.values():
        exact(requirement)
        assert hashes, f"{requirement} carries no hash"
        assert all(HASH.fullmatch(one) for one in hashes), requirement
        assert len(set(hashes)) == len(hashes), requirement


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_what_the_program_needs_is_pinned_within_its_ranges(python: str, machine: str) -> None:
    here = {**LINUX, "python_version": python, "python_full_version": f"{python}.4", "platform_machine": machine}
    for written in PROJECT["project"]["dependencies"]:
        wanted = Requirement(written)
        assert canonicalize_name(wanted.name) in PINS, f"{wanted}: run deploy/pin"
        pin, _ = PINS[canonicalize_name(wanted.name)]
        assert exact(pin) in wanted.specifier, f"{pin} is not {wanted}: run deploy/pin"
        assert pin.marker is None or pin.marker.evaluate(here), f"{pin} leaves out {python} on {machine}"


def test_what_builds_the_program_is_pinned_within_its_range() -> None:
    (written,) = PROJECT["build-system"]["requires"]
    assert exact(BUILDING["setuptools"][0]) in Requirement(written).specifier
    assert f"SETUPTOOLS='{written}'" in (ROOT / "deploy/pin").read_text("utf-8")
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert f"OLDEST={oldest} " in (ROOT / "deploy/pin").read_text("utf-8")


def test_nothing_that_a_pinned_package_needs_is_left_to_chance() -> None:
    """Installed with --no-deps: a package that is missing from the list would be missing in service."""
    wanted = [Requirement(written) for written in PROJECT["project"]["dependencies"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    compared = 0
    while wanted:
        one = wanted.pop()
        name = canonicalize_name(one.name)
        if (name, frozenset(one.extras)) in seen:
            continue
        seen.add((name, frozenset(one.extras)))
        assert name in PINS, f"{one} is needed and not pinned: run deploy/pin"
        assert exact(PINS[name][0]) in one.specifier, f"{PINS[name][0]} is not {one}: run deploy/pin"
        try:
            if version(name) != exact(PINS[name][0]):
                continue  # another version may need other things
        except PackageNotFoundError:
            continue
        compared += 1
        for written in requires(name) or []:
            needed = Requirement(written)
            extras = one.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(needed)
    assert compared > 0


def test_the_bill_of_materials_names_every_package_with_its_version_and_its_hashes() -> None:
    bill = json.loads((ROOT / "deploy/sbom.json").read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert (bill["metadata"]["component"]["name"], bill["metadata"]["component"]["version"]) == (
        PROJECT["project"]["name"],
        PROJECT["project"]["version"],
    )
    assert "timestamp" not in bill["metadata"], "the same pins give the same bytes"
    named = {canonicalize_name(one["name"]): one for one in bill["components"]}
    assert named.keys() == PINS.keys(), "run deploy/pin --sbom"
    for name, (pin, hashes) in PINS.items():
        one = named[name]
        assert one["version"] == exact(pin), f"{name}: run deploy/pin --sbom"
        assert one["purl"] == f"pkg:pypi/{name}@{exact(pin)}"
        listed = {each["content"] for where in one["externalReferences"] for each in where.get("hashes", [])}
        assert listed == {each.rpartition(":")[2] for each in hashes}, f"{name}: run deploy/pin --sbom"
    makers = {f"{one['name']}=={one['version']}" for one in bill["metadata"]["tools"]["components"]}
    (version_of_maker,) = re.findall(
        r"^SBOM='cyclonedx-bom==(.+)' ", (ROOT / "deploy/pin").read_text("utf-8"), re.MULTILINE
    )
    assert f"cyclonedx-py=={version_of_maker}" in makers
    count = sum(len(hashes) for _, hashes in PINS.values())
    print(f"figure: bill of materials: {len(named)} packages with {count} hashes, all as pinned")
