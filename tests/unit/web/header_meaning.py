"""Response headers read as a browser reads them. A value that a browser would ignore is an error here, however well it looks.

Grammars: CSP3 (serialized policy and source lists), RFC 6797 (HSTS), RFC 6265bis (Set-Cookie and its prefixes), HTML (COOP and
COEP), Fetch (CORP, nosniff), Referrer Policy, RFC 8941 (Permissions-Policy), RFC 9111 (Cache-Control), Clear Site Data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

SOURCE_LISTS = {
    "default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr",
    "img-src", "font-src", "media-src", "connect-src", "object-src", "frame-src", "child-src", "worker-src", "manifest-src",
    "form-action", "base-uri", "frame-ancestors",
}  # fmt: skip
OTHER = {"require-trusted-types-for", "trusted-types", "sandbox", "upgrade-insecure-requests", "report-to"}
KEYWORDS = {
    "'self'",
    "'none'",
    "'unsafe-inline'",
    "'unsafe-eval'",
    "'strict-dynamic'",
    "'unsafe-hashes'",
    "'report-sample'",
}
HASH = re.compile(r"'(sha256-[A-Za-z0-9+/]{43}=|sha384-[A-Za-z0-9+/]{64}|sha512-[A-Za-z0-9+/]{86}==)'")
NONCE = re.compile(r"'nonce-[A-Za-z0-9+/_-]+={0,2}'")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
HOST = re.compile(r"([a-z][a-z0-9+.-]*://)?(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:(\d+|\*))?(/\S*)?|\*", re.IGNORECASE)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Meaningless(ValueError):
    """A browser would not do what was meant."""


def policy(text: str) -> dict[str, frozenset[str]]:
    """A content policy: directive -> what it allows. The first mention of a directive counts, so a second one is a mistake."""
    read: dict[str, frozenset[str]] = {}
    for part in text.split(";"):
        words = part.split()
        if not words:
            continue
        name, values = words[0].lower(), words[1:]
        if name in read:
            raise Meaningless(f"{name} twice: the second one is ignored")
        if name in SOURCE_LISTS:
            _check_sources(name, values)
        elif name == "require-trusted-types-for":
            if values != ["'script'"]:
                raise Meaningless(f"{name} knows only 'script'")
        elif name not in OTHER:
            raise Meaningless(f"{name} is no directive")
        read[name] = frozenset(value.lower() if value.lower() in KEYWORDS else value for value in values)
    return read


def _check_sources(name: str, values: list[str]) -> None:
    if not values:
        raise Meaningless(f"{name} without sources: say 'none'")
    for value in values:
        known = value.lower() in KEYWORDS or HASH.fullmatch(value) or NONCE.fullmatch(value)
        if value.startswith("'") and not known:
            raise Meaningless(f"{name} {value} is no keyword")
        if not known and not SCHEME.fullmatch(value) and not HOST.fullmatch(value):
            raise Meaningless(f"{name} {value} is no source")
        if value in ("self", "none", "unsafe-inline"):
            raise Meaningless(f"{name} {value} without quotes is a host of that name")
    if len(values) > 1 and "'none'" in [value.lower() for value in values]:
        raise Meaningless(f"{name}: 'none' beside others is ignored")


def effective(read: Mapping[str, frozenset[str]], name: str) -> frozenset[str]:
    """What a directive allows, after falling back as a browser does; what falls back to nothing allows everything."""
    if name in ("form-action", "base-uri", "frame-ancestors"):
        return read.get(name, frozenset({"*"}))
    for each in (
        name,
        {"script-src-elem": "script-src", "script-src-attr": "script-src"}.get(name, name),
        "default-src",
    ):
        if each in read:
            return read[each]
    return frozenset({"*"})


@dataclass(frozen=True)
class Hsts:
    """What a browser remembers."""

    seconds: int
    subdomains: bool


def hsts(text: str) -> Hsts:
    """Strict-Transport-Security; without a max-age, or with any directive twice, a browser drops all of it."""
    read: dict[str, str | None] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        name, sign, value = part.partition("=")
        name = name.strip().lower()
        if not TOKEN.fullmatch(name) or name in read:
            raise Meaningless(f"hsts: {part}")
        read[name] = value.strip().strip('"') if sign else None
    age = read.get("max-age")
    if age is None or not age.isdigit():
        raise Meaningless("hsts: no max-age")
    if read.get("includesubdomains", "") not in (None, ""):
        raise Meaningless("hsts: includeSubDomains has no value")
    return Hsts(int(age), "includesubdomains" in read)


def one_of(name: str, value: str, *allowed: str) -> str:
    """A header that knows a few words: any other is ignored, which is the same as none."""
    if value.strip().lower() not in allowed:
        raise Meaningless(f"{name}: {value}")
    return value.strip().lower()


def opener(value: str) -> str:
    """Cross-Origin-Opener-Policy."""
    return one_of("coop", value, "unsafe-none", "same-origin-allow-popups", "same-origin", "noopener-allow-popups")


def embedder(value: str) -> str:
    """Cross-Origin-Embedder-Policy; `same-origin`, which looks right, is not a value of it."""
    return one_of("coep", value, "unsafe-none", "require-corp", "credentialless")


def resource(value: str) -> str:
    """Cross-Origin-Resource-Policy."""
    return one_of("corp", value, "same-origin", "same-site", "cross-origin")


def referrer(value: str) -> str:
    """Referrer-Policy: of a list the last known word counts."""
    known = {
        "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin", "origin-when-cross-origin",
        "strict-origin-when-cross-origin", "unsafe-url",
    }  # fmt: skip
    found = [word for word in (part.strip().lower() for part in value.split(",")) if word in known]
    if not found:
        raise Meaningless(f"referrer: {value}")
    return found[-1]


def permissions(text: str) -> dict[str, tuple[str, ...]]:
    """Permissions-Policy as a structured dictionary: feature -> who may use it. One mistake, and all of it is dropped."""
    read: dict[str, tuple[str, ...]] = {}
    for member in text.split(","):
        found = re.fullmatch(r"\s*([a-z][a-z0-9_.*-]*)=(\*|\(([^()]*)\))\s*", member)
        if found is None or found[1] in read:
            raise Meaningless(f"permissions: {member}")
        words = tuple((found[3] or "").split()) if found[2] != "*" else ("*",)
        if any(word not in ("self", "src", "*") and not re.fullmatch(r'"https?://[^"]+"', word) for word in words):
            raise Meaningless(f"permissions: {member}")
        read[found[1]] = words
    return read


def cache(text: str) -> frozenset[str]:
    """Cache-Control's directives without values."""
    words = frozenset(part.strip().lower() for part in text.split(","))
    if any(not TOKEN.fullmatch(word.split("=")[0]) for word in words):
        raise Meaningless(f"cache: {text}")
    return words


def cleared(text: str) -> frozenset[str]:
    """Clear-Site-Data: a list of quoted words; unquoted ones are ignored."""
    parts = [part.strip() for part in text.split(",")]
    known = {'"cache"', '"cookies"', '"storage"', '"executionContexts"', '"clientHints"', '"*"'}
    if not set(parts) <= known:
        raise Meaningless(f"clear-site-data: {text}")
    return frozenset(part.strip('"') for part in parts)


@dataclass(frozen=True)
class Cookie:
    """A cookie as a browser keeps it."""

    name: str
    value: str
    secure: bool
    http_only: bool
    same_site: str
    path: str
    domain: str
    max_age: int | None


def cookie(text: str) -> Cookie:
    """Set-Cookie; a prefix whose promise is broken makes a browser drop the cookie."""
    first, *parts = text.split(";")
    name, sign, value = first.strip().partition("=")
    if not sign or not TOKEN.fullmatch(name):
        raise Meaningless(f"cookie: {first}")
    told = {}
    for part in parts:
        key, _, content = part.strip().partition("=")
        told[key.lower()] = content
    site = told.get("samesite", "").lower()
    if site not in ("strict", "lax", "none"):
        raise Meaningless("cookie: no SameSite")
    read = Cookie(
        name, value.strip('"'), "secure" in told, "httponly" in told, site, told.get("path", ""), told.get("domain", ""),
        int(told["max-age"]) if "max-age" in told else None,
    )  # fmt: skip
    if site == "none" and not read.secure:
        raise Meaningless("cookie: SameSite=None without Secure")
    if name.startswith("__Host-") and not (read.secure and read.path == "/" and not read.domain):
        raise Meaningless("cookie: __Host- needs Secure, Path=/ and no Domain")
    if name.startswith("__Secure-") and not read.secure:
        raise Meaningless("cookie: __Secure- needs Secure")
    return read
