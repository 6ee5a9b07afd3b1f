"""Files that somebody could hand an admin to break the service: at least 200 of them, each refused at its own line.

Each is (what it is, the file it takes the place of, its bytes). Built, not written out: the same attack is tried at every
file of a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.unit.flows.sample_set import changed
from tests.unit.flows.two_tongues import ENGLISH

Attack = tuple[str, str, bytes]

TRANSCRIPT = """\
transcript: Một cuộc nhắn
turns:
  - say: chào
    expect: {status: waiting}
end: {status: waiting}
"""


def base() -> dict[str, bytes]:
    """A clean set with one file of every kind that people write."""
    return changed([]) | {
        "languages/vi.yaml": "language: vi\nname: Tiếng Việt\n".encode(),
        "languages/en.yaml": ENGLISH.replace("enabled: yes", "enabled: no").encode(),
        "languages/en.po": b'msgctxt "phrases.yes"\nmsgid "yes"\nmsgstr "aye"\n',
        "transcripts/one.transcript.yaml": TRANSCRIPT.encode(),
    }


TARGETS = (
    "set.yaml",
    "lines.yaml",
    "flows/welcome.yaml",
    "flows/card.yaml",
    "flows/leave.yaml",
    "languages/en.yaml",
    "transcripts/one.transcript.yaml",
)


def _after(addition: str) -> Callable[[bytes], bytes]:
    return lambda content: content + addition.encode()


def _first_value(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(old, new, 1)


BOMB = "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" if n else 'b0: &b0 ["ha", "ha"]\n' for n in range(20))

EVERYWHERE: dict[str, Callable[[bytes], bytes]] = {
    "an anchor": _after("more: &here 1\n"),
    "an alias": _after("more: *here\n"),
    "a billion laughs": _after(BOMB),
    "a merge key": _after("<<: {a: b}\n"),
    "a merge of a list": _after("<<: [{a: b}]\n"),
    "a python object": _after("more: !!python/object/apply:os.system ['true']\n"),
    "a python name": _after("more: !!python/name:os.system\n"),
    "a tag of its own": _after("more: !secret x\n"),
    "a core tag": _after("more: !!binary aGFoYQ==\n"),
    "a set": _after("more: !!set {a, b}\n"),
    "a timestamp tag": _after("more: !!timestamp 2026-01-01\n"),
    "too deep in lists": _after("more: " + "[" * 40 + "]" * 40 + "\n"),
    "too deep in mappings": _after("more: " + "{a: " * 40 + "b" + "}" * 40 + "\n"),
    "a line of brackets": _after("more: " + "[" * 60_000 + "\n"),
    "a ladder of dashes": _after("more:\n" + "".join("  " * n + "-\n" for n in range(1, 60))),
    "a huge scalar": _after("more: " + "x" * 300_000 + "\n"),
    "a huge key": _after("x" * 300_000 + ": more\n"),
    "a million blanks": _after("more: a" + " " * 300_000 + "b\n"),
    "a key twice": lambda content: content + content.split(b"\n", 1)[0] + b"\n",
    "a key that is a list": _after("[a, b]: c\n"),
    "a key that is a mapping": _after("? {a: b}\n: c\n"),
    "a second document": _after("---\nmore: x\n"),
    "an ended document and more": _after("...\nmore: x\n"),
    "a tab for an indent": _after("more:\n\tx: y\n"),
    "an open quote": _after('more: "x\n'),
    "a control character": _after("more: \x07\n"),
    "a null character": _after("more: \x00\n"),
    "Latin-1": lambda content: content + "more: tiếng\n".encode("utf-16-be")[:9] + b"\xe9\xff\n",
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "UTF-32": lambda content: content.decode().encode("utf-32"),
    "a lone surrogate": lambda content: content + b"more: \xed\xa0\x80\n",
    "an overlong slash": lambda content: content + b"more: \xc0\xaf\n",
    "a broken escape": _after('more: "\\q"\n'),
    "a directive": lambda content: b"%YAML 9.9\n---\n" + content,
    "nothing": lambda content: b"",
    "only a comment": lambda content: b"# \xe2\x80\xa6\n",
    "a bare text": lambda content: b"hello\n",
    "a list": lambda content: b"- hello\n",
    "an unknown key": _after("sudo: yes\n"),
}

ELSEWHERE: tuple[Attack, ...] = (
    ("a file outside its folder", "notes.yaml", b"a: b\n"),
    ("a flow below a folder", "flows/deep/x.yaml", b"flow: x\n"),
    ("a PO with a wrong line", "languages/en.po", b'msgid "a"\nmsgstr "b"\nrm -rf /\n'),
    ("a PO that is no UTF-8", "languages/en.po", b'msgid "a"\nmsgstr "\xff"\n'),
    ("a PO that is too large", "languages/en.po", b"#" * (5 * 1024 * 1024)),
    (
        "a PO that loses a number",
        "languages/en.po",
        'msgctxt "card.card.say"\nmsgid "Bình An đây. Bạn xem giúp mấy dòng dưới nhé.\\n{line.police}"\nmsgstr "Look"\n'.encode(),
    ),
    ("a PO with plurals", "languages/en.po", b'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\nmsgstr[1] "d"\n'),
    ("a PO of no language", "languages/xx.po", b'msgid "a"\nmsgstr "b"\n'),
    ("a recording that is a program", "audio/vi/leave.bye.say-000000.mp3", b"MZ\x90\x00"),
    ("a recording that is a page", "audio/vi/leave.bye.say-000000.mp3", b"<html><script>"),
    ("a recording that is too large", "audio/vi/leave.bye.say-000000.mp3", b"ID3" + bytes(500_000)),
    ("a recording with a strange name", "audio/vi/..%2f..%2fetc.mp3", b"ID3"),
)


def corpus() -> Iterator[Attack]:
    """Every attack at every file."""
    files = base()
    for name, attack in EVERYWHERE.items():
        for file in TARGETS:
            yield f"{name} in {file}", file, attack(files[file])
    for what, file, content in ELSEWHERE:
        yield what, file, content
