"""Secrets are made once, kept from others, and never made anew over existing records."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handlers.errors import KeyMissing
from storage.lock import one_at_a_time
from storage.open import open_storage
from storage.secrets import NAMES, SecretExposed, SecretMalformed, Secrets, load_secrets, new_kek, new_pepper


def test_a_first_start_makes_files_only_the_owner_can_read(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(NAMES, 0o400)
    assert len({(folder / name).read_bytes() for name in NAMES}) == len(NAMES)
    assert load_secrets(tmp_path) == first
    assert [one.name for one in first.audit.held()] == ["audit_key"]


def test_the_value_of_a_secret_is_not_in_its_repr(tmp_path: Path) -> None:
    assert repr(load_secrets(tmp_path)) == "Secrets()"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", [0o440, 0o404])
def test_a_secret_others_can_read_is_refused_by_name(tmp_path: Path, name: str, mode: int) -> None:
    load_secrets(tmp_path)
    (tmp_path / "secrets" / name).chmod(mode)
    with pytest.raises(SecretExposed, match=name):
        load_secrets(tmp_path)


def test_an_open_folder_is_refused(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    (tmp_path / "secrets").chmod(0o750)
    with pytest.raises(SecretExposed, match="chmod 0700"):
        load_secrets(tmp_path)


def test_a_cut_off_secret_is_refused(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    path = tmp_path / "secrets" / "kek_1"
    path.chmod(0o600)
    path.write_bytes(b"short")
    path.chmod(0o400)
    with pytest.raises(SecretMalformed, match="kek_1"):
        load_secrets(tmp_path)


@pytest.mark.parametrize("name", NAMES)
async def test_with_records_there_a_missing_secret_refuses_the_start(tmp_path: Path, name: str) -> None:
    await open_storage(tmp_path / "data.db").close()
    (tmp_path / "secrets" / name).unlink()
    with pytest.raises(KeyMissing, match=name):
        open_storage(tmp_path / "data.db")
    assert not (tmp_path / "secrets" / name).exists()


async def test_the_files_of_an_installation_belong_to_its_owner(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    modes = modes_in(tmp_path)
    await storage.close()
    assert {"data.db", "data.db-wal", "keys.db"} <= set(modes)
    assert not [name for name, mode in modes.items() if mode & 0o077]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_what_root_makes_belongs_to_whoever_the_folder_belongs_to(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    folder = tmp_path / "secrets"
    os.chown(folder, 4711, 4712)
    for name in (new_pepper(folder), new_kek(folder)):
        made = (folder / name).stat()
        assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (4711, 4712, 0o400)


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}


def test_processes_that_start_together_make_them_once(tmp_path: Path) -> None:
    """Twenty first starts, eight at a time each: all of one start read the same four."""
    for start in range(20):
        var = tmp_path / str(start)
        var.mkdir(mode=0o700)
        together = threading.Barrier(8)

        def begin(var: Path = var, together: threading.Barrier = together) -> Secrets:
            together.wait()
            with one_at_a_time(var):
                return load_secrets(var)

        with ThreadPoolExecutor(8) as pool:
            made = [one.result() for one in [pool.submit(begin) for _ in range(8)]]
        assert all(one == made[0] for one in made)
        assert load_secrets(var) == made[0]
