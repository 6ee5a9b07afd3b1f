"""A talk played by hand, written down as a transcript: what she did, and the beginnings of what came.

It holds what was typed into a rehearsal; a talk of a real person must never be recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.updating import pieces, written

BEGIN = "chào"
"""What stands for opening the page: a transcript begins with something said."""


@dataclass(slots=True)
class _Turn:
    did: str
    says: list[str] = field(default_factory=list)
    choices: tuple[str, ...] = ()


@dataclass(slots=True)
class Recording:
    """Notes a talk turn by turn; `text` is the transcript so far."""

    title: str
    turns: list[_Turn] = field(default_factory=list, repr=False)

    def typed(self, text: str) -> None:
        """She typed something."""
        self.turns.append(_Turn(f"say: {written(text)}"))

    def pressed(self, label: str) -> None:
        """She pressed a button."""
        self.turns.append(_Turn(f"choose: {written(label)}"))

    def heard(self, text: str, labels: tuple[str, ...]) -> None:
        """The machine said something, with these buttons."""
        if not self.turns:
            self.typed(BEGIN)
        turn = self.turns[-1]
        turn.says += pieces(text)[:1]
        turn.choices = labels or turn.choices

    def text(self) -> str:
        """The transcript as a file's text; "" while nothing has happened."""
        if not self.turns:
            return ""
        lines = [f"transcript: {written(self.title)}", "turns:"]
        for turn in self.turns:
            lines.append(f"  - {turn.did}")
            if turn.says or turn.choices:
                lines.append("    expect:")
            for key, values in (("says", turn.says), ("choices", turn.choices)):
                if values:
                    lines.append(f"      {key}: [{', '.join(map(written, values))}]")
        return "\n".join(lines) + "\n"
