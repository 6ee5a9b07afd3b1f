"""Reads the lexicon's files, checks every name in them, and makes the `Lexicon`; says every mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.findings import Finding
from flows.severity import Severity
from handlers.rules.reading.items import Item, LexiconError, Place, read_items
from handlers.rules.reading.lexicon import CATEGORIES, Derived, Lexicon, Pattern, Rule, group_bits
from handlers.rules.reading.phrase_index import ROLES, Group, Phrase, group_weights, index_phrases
from handlers.rules.reading.points import POSSIBLE, SHORT, SIGNS, STRONG

GAPS = {"..": 3, "...": 8}
_SECTIONS = ("abbreviations", "groups", "signs", "derived", "guards", "rules")
_NOWHERE: Place = ("lexicon", 1, 1)
_RULE_PARTS = ("rule", "severity", "category", "sign", "all", "none", "despite")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PIECE = re.compile(r"\.\.\.|\.\.|\([^()]*\)\??|<[a-z0-9_]+>\??|[^\s()<>]+")
_Row = list[tuple[str, int]]  # (group name, words that may stand before it)


def load_lexicon(files: Mapping[str, bytes], *, has_accents: bool = True) -> Lexicon:
    """Builds the lexicon from the YAML files given; raises `LexiconError` with every mistake found.

    `has_accents`: of a language whose accents people leave out.
    """
    reader = _Reader()
    for name in sorted(files):
        reader.read(read_items(name, files[name], reader.findings))
    if reader.findings:  # what is missing may stand in the part that could not be read
        raise LexiconError(sorted(reader.findings))
    if not reader.rules:
        reader.refuse(
            (min(files, default="lexicon"), 1, 1), "no-rules", "từ điển chưa có quy tắc nào", "the lexicon has no rules"
        )
    reader.check_names()
    sign_names = tuple(
        dict.fromkeys((*reader.signs, *(name for name, _ in reader.derived), *SIGNS, POSSIBLE, STRONG, SHORT))
    )
    sign_numbers = {name: at for at, name in enumerate(sign_names)}
    rules = tuple(reader.resolve_rules(sign_numbers))
    derived = tuple(reader.resolve_derived(sign_numbers))
    if reader.findings:
        raise LexiconError(sorted(reader.findings))
    used = {name for rows in reader.signs.values() for _, row in rows for name, _ in row}
    groups = {name: group for name, group in reader.groups.items() if name[0] != "=" or name in used}
    numbers = {name: at for at, name in enumerate(groups)}
    patterns = _patterns(reader, numbers, sign_names)
    weights = tuple(group_weights(groups))
    bits = group_bits(patterns, weights)
    vocabulary, trie = index_phrases(groups, numbers, reader.abbreviations, used, bits, has_accents=has_accents)
    return Lexicon(
        vocabulary=vocabulary,
        trie=trie,
        group_numbers=numbers,
        people=frozenset(numbers[name] for name, group in groups.items() if group.people),
        patterns=patterns,
        group_weights=weights,
        group_bits=bits,
        sign_names=sign_names,
        possible=sign_numbers[POSSIBLE],
        derived=derived,
        rules=rules,
    )


def _patterns(reader: _Reader, numbers: Mapping[str, int], sign_names: tuple[str, ...]) -> tuple[Pattern, ...]:
    found: dict[Pattern, None] = {}
    for at, sign in enumerate(sign_names):
        for _, row in reader.signs.get(sign, ()):
            found[Pattern(at, tuple(numbers[name] for name, _ in row), tuple(gap for _, gap in row))] = None
    return tuple(found)


@dataclass(slots=True)
class _Reader:
    """Collects the sections of all files, with the mistakes in them."""

    findings: list[Finding] = field(default_factory=list)
    abbreviations: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    signs: dict[str, list[tuple[Place, _Row]]] = field(default_factory=dict)
    derived: list[tuple[str, Item]] = field(default_factory=list)
    guards: dict[str, Item] = field(default_factory=dict)
    rules: list[Item] = field(default_factory=list)

    def refuse(self, place: Place, code: str, message: str, message_en: str) -> None:
        self.findings.append(Finding(*place, code, message, message_en))

    def read(self, root: Item) -> None:
        for key, value in root.pairs:
            if key.text == "abbreviations":
                for token, meanings in value.pairs:
                    self.abbreviations[token.text] = [tuple(text.text.split()) for text in meanings.texts()]
            elif key.text == "groups":
                self._read_groups(value)
            elif key.text == "signs":
                self._read_signs(value)
            elif key.text == "derived":
                self.derived.extend((name.text, conditions) for name, conditions in value.pairs)
            elif key.text == "guards":
                self.guards.update({severity.text: signs for severity, signs in value.pairs})
            elif key.text == "rules":
                self.rules.extend(value.entries)
            else:
                known = ", ".join(_SECTIONS)
                self.refuse(key.place, "unknown-key", f"chỉ có các phần: {known}", f"known sections: {known}")

    def _read_groups(self, item: Item) -> None:
        for key, value in item.pairs:
            if not _NAME.fullmatch(key.text) or key.text in self.groups:
                self.refuse(
                    key.place, "bad-group", "nhóm cần một tên riêng", "a group needs a name of its own in small letters"
                )
                continue
            self.places[key.text] = key.place
            group = self.groups[key.text] = Group(key.text)
            if value.entries:
                self._read_phrases(group, value)
            for option, setting in value.pairs:
                self._read_option(group, option, setting)

    def _read_option(self, group: Group, option: Item, setting: Item) -> None:
        if option.text == "phrases":
            self._read_phrases(group, setting)
        elif option.text == "includes":
            group.includes = [text.text for text in setting.texts()]
        elif option.text == "negatable" and setting.text == "yes":
            group.negatable = True
        elif option.text == "careful" and setting.text == "yes":
            group.careful = True
        elif option.text == "mask" and setting.text == "yes":
            group.mask = True
        elif option.text == "people" and setting.text == "yes":
            group.people = True
        else:
            known = "phrases, includes, negatable: yes, careful: yes, mask: yes, people: yes"
            self.refuse(option.place, "unknown-key", f"chỉ có: {known}", f"known: {known}")

    def _read_phrases(self, group: Group, item: Item) -> None:
        for text in item.texts():
            words, exact = _phrase(text.text)
            if not words or len(words) > 10:
                self.refuse(text.place, "bad-phrase", "mỗi cụm có từ 1 đến 10 từ", "a phrase has one to ten words")
            else:
                group.phrases.append((words, exact))

    def _read_signs(self, item: Item) -> None:
        for key, value in item.pairs:
            if not _NAME.fullmatch(key.text):
                self.refuse(
                    key.place, "bad-sign", "tên dấu hiệu viết bằng chữ thường", "a sign is named in small letters"
                )
                continue
            rows = self.signs.setdefault(key.text, [])
            for text in value.texts():
                rows.extend((text.place, row) for row in self._rows(text))

    def _rows(self, text: Item) -> list[_Row]:
        """A pattern's rows: one for every way to leave its optional pieces out."""
        rows: list[_Row] = [[]]
        gap = 0
        for piece in _PIECE.findall(text.text):
            if piece in GAPS:
                gap = GAPS[piece]
                continue
            name = self._element(piece.rstrip("?"))
            longer = [[*row, (name, gap)] for row in rows]
            rows = longer + [row for row in rows if piece.endswith("?")]
            gap = 0
        rows = [self._join_words(row) for row in rows if row]
        if not rows:
            self.refuse(text.place, "bad-pattern", "mẫu câu trống", "an empty pattern")
        return rows

    def _element(self, piece: str) -> str:
        """The group of a piece: a named one, or one made for plain words."""
        if piece.startswith("<"):
            return piece[1:-1]
        ways = sorted({way.strip() for way in piece.strip("()").lower().split("|")})  # the same words, the same group
        name = "=" + "|".join(ways)
        if name not in self.groups:
            phrases = [_phrase(way) for way in ways if way and way[0] != "<"]
            self.groups[name] = Group(name, phrases, includes=[way[1:-1] for way in ways if way[:1] == "<"])
        return name

    def _join_words(self, row: _Row) -> _Row:
        """Plain words that stand together become one phrase, so that they match as a whole."""
        joined: _Row = []
        for name, gap in row:
            if joined and gap == 0 and _is_plain(name) and _is_plain(joined[-1][0]):
                before, first_gap = joined.pop()
                name, gap = self._element(f"{before[1:]} {name[1:]}"), first_gap
            joined.append((name, gap))
        return joined

    def check_names(self) -> None:
        """Every group a pattern or another group names must exist."""
        for role in ROLES:
            self.groups.setdefault(role, Group(role))
        named = [(place, name) for rows in self.signs.values() for place, row in rows for name, _ in row]
        named += [
            (self.places.get(group.name, _NOWHERE), name) for group in self.groups.values() for name in group.includes
        ]
        for place, name in named:
            if name not in self.groups:
                self.refuse(place, "unknown-group", f"không có nhóm <{name}>", f"no group is called <{name}>")

    def resolve_rules(self, signs: Mapping[str, int]) -> list[Rule]:
        found = []
        guards = {severity: self._mask(item, signs) for severity, item in self.guards.items()}
        for item in self.rules:
            for key, _ in item.pairs:
                if key.text not in _RULE_PARTS:
                    known = ", ".join(_RULE_PARTS)
                    self.refuse(key.place, "unknown-key", f"quy tắc chỉ có: {known}", f"a rule has: {known}")
            if item.word("category") and item.word("category") not in CATEGORIES:
                self.refuse(
                    item.place, "unknown-category", "không có loại này", "not a category of the triage guideline"
                )
            needed = item.part("all")
            if not item.word("rule") or needed is None or item.word("severity") not in tuple(Severity):
                message = "rule, all and a severity (emergency, urgent, standard, info, none) are needed"
                self.refuse(item.place, "bad-rule", "cần có rule, severity (đúng một mức) và all", message)
                continue
            guard = guards.get(item.word("severity"), 0) & ~self._mask(item.part("despite"), signs)
            found.append(
                Rule(
                    code=item.word("rule"),
                    severity=Severity(item.word("severity")),
                    category=item.word("category"),
                    sign=item.word("sign"),
                    all_of=tuple(self._mask(entry, signs) for entry in needed.texts()),
                    none_of=self._mask(item.part("none"), signs) | guard,
                )
            )
        return found

    def resolve_derived(self, signs: Mapping[str, int]) -> list[Derived]:
        found = []
        for name, item in self.derived:
            needed = item.part("all")
            all_of = tuple(self._mask(entry, signs) for entry in needed.texts()) if needed else ()
            if not all_of:
                self.refuse(item.place, "bad-derived", "cần có all", "`all` is needed")
            found.append(Derived(signs[name], all_of, self._mask(item.part("none"), signs)))
        return found

    def _mask(self, item: Item | None, signs: Mapping[str, int]) -> int:
        """The bit mask of the signs an item names (alternatives stand with `|` between)."""
        mask = 0
        for entry in item.texts() if item else ():
            for name in (part.strip() for part in entry.text.split("|")):
                if name in signs:
                    mask |= 1 << signs[name]
                else:
                    self.refuse(entry.place, "unknown-sign", f"không có dấu hiệu {name}", f"no sign is called {name}")
        return mask


def _phrase(written: str) -> tuple[Phrase, bool]:
    """The words of a phrase; with "=" at its end it counts only as written with its accents."""
    written = written.strip().lower()
    return tuple(written.rstrip("= ").split()), written.endswith("=")


def _is_plain(name: str) -> bool:
    return name.startswith("=") and "|" not in name and not name.endswith("=")
