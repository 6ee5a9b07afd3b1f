"""The small set with a home flow that has consent, scores, several choices, days, time limits and tries."""

from __future__ import annotations

from flows.library import Library
from tests.unit.flows.small_set import SET, small_files, small_library

VARIABLES = """\
  danger: {type: score, label: Nguy hiểm, thresholds: {urgent: 2, emergency: 5}}
  signs: {type: choices, values: [followed, locked, weapon], label: Dấu hiệu}
  day: {type: date, label: Ngày}
  named: {type: text, label: Tên gọi, identifying: call_back}
"""

HOME = """\
flow: home
title: Bắt đầu
on_resume: {after: 5m, say: Bạn quay lại rồi.}
start: hello
steps:
  hello: {call: ask, within: {after: 20m, goto: late}, next: bye}
  late: {say: Mình dừng câu đó nhé., next: bye}
  bye: {say: Chào., choices: {again: {label: Lại từ đầu, goto: hello}, over: {label: Thôi nhé bạn, goto: over}}}
  over: {end: done}
"""

ASK = """\
flow: ask
title: Hỏi
start: signs
steps:
  signs:
    say: Điều nào đúng?
    many: yes
    save: signs
    choices:
      followed: {label: Bị đi theo, score: {name: danger, add: 2, why: bị đi theo}}
      locked: {label: Bị nhốt, severity: urgent, score: {name: danger, add: 3, why: bị nhốt}}
      weapon: {label: Có dao, severity: emergency}
    silence: {after: 10m, goto: day}
    next: [{when: {signs: empty}, goto: day}, {when: {danger: {at_least: 4}}, goto: keep}, {else: day}]
  day:
    say: Ngày nào?
    ask: {type: date, skip: keep, tries: 2, invalid: [Ngày nào vậy?, Bỏ qua cũng được.]}
    save: day
    next: keep
  keep:
    say: Mình giữ tên gọi của bạn nhé?
    consent: call_back
    unclear: {tries: 3, goto: back}
    choices: {yes: {label: Đồng ý, goto: named}, no: {label: Không đồng ý, goto: back}}
  named: {say: Gọi bạn là gì?, ask: text, save: named, next: back}
  back: {return: true}
"""


def newer_files() -> dict[str, bytes]:
    """The files of the set."""
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    declared = SET.replace("variables:\n", "consents: {call_back: Cho gọi lại}\nvariables:\n")
    return small_files(set=declared + VARIABLES + "phrases:\n" + phrases, home=HOME, ask=ASK)


def newer_library() -> Library:
    """The set, loaded."""
    texts = {name.removeprefix("flows/").removesuffix(".yaml"): text.decode() for name, text in newer_files().items()}
    return small_library(**texts)
