"""Whatever is spoiled in the shipped set is found: one mutation for each code that the checks can give.

The codes of the great safety proofs have mutations of their own in `test_checks.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.checks import check
from flows.loader import load, read_dir
from flows.schema import MAX_DEPTH

SHIPPED = Path(__file__).resolve().parents[3] / "flows" / "content"
SAFETY, CARD, SET = "flows/safety.yaml", "flows/emergency_card.yaml", "set.yaml"
Edit = tuple[str, str, str]
"""A file, a text that stands in it once, and what takes its place; an empty text makes a new file."""

DEEP: list[Edit] = [
    (
        f"flows/deep_{n}.yaml",
        "",
        f"flow: deep_{n}\ntitle: A\nstart: a\nsteps:\n  a: {{call: deep_{n + 1}, next: b}}\n  b: {{return: true}}\n",
    )
    for n in range(MAX_DEPTH)
]
DEEPEST: Edit = (
    f"flows/deep_{MAX_DEPTH}.yaml",
    "",
    f"flow: deep_{MAX_DEPTH}\ntitle: A\nstart: a\nsteps:\n  a: {{return: true}}\n",
)
MORE = '      more: {label: "Ai đọc được tin?", goto: more}\n'
ENTRY = "entry: welcome\n"

MUTATIONS: dict[str, list[Edit]] = {
    "card-without-number": [(CARD, "      Cấp cứu: {line.ambulance}\n", "")],
    "identifying-without-consent": [
        (SET, "  place: {type: place,", "  place: {type: place, identifying: keep,"),
        (SET, "consents:\n", "consents:\n  keep: Giữ\n"),
    ],
    "label-is-number": [(SAFETY, 'label: "Ai đọc được tin?"', 'label: "7"')],
    "label-too-long": [(SAFETY, 'label: "Ai đọc được tin?"', "label: " + "Ai đọc nữa nhỉ " * 4)],
    "labels-alike": [(SAFETY, 'label: "Ai đọc được tin?"', "label: Khống")],
    "loop-without-wait": [(SAFETY, "  done:\n    return: true\n", "  done:\n    next: done\n")],
    "maybe-empty": [(SAFETY, "Bạn cứ thong thả nhé.", "Bạn cứ thong thả {need} nhé.")],
    "missing-audio": [("languages/vi.yaml", "name: Tiếng Việt\n", "name: Tiếng Việt\naudio_first: yes\n")],
    "missing-translation": [(SAFETY, "Bạn cứ thong thả nhé.", "Bạn cứ thong thả một lát nhé.")],
    "missing-words": [
        ("languages/en.yaml", "  back: [back, go back, previous, previous question, back please, go back please]\n", "")
    ],
    "no-base-language": [(SET, "language: vi\n", "language: zz\n")],
    "no-way-to-language": [(SET, "  language: language\n", "")],
    "stale-audio": [("audio/vi/safety.ask.say-000000.mp3", "", "ID3")],
    "stale-translation": [("languages/en.po", 'msgctxt "safety.nudge.say"', '#, fuzzy\nmsgctxt "safety.nudge.say"')],
    "moved-nowhere": [(SET, ENTRY, ENTRY + "moved: {safety.old: safety.gone}\n")],
    "moved-still-there": [(SET, ENTRY, ENTRY + "moved: {safety.ask: safety.gentle}\n")],
    "nags-forever": [(SAFETY, "  nudge:\n", "  nudge:\n    silence: {after: 10m, goto: ask}\n")],
    "never-saved": [
        (SET, "variables:\n", "variables:\n  ghost: {type: text}\n"),
        (SAFETY, "Bạn cứ thong thả nhé.", "Bạn cứ thong thả {ghost} nhé."),
    ],
    "silence-never-due": [
        (
            "flows/more.yaml",
            "",
            "flow: more\ntitle: A\nstart: a\nsteps:\n  a: {say: Bạn cứ thong thả nhé., silence: {after: 9m, goto: b}, "
            "choices: {c: {label: Vâng, goto: b}}}\n  b: {return: true}\n",
        ),
        (SAFETY, "    call: privacy\n", "    call: more\n    within: {after: 5m, goto: done}\n"),
    ],
    "text-too-long": [(SAFETY, "Bạn cứ thong thả nhé.", "Bạn cứ thong thả nhé. " * 60)],
    "threshold-too-high": [(SET, "variables:\n", "variables:\n  weight: {type: score, thresholds: {urgent: 3}}\n")],
    "too-deep-calls": [(SAFETY, "call: privacy", "call: deep_0"), *DEEP, DEEPEST],
    "too-many-choices": [
        (SAFETY, MORE, MORE + "".join(f"      c{n}: {{label: Dòng thêm {n}, goto: more}}\n" for n in range(5)))
    ],
    "remind-without-consent": [
        ("flows/reminder.yaml", "no: {label: Không, goto: done}", "no: {label: Không, goto: hour}")
    ],
    "refer-without-consent": [
        ("flows/referral.yaml", "no: {label: Không, goto: refused}", "no: {label: Không, goto: share}")
    ],
    "unreachable-flow": [DEEPEST],
    "unreachable-step": [(SAFETY, MORE, "")],
    "unused-consent": [(SET, "consents:\n", "consents:\n  keep: Giữ\n")],
    "unused-variable": [(SET, "variables:\n", "variables:\n  ghost: {type: text}\n")],
    "entry-returns": [("flows/welcome.yaml", "    call: next_steps\n    next: bye\n", "    return: true\n")],
}


@pytest.mark.parametrize("code", sorted(MUTATIONS))
def test_a_mutation_of_the_shipped_set_is_caught(code: str) -> None:
    files = read_dir(SHIPPED)
    for file, old, new in MUTATIONS[code]:
        text = files[file].decode() if old else ""
        assert not old or text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        files[file] = (text.replace(old, new) if old else new).encode()
    loaded = load(files)
    assert loaded.library is not None, [str(finding) for finding in loaded.findings]
    assert code in {finding.code for finding in check(loaded.library, files)}
