"""Named places where a test may kill, freeze, hang or break the running process. Disarmed they cost one dictionary look-up.

Armed by `wiring` from the environment: `FAILPOINT=name:action[:nth]`, several joined by commas; `action` is `kill` (SIGKILL to
ourselves), `freeze` (SIGSTOP; it goes on after SIGCONT), `raise` or `hang`; `nth` fires at the nth passing only (default 1).
"""

from __future__ import annotations

import os
import signal
import time

NAMES = (
    "accept.verified",  # the update was parsed and verified, nothing is stored
    "accept.before_commit",
    "accept.after_commit",  # stored, the platform has not heard yet
    "handle.before_commit",
    "handle.after_commit",
    "tick.before_commit",
    "tick.after_commit",
    "claim.before_commit",
    "claim.after_commit",
    "keys.after_commit",  # data keys durable, data not yet
    "send.claimed",  # outbox row leased, nothing sent
    "send.called",  # platform has answered, outcome not recorded
    "send.recorded",
    "writer.before_commit",  # any other unit of work
    "writer.after_commit",
)

ELSEWHERE = (  # places that a message does not pass
    "tokens.called",  # the platform has given new tokens, they are not stored
    "tokens.stored",  # stored, not used yet
    "peppers.rehashing",  # `keys rotate-pepper`: some rows are hashed anew, nothing of it is durable
    "keys.rewrapping",  # `keys rotate`: some data keys are wrapped anew, nothing of it is durable
    "audit_key.made",  # `keys rotate-audit`: the new key lies here, nobody knows it yet
    "audit_key.handed_over",  # the log knows it, the folder of the secrets does not
    "audit_key.noted",  # both know it, the old key still lies here
    "audit_key.destroyed",  # but not yet in the second place
)


class Hit(Exception):
    """A failpoint armed with `raise` was passed (only ever in tests)."""


_armed: dict[str, tuple[str, int]] = {}
_passed: dict[str, int] = {}


def arm(spec: str) -> None:
    """Arm the failpoints of `spec` (see above); an unknown name or action is a ValueError, an empty spec disarms all."""
    _armed.clear()
    _passed.clear()
    for part in filter(None, spec.split(",")):
        name, action, *rest = part.split(":")
        if name not in (*NAMES, *ELSEWHERE) or action not in ("kill", "freeze", "raise", "hang"):
            raise ValueError(f"no such failpoint: {part}")
        _armed[name] = (action, int(rest[0]) if rest else 1)


def passing(name: str) -> None:
    """Say that the program passes `name`; does what it is armed with."""
    if name not in _armed:
        return
    _passed[name] = _passed.get(name, 0) + 1
    action, nth = _armed[name]
    if _passed[name] != nth:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    elif action == "hang":
        time.sleep(3600)
    raise Hit(name)
