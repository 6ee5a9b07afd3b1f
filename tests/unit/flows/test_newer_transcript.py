"""A transcript can play everything the language has: scores, several choices, days, consent, time limits."""

from __future__ import annotations

from flows.rehearsal import run
from flows.transcripts import scripts
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.newer_set import newer_library

TRANSCRIPT = """\
transcript: Một cuộc nhắn có đủ mọi thứ
turns:
  - say: chào
    expect: {says: Điều nào đúng?, choices: [Bị đi theo, Có dao]}
  - choose: Bị nhốt
    expect: {says: more, severity: urgent, effects: [Raise, Remember]}
  - say: bị đi theo
    expect: {severity: emergency, step: card.show}
  - choose: Nhắn tiếp
    expect: {step: ask.signs, choices: [✓ Bị nhốt, enough]}
  - say: xong rồi
    expect: {step: ask.keep}
  - say: đồng ý
    expect: {effects: ConsentGiven, step: ask.named}
  - say: Hoa
    expect: {effects: Remember, step: home.bye}
  - choose: Lại từ đầu
  - say: không
    expect: {step: ask.day}
  - say: hôm qua
    expect: {step: ask.keep}
  - choose: Không đồng ý
    expect: {effects: [ConsentWithdrawn, Remember]}
  - choose: Lại từ đầu
  - silence: 30m
    expect: {says: Mình dừng câu đó nhé., step: home.bye}
end: {status: waiting, variables: {signs: empty, day: "2026-11-22", named: empty}}
"""


def test_a_transcript_plays_everything_the_language_has() -> None:
    library = newer_library()
    found, findings = scripts({"transcripts/all.transcript.yaml": TRANSCRIPT.encode()})
    assert findings == []
    outcome = run(library, found[0], FakeHost())
    assert [str(failure) for failure in outcome.failures] == []
    assert {"home.hello~within", "ask.signs~silence"} <= outcome.visited
