"""The walls of the deployment out of plain Linux: a root of its own in which one folder can be written to, a network that is
loopback alone, an account that is nobody, no rights. Run as root inside `unshare --mount --net`, with a JSON order as argument.

It starts the real program behind them, looks at that very process, tries from the same account and root what must not work, and
prints what it found as JSON. `hole` names a folder that can be written to on purpose.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

NOBODY = 65534
SYSTEM = ("usr", "lib", "lib64", "bin", "sbin", "etc")
NOWHERE = "192.0.2.1"  # an address that documentation has to itself
READY_WITHIN_S = 90.0

TRY = """
import errno, json, socket, sys
from pathlib import Path
order = json.loads(sys.argv[1])
found = {}
for folder in order["folders"]:
    try:
        (Path(folder) / "probe").write_text("x")
        found[folder] = "written"
    except OSError as error:
        found[folder] = errno.errorcode[error.errno]
for host, port in order["ways"]:
    try:
        socket.create_connection((host, port), 3).close()
        found[f"{host}:{port}"] = "reached"
    except OSError as error:
        found[f"{host}:{port}"] = errno.errorcode.get(error.errno or 0, type(error).__name__)
print(json.dumps(found))
"""


def mount(*argv: str) -> None:
    subprocess.run(["mount", *argv], check=True)


def bind(root: Path, path: Path, *, writable: bool = False) -> None:
    """Show `path` at the same place under the new root."""
    there = root / path.relative_to("/")
    there.mkdir(mode=0o755, parents=True, exist_ok=True)
    mount("--bind", str(path), str(there))
    if not writable:
        mount("-o", "remount,bind,ro,nosuid", str(there))


def build(root: Path, code: list[Path], data: Path, *, hole: str) -> None:
    """The new root: the system, the interpreter and the code to read, `data` to write."""
    mount("-t", "tmpfs", "-o", "mode=755", "walls", str(root))
    for name in SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            (root / name).symlink_to(os.readlink(path))
        elif path.is_dir():
            bind(root, path)
    for path in code:
        bind(root, path, writable=str(path) == hole)
    bind(root, data, writable=True)
    (root / "tmp").mkdir(mode=0o755, exist_ok=True)
    (root / "dev").mkdir()
    for name in ("null", "urandom"):
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", str(root / "dev" / name))
    mount("-o", "remount,ro,mode=755", str(root))


def loopback_up() -> None:
    """The one interface there is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        up = struct.pack("16sH14s", b"lo", 1, b"")  # IFF_UP
        fcntl.ioctl(asking, 0x8914, up)  # SIOCSIFFLAGS


def behind(root: Path, argv: list[str], *, account: int = NOBODY) -> list[str]:
    """The command behind the walls. `account` 0 keeps every right: then the root itself must refuse."""
    ids = [f"--reuid={account}", f"--regid={account}", "--clear-groups", "--no-new-privs", "--inh-caps=-all"]
    if account:
        ids.append("--bounding-set=-all")
    return ["chroot", str(root), "setpriv", *ids, "--", *argv]


def tried(root: Path, python: str, order: dict[str, Any], *, account: int = NOBODY) -> dict[str, str]:
    """What can be written and reached from there."""
    argv = behind(root, [python, "-S", "-c", TRY, json.dumps(order)], account=account)
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd="/")
    found: dict[str, str] = json.loads(done.stdout)
    return found


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    return {name: " ".join(told[name].split()) for name in ("Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs")}


def writable_mounts(pid: int) -> list[str]:
    """Where the process sees something that is not read-only."""
    found = []
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        fields = line.split()
        if "rw" in fields[5].split(","):
            found.append(fields[4])
    return sorted(found)


def asked(url: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and page; 0 where nobody answers yet."""
    sent = urllib.parse.urlencode(fields).encode() if fields else None
    request = urllib.request.Request(url, sent, {"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


def served(order: dict[str, Any], root: Path) -> dict[str, Any]:
    """The program behind the walls, asked like by a seeker: does it answer a message, and what may its process do?"""
    base = f"http://127.0.0.1:{order['port']}"
    command = [
        order["python"],
        "-m",
        "bot",
        "serve",
        "--config",
        order["config"],
        "--listen",
        base.removeprefix("http://"),
    ]
    with Path(order["log"]).open("wb") as log:
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": order["code"][0],
        } | order["secrets"]
        argv = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", order["data"], *command]
        running = subprocess.Popen(behind(root, argv), stdout=log, stderr=log, env=environment)
    try:
        until = time.monotonic() + READY_WITHIN_S
        while asked(f"{base}/readyz")[0] != 200 and time.monotonic() < until and running.poll() is None:
            time.sleep(0.2)
        while order["tried"] not in Path(order["log"]).read_text(errors="replace") and time.monotonic() < until:
            time.sleep(0.2)  # until it has tried to get out
        answered = asked(f"{base}/", order["message"])
        status, mounts = status_of(running.pid), writable_mounts(running.pid)
        return {"ready": asked(f"{base}/readyz")[0], "answer": answered, "status": status, "writable": mounts}
    finally:
        running.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(20)
        running.kill()


def main(order: dict[str, Any]) -> None:
    """Build, try, serve, and say what was found."""
    root = Path(order["root"])
    build(root, [Path(path) for path in order["code"]], Path(order["data"]), hole=order["hole"])
    if not order["open_network"]:  # else it is the machine's own, on purpose
        loopback_up()
    found: dict[str, Any] = {}
    folders, ways = order["folders"], order["ways"]
    found["nobody"] = tried(root, order["python"], {"folders": folders, "ways": ways})
    found["root"] = tried(root, order["python"], {"folders": folders, "ways": []}, account=0)
    if order["config"]:
        found["served"] = served(order, root)
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
