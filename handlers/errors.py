"""Errors a caller may act on. The class docstring is the message: what happened and what to do next, never people's text."""

from __future__ import annotations


class BinhAnError(Exception):
    """Something went wrong."""

    code = "error"

    def __init__(self, detail: str = "") -> None:
        """`detail` names ids and places only; it may be shown on a terminal or written to a log."""
        self.detail = detail
        lead = (type(self).__doc__ or "").strip().split("\n")[0]
        super().__init__(f"{lead} ({detail})" if detail else lead)


class NotAllowed(BinhAnError):
    """This staff member's roles do not allow that; ask a supervisor."""

    code = "not-allowed"


class AlreadyClaimed(BinhAnError):
    """Somebody else has this case already."""

    code = "already-claimed"


class StaleClaim(BinhAnError):
    """The call has gone out anew since this page was loaded; use the fresh button."""

    code = "stale-claim"


class NotYours(BinhAnError):
    """Only the counsellor who holds the case may do that; claim it first."""

    code = "not-yours"


class NotAgreed(BinhAnError):
    """The person has not agreed that a human reads along; nothing of the talk can be shown yet."""

    code = "not-agreed"


class NoSuchCase(BinhAnError):
    """There is no such case, or it has been erased."""

    code = "no-such-case"


class CaseClosed(BinhAnError):
    """The case is closed; nothing can be added to it."""

    code = "case-closed"


class NothingWritten(BinhAnError):
    """There is nothing to save yet; write something first."""

    code = "nothing-written"


class NotReachable(BinhAnError):
    """The person cannot be reached any more: no address is left for this case."""

    code = "not-reachable"


class WindowShut(BinhAnError):
    """The platform lets us answer only for a time after the person's last line, and that is over; wait until she writes again."""

    code = "window-shut"


class NotWished(BinhAnError):
    """The person has asked to talk with somebody else, and such a person is being called."""

    code = "not-wished"


class FetchLater(BinhAnError):
    """The platform did not give the file; asked again by itself."""

    code = "fetch-later"


class TooManyTries(BinhAnError):
    """Too many attempts; wait a while before trying again."""

    code = "too-many-tries"


class StorageUnavailable(BinhAnError):
    """The message could not be stored; it was not accepted. Check the disk and the database."""

    code = "storage-unavailable"


class KeyMissing(BinhAnError):
    """A data key is missing from the key store; the record cannot be read. Restore keys and data together."""

    code = "key-missing"


class SecretsMissing(KeyMissing):
    """Secret files are missing; give the folder that holds them with --secrets (`secrets` in the second place of the keys)."""
