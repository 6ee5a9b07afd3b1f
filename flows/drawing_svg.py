"""Flows as an image: SVG text, drawn here, needing no program and no network. Steps as boxes, ways as arrows.

Every way out of a step has a line of its own in the step's box, so that words never lie on top of arrows. A way that leads
back is not drawn across the picture: it names its step, as a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from flows.drawing import WHOLE, Card, Marks, Way, cards, overview
from flows.layout import Arrow, lay_out, lead_on
from flows.library import Library

BOX = 250.0  # px, as all sizes here
GAP_X, GAP_Y = 84.0, 26.0
HEAD, LINE, ROW, PADDING = 30.0, 17.0, 23.0, 9.0
MARGIN, TITLE = 36.0, 58.0
CHARS = 37  # of a text line in a box, estimated narrow enough for Vietnamese capitals
MAX_LINES = 3

_COLOURS = {
    "choices": ("#eaf2ff", "#3f6fb5"),
    "ask": ("#eaf2ff", "#3f6fb5"),
    "do": ("#f3edfc", "#7a58b8"),
    "call": ("#e6f6f3", "#2c857a"),
    "handover": ("#e8f5e6", "#3d8a37"),
    "end": ("#efefef", "#6b6b6b"),
    "return": ("#efefef", "#6b6b6b"),
}
_PLAIN = ("#f7f4ee", "#8a7a5c")
_SEVERE = {"emergency": "#c62828", "urgent": "#d9730d"}

_STYLE = """\
text{font-family:"Be Vietnam Pro","Noto Sans","Segoe UI",Roboto,Arial,sans-serif;font-size:12.5px;fill:#26303a}
.title{font-size:20px;font-weight:600}.sub{font-size:12px;fill:#66717c}
.step{font-weight:600;font-size:13px}.kind{font-size:11px}.row{font-size:12px}.back{fill:#2c5ea8}
.code{font-size:11px;fill:#b71c1c;font-weight:600}.way{fill:none;stroke:#8b97a5;stroke-width:1.4}
.severe{stroke-width:2}a:hover text{text-decoration:underline}"""

_WORDS = {
    "vi": {
        "steps": "bước",
        "set": "Cả bộ",
        "flows": "luồng",
        "then": "rồi",
        "missed": "chưa có bản ghi mẫu",
        "legend": "viền đứt: chưa có bản ghi mẫu nào đi qua",
    },
    "en": {
        "steps": "steps",
        "set": "The whole set",
        "flows": "flows",
        "then": "then",
        "missed": "no transcript",
        "legend": "dashed: no transcript passes there",
    },
}


def svg(library: Library, flows: Sequence[str], marks: Marks, language: str = "vi") -> str:
    """One picture of these flows, one below the other, above several how they call each other; names of flows are links."""
    words = _WORDS["en" if language == "en" else "vi"]
    panels = [
        (flow, library.flows[flow].title, words["steps"], cards(library, flow, marks, language)) for flow in flows
    ]
    if len(flows) > 1:
        panels.insert(0, (WHOLE, words["set"], words["flows"], overview(library, flows, language)))
    parts: list[str] = []
    width, top = 480.0, MARGIN
    for name, title, counted, drawn_cards in panels:
        shown = library.manifest.set if name == WHOLE else name
        heading = _heading(title, f"{shown} · {len(drawn_cards)} {counted}")
        inner, panel_width, panel_height = _panel(drawn_cards, flows, words)
        drawn = f'<g id="{escape(name)}">{heading}<g transform="translate(0 {TITLE:g})">{inner}</g></g>'
        parts.append(f'<g transform="translate({MARGIN:g} {top:g})">{drawn}</g>')
        width, top = max(width, panel_width), top + TITLE + panel_height + MARGIN * 1.5
    if marks.missed:
        parts.append(f'<text class="sub" x="{MARGIN:g}" y="{top - MARGIN / 2:g}">{escape(words["legend"])}</text>')
    width, height = width + 2 * MARGIN, top + MARGIN / 2
    label = escape(", ".join(library.flows[flow].title for flow in flows)[:200], quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{label}">'
        f"<style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0.6 L7.4 4 L0 7.4 Z" fill="#8b97a5"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def _heading(title: str, below: str) -> str:
    return f'<text class="title" y="18">{escape(title)}</text><text class="sub" y="38">{escape(below)}</text>'


def _panel(drawn: list[Card], flows: Sequence[str], words: dict[str, str]) -> tuple[str, float, float]:
    """Cards with their arrows: the elements, width and height."""
    drawn = _told_back(drawn, words["then"])
    by_step = {card.step: card for card in drawn}
    arrows, rows = [], []
    for card in drawn:
        for index, way in enumerate(card.ways):
            if way.to in by_step:
                arrows.append(Arrow(card.step, way.to, _row_y(card, index)))
                rows.append((card.step, index, way))
    layout = lay_out({card.step: _height(card) for card in drawn}, arrows, box_width=BOX, gap_x=GAP_X, gap_y=GAP_Y)
    lines, back = [], set()
    for route, (step, index, way) in zip(layout.routes, rows, strict=True):
        if route:
            lines.append(_line(route, way))
        else:
            back.add((step, index))
    boxes = [_box(card, layout.boxes[card.step], back, flows, words) for card in drawn]
    return "".join([*lines, *boxes]), layout.width, layout.height


def _told_back(drawn: list[Card], then: str) -> list[Card]:
    """Ways without words that lead back get some: they are told by a line of their box instead of an arrow."""
    steps = {card.step for card in drawn}
    ways = [(card, way) for card in drawn for way in card.ways if way.to in steps]
    on = lead_on([card.step for card in drawn], [Arrow(card.step, way.to, 0.0) for card, way in ways])
    back = {(card.step, way.to) for (card, way), kept in zip(ways, on, strict=True) if not kept and not way.label}
    return [
        replace(
            card,
            ways=tuple(
                replace(way, label=then) if (card.step, way.to) in back and not way.label else way for way in card.ways
            ),
        )
        for card in drawn
    ]


# --- boxes --------------------------------------------------------------------------------------------------------------


def _height(card: Card) -> float:
    said = len(_folded(card.said))
    rows, notes = len(_listed(card)), len(card.findings)
    return HEAD + said * LINE + (PADDING if said else 0) + rows * ROW + notes * LINE + (PADDING / 2 if notes else 0)


def _listed(card: Card) -> list[tuple[int, Way]]:
    """The ways that have a line of their own; a single one without words leaves at the heading."""
    return [(index, way) for index, way in enumerate(card.ways) if way.label]


def _row_y(card: Card, index: int) -> float:
    """Where a way leaves its box, from the top."""
    before = [number for number, _ in _listed(card)]
    if index not in before:
        return HEAD / 2
    said = len(_folded(card.said))
    return HEAD + said * LINE + (PADDING if said else 0) + before.index(index) * ROW + ROW / 2


def _box(
    card: Card, at: tuple[float, float], back: set[tuple[str, int]], flows: Sequence[str], words: dict[str, str]
) -> str:
    fill, edge = _COLOURS.get(card.kind, _PLAIN)
    height = _height(card)
    border = "#c62828" if card.findings else edge
    dashes = ' stroke-dasharray="6 4"' if card.uncovered else ""
    thick = 2.2 if card.findings or card.starts else 1.2
    hint = f"<title>{escape(card.place)}{': ' + escape(words['missed']) if card.uncovered else ''}</title>"
    parts = [
        f'<g id="{escape(card.place)}" transform="translate({at[0]:.1f} {at[1]:.1f})">{hint}',
        f'<rect width="{BOX:g}" height="{height:g}" rx="9" fill="#ffffff" stroke="none"/>',
        f'<path d="{_rounded_head()}" fill="{fill}"/>',
        f'<rect width="{BOX:g}" height="{height:g}" rx="9" fill="none" stroke="{border}" stroke-width="{thick}"{dashes}/>',
        f'<text class="step" x="10" y="20">{"▶ " if card.starts else ""}{escape(card.step)}</text>',
        _kind(card, edge, flows),
    ]
    y = HEAD + 14
    for line in _folded(card.said):
        parts.append(f'<text x="10" y="{y:g}">{escape(line)}</text>')
        y += LINE
    parts += [_row(card, index, way, (card.step, index) in back) for index, way in _listed(card)]
    y = height - len(card.findings) * LINE + 6
    for code in card.findings:
        parts.append(f'<text class="code" x="10" y="{y:g}">⚠ {escape(code)}</text>')
        y += LINE
    return "".join([*parts, "</g>"])


def _rounded_head() -> str:
    return f"M0 {HEAD:g} V9 Q0 0 9 0 H{BOX - 9:g} Q{BOX:g} 0 {BOX:g} 9 V{HEAD:g} Z"


def _kind(card: Card, colour: str, flows: Sequence[str]) -> str:
    """The kind of step, right in the heading; a call links to the flow when that is in the picture."""
    if card.severity in _SEVERE:
        colour = _SEVERE[card.severity]
    room = max(int((BOX - 34 - len(card.step) * 8.2) / 6.2), 4)
    words = f"{card.kind_shown} {card.does}".strip() if card.does else card.kind_shown
    shown = (
        words
        if len(words) <= room
        else (card.does if card.calls and len(card.does) <= room else words[: room - 1] + "…")
    )
    text = f'<text class="kind" x="{BOX - 10:g}" y="20" text-anchor="end" style="fill:{colour}">{escape(shown)}</text>'
    return f'<a href="#{escape(card.calls)}">{text}</a>' if card.calls in flows else text


def _row(card: Card, index: int, way: Way, leads_back: bool) -> str:
    """One way out: its words, a dot where the arrow leaves, or the name of the step it leads back to."""
    y = _row_y(card, index)
    colour = _SEVERE.get(way.severity, "#8b97a5")
    rule = f'<path d="M1 {y - ROW / 2:g} H{BOX - 1:g}" stroke="#e7eaee" stroke-width="1"/>'
    filled = "#ffffff" if way.uncovered else colour
    dot = f'<circle cx="{BOX:g}" cy="{y:g}" r="4" fill="{filled}" stroke="{colour}" stroke-width="1.4"/>'
    if not leads_back:
        return f'{rule}<text class="row" x="10" y="{y + 4:g}">{escape(_fitting(way.label, 36))}</text>{dot}'
    target = f"{card.place.partition('.')[0]}.{way.to}"
    room = 36 - len(way.to) - 3
    return (
        f'{rule}<text class="row" x="10" y="{y + 4:g}">{escape(_fitting(way.label, room))}</text>'
        f'<a href="#{escape(target)}"><text class="row back" x="{BOX - 12:g}" y="{y + 4:g}" text-anchor="end">'
        f"↩ {escape(way.to)}</text></a>"
    )


def _fitting(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 1)].rstrip() + "…"


def _line(route: Sequence[tuple[float, float]], way: Way) -> str:
    """A smooth arrow: level where it passes a column, a curve in between."""
    colour = _SEVERE.get(way.severity)
    path = [f"M{route[0][0] + (4 if way.label else 0):.1f} {route[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in zip(route[::2], route[1::2], strict=True):
        middle = (x + to_x) / 2
        path.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
    # Between two curves an arrow runs level through a column.
    for index, (x, y) in enumerate(route[2:-1:2], start=1):
        path.insert(2 * index, f"L{x:.1f} {y:.1f}")
    style = f' style="stroke:{colour}"' if colour else ""
    dashes = ' stroke-dasharray="5 4"' if way.uncovered else ""
    severe = " severe" if colour else ""
    return f'<path class="way{severe}"{style}{dashes} d="{"".join(path)}" marker-end="url(#tip)"/>'


def _folded(text: str) -> list[str]:
    """Lines that fit a box; the last one ends with … when not all fits."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > CHARS:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    lines += [line] if line else []
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], _fitting(f"{lines[MAX_LINES - 1]} …", CHARS)]
    return [_fitting(each, CHARS + 2) for each in lines]
