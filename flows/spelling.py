"""Close spellings: which written label a mistyped text surely is. Never used for words of safety."""

from __future__ import annotations

from collections.abc import Sequence

_NEGATIONS = frozenset({"khong", "ko", "k", "kh", "kg", "hk", "hong", "chua", "chang", "dung", "no", "not"})
_LETTERS_FOR_ONE, _LETTERS_FOR_TWO = 5, 10  # letters of a label from which one or two slips are forgiven


def nearest(typed: str, written: Sequence[str]) -> int | None:
    """The index of the one label (both without accents) that the text is but for a slip or two; None when not sure.

    Short labels must be typed as they are; a slip may neither make nor unmake a "không", nor change a digit.
    """
    found: list[int] = []
    for index, label in enumerate(written):
        most = slips_forgiven(label)
        distance = slips(typed, label, most + 1)
        if distance > most + 1:
            continue
        if distance == 0 or not most:
            return None  # the same letters, but an accent says otherwise
        found.append(index)
        if distance > most or _fixed_words(typed) != _fixed_words(label):
            return None  # nearly another label: not sure enough
    return found[0] if len(found) == 1 else None


def slips_forgiven(label: str) -> int:
    """How many slips a label bears: 0, 1 or 2."""
    letters = sum(1 for character in label if character != " ")
    return 2 if letters >= _LETTERS_FOR_TWO else int(letters >= _LETTERS_FOR_ONE)


def slips(typed: str, written: str, most: int) -> int:
    """Letters added, left out, changed or exchanged with the next one; `most` + 1 when there are more than `most`."""
    if abs(len(typed) - len(written)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(written) + 1))
    for line, letter in enumerate(typed, start=1):
        above, row = row, [line]
        for column, other in enumerate(written, start=1):
            cost = min(above[column] + 1, row[-1] + 1, above[column - 1] + (letter != other))
            if line > 1 and column > 1 and letter == written[column - 2] and typed[line - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before = above
    return min(row[-1], most + 1)


def _fixed_words(text: str) -> list[str]:
    return [word for word in text.split() if word in _NEGATIONS or any(letter.isdigit() for letter in word)]
