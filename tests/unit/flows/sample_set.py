"""A small content set that is clean, as text, so that a test can break exactly one thing in it."""

from __future__ import annotations

from flows.library import Library
from flows.loader import load
from flows.phrases import PHRASES

MANIFEST = """\
set: sample
language: vi
entry: welcome
interrupts:
  help: card
  human: talk
  stop: leave
  delete: erase
  danger: card
  concern: offer
  released: after
words:
  help: [cứu]
  stop: [dừng]
  delete: [xóa]
  human: [gặp người]
  back: [quay lại]
  repeat: [nhắc lại]
variables:
  about: {type: choice, values: [me, other], label: Ai cần giúp, shown: {me: chính mình, other: người khác}}
  place: {type: place, label: Xã}
  services: {type: services}
phrases:
"""

LINES = """\
police:
  number: "113"
  name: Công an
  who: Công an
  hours: 24/7
  cost: chưa rõ
  emergency: yes
  source: domain.md
  checked_on: 2026-11-23
  check_by: 2027-05-22
"""

WELCOME = """\
flow: welcome
title: Lời chào
start: hello
steps:
  hello:
    say: Bình An đây. Bạn đang nhắn với máy. Bạn nhắn tin lúc này có an toàn không?
    choices:
      safe: {label: Có, goto: who}
      danger: {label: Không, goto: card, severity: emergency}
  card:
    call: card
    next: who
  who:
    say: Mình hỏi một câu ngắn nhé, bạn bỏ qua cũng được. Ai đang cần giúp?
    choices:
      me: {label: Tôi, goto: where}
      other: {label: Người khác, goto: where}
    save: about
    silence: {after: 10m, goto: nudge}
  nudge:
    say: Bạn cứ thong thả nhé.
    choices:
      go_on: {label: Nhắn tiếp, goto: who}
  where:
    say: Bạn đang ở xã nào? Bạn bỏ qua cũng được nhé.
    ask: {type: place, skip: nothing}
    save: place
    next: find
  find:
    do: find_services
    with: {near: place, needs: [shelter], limit: 1}
    save: services
    next:
      - {when: {services: empty}, goto: nothing}
      - {else: show}
  show:
    say: "Bạn xem giúp mình mấy dòng dưới đây nhé, cảm ơn bạn: {services}"
    next: bye
  nothing:
    say: Mình chưa tìm được.
    next: bye
  bye:
    call: leave
    next: who
"""

CARD = """\
flow: card
title: Các số gọi gấp
start: card
steps:
  card:
    card: emergency
    say: |-
      Bình An đây. Bạn xem giúp mấy dòng dưới nhé.
      {line.police}
    choices:
      go_on: {label: Nhắn tiếp, goto: done}
  done:
    return: true
"""

TALK = """\
flow: talk
title: Gặp người
start: wish
steps:
  wish:
    say: Mình gọi người trực nhé?
    choices:
      yes: {label: Vâng, goto: person}
      no: {label: Thôi, goto: done}
  person:
    handover: {desk: auto, reason: asked_for_person, on_release: done}
  done:
    return: true
"""

LEAVE = """\
flow: leave
title: Dừng
start: bye
steps:
  bye:
    say: Vâng, mình dừng ở đây.
    next: quiet
  quiet:
    do: hush
    next: over
  over:
    end: left
"""

ERASE = """\
flow: erase
title: Xóa
start: hide
steps:
  hide:
    do: erase
    next: told
  told:
    say: Vâng, xong rồi nhé.
    next: over
  over:
    end: erased
"""

OFFER = """\
flow: offer
title: Mời gặp người
start: ask
steps:
  ask:
    say: Bạn có muốn gặp một người thật không?
    choices:
      yes: {label: Muốn, goto: talk}
      no: {label: Chưa, goto: done}
  talk:
    call: talk
    next: done
  done:
    return: true
"""

AFTER = """\
flow: after
title: Sau khi gặp người
start: thanks
steps:
  thanks:
    say: Máy lại trả lời bạn.
    next: done
  done:
    return: true
"""


def sample_files() -> dict[str, str]:
    """The files of the sample set, by name."""
    phrases = [f"  {key}: '{_phrase(key)}'\n" for key in PHRASES]
    flows = (WELCOME, CARD, TALK, LEAVE, ERASE, OFFER, AFTER)
    named = {f"flows/{text.split()[1]}.yaml": text for text in flows}
    return {"set.yaml": MANIFEST + "".join(phrases), "lines.yaml": LINES, **named}


def changed(changes: list[dict[str, str]]) -> dict[str, bytes]:
    """The sample set with each `old` text of a file replaced by `new`, or a whole `file` added; `old` must be there."""
    files = sample_files()
    for change in changes:
        file, old = change["file"], change.get("old")
        if old is None:
            files[file] = change["new"]
            continue
        assert files[file].count(old) == 1, f"{old!r} stands {files[file].count(old)} times in {file}"
        files[file] = files[file].replace(old, change["new"])
    return {name: text.encode() for name, text in files.items()}


def library_of(files: dict[str, bytes]) -> Library:
    """The library of files that the loader has nothing to say against."""
    loaded = load(files)
    assert loaded.library is not None, "\n".join(map(str, loaded.findings))
    return loaded.library


def _phrase(key: str) -> str:
    if PHRASES[key].purpose.startswith("Choice label"):
        return {"yes": "Có", "no": "Không", "skip": "Bỏ qua"}.get(key, f"Nhãn {list(PHRASES).index(key)}")
    return "Mình nhắn bạn vài chữ ở đây nhé, cảm ơn bạn." + "".join(
        f" {{{name}}}" for name in PHRASES[key].placeholders
    )
