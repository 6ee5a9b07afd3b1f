"""The status page in plain words: what runs, what is late, what it means for the people who write, and what to do next.

For whoever keeps the service running and is no programmer. Counts and times only, nothing of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from bot.looking import Standing
from bot.web.key_texts import KEYS, KEYS_NOW, SAID_ELSEWHERE
from bot.web.status_texts import LATE, NEWER, NOT_NOW, PART, RESTART, RUNG, STATE, TEXT, UNNAMED
from bot.web.texts import CHANNEL as CHANNEL_NAMES
from bot.web.texts import SEVERITY
from handlers.health import CHANNEL, Health
from handlers.rules.ladder import BACKUP, ON_DUTY, SUPERVISOR
from handlers.watching import NO_BEAT_FOR

GOOD, FACT, LOOK, BAD = "good", "fact", "look", "bad"
"""How an item stands: fine; a figure that is neither; look at it today; act now."""

AUDITOR_SILENT: Final = timedelta(seconds=45)
PING_OLD: Final = timedelta(minutes=3)
CHANNEL_SILENT: Final = timedelta(seconds=90)
BACKUP_OLD: Final = timedelta(hours=26)
BACKUP_VERY_OLD: Final = timedelta(hours=72)
KEY_OLD: Final = timedelta(days=90)
"""`security.md` 3.2: the key-encryption key is changed every 90 days, and when somebody leaves."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line: what it is, how it stands, in words, and what to do when it does not stand well."""

    name: str
    state: str
    said: str
    then: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Items that belong together."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The whole page. `urgent` and `soon` are those items again that need somebody, worst first."""

    at: str
    state: str
    headline: str
    urgent: tuple[Item, ...]
    soon: tuple[Item, ...]
    sections: tuple[Section, ...]


def status(standing: Standing, zone: tzinfo) -> Status:
    """The page of this reading."""
    health = standing.health
    sections = (
        Section("Các phần đang chạy", tuple(_running(health))),
        Section("Có gì bị trễ", tuple(_late(health))),
        Section("Đang chờ", tuple(_queues(health))),
        Section("Người trực", tuple(_people(health, zone))),
        Section("Các kênh", tuple(_channels(standing))),
        Section("Người canh hệ thống", tuple(_auditor(health))),
        Section("Sao lưu, khóa, nội dung", tuple(_keeping(standing, zone))),
    )
    items = [item for section in sections for item in section.items]
    urgent = tuple(item for item in items if item.state == BAD)
    soon = tuple(item for item in items if item.state == LOOK)
    state = BAD if urgent else LOOK if soon else GOOD
    return Status(
        at=_clock(health.at, zone, seconds=True),
        state=state,
        headline=TEXT[{BAD: "to_act", LOOK: "to_look", GOOD: "all_good"}[state]],
        urgent=urgent,
        soon=soon,
        sections=sections,
    )


def _running(health: Health) -> Iterator[Item]:
    yield Item("Trang web (trang nhắn và bàn trực)", GOOD, "Đang chạy: bạn đang xem trang này.")
    for part, (name, means) in PART.items():
        silent = health.silent.get(part)
        if silent is None:
            yield Item(name, BAD, f"Chưa thấy chạy lần nào. {means}", RESTART)
        elif silent > NO_BEAT_FOR:
            yield Item(name, BAD, f"Không thấy hoạt động đã {span(silent)}. {means}", RESTART)
        else:
            yield Item(name, GOOD, "Đang chạy.")
    if health.quarantine:
        yield Item(
            "Tạm giữ sau khi khôi phục",
            BAD,
            "Dữ liệu vừa được khôi phục từ bản sao lưu, nên mọi tin cho người nhắn đang bị giữ lại, để không gửi nhầm tin cũ.",
            "Xem các ca ở Bàn trực trước. Khi chắc là an toàn, người quản lý máy chủ chạy lệnh: python -m bot db release",
        )


def _late(health: Health) -> Iterator[Item]:
    for one in health.late:
        name, what, then = LATE.get(one.code, (f"{UNNAMED[0]}: {one.code}", *UNNAMED[1:]))
        state = LOOK if one.code in NOT_NOW else BAD
        yield Item(name, state, f"{one.count} {what}. Lâu nhất: {span(timedelta(seconds=one.oldest_s))}.", then)
    if not health.late:
        yield Item("Trễ hẹn", GOOD, "Không có gì bị trễ.")


def _queues(health: Health) -> Iterator[Item]:
    queues = health.queues
    yield Item("Tin đến, máy chưa xử lý", FACT, _count(queues.messages, "tin"))
    ringing = queues.ringing
    if ringing.count and ringing.oldest_at is not None:
        since = span(health.at - ringing.oldest_at)
        long = health.at - ringing.oldest_at > timedelta(minutes=5)
        yield Item(
            "Đang gọi người trực",
            BAD if long else FACT,
            f"{ringing.count} ca; ca lâu nhất đã gọi {since}.",
            "Hỏi người trực đã thấy ca trên Bàn trực chưa; nếu chưa, gọi điện cho họ.",
        )
    else:
        yield Item("Đang gọi người trực", FACT, "Không có ca nào đang gọi.")
    others = [
        f"{count} {STATE[state]}"
        for state, count in sorted(queues.escalations.items())
        if state in STATE and state != "ringing"
    ]
    yield Item("Đang nói chuyện với người trực", FACT, "; ".join(others) + "." if others else "Không có.")
    listed = [f"{SEVERITY[word]}: {queues.cases[word]}" for word in SEVERITY if queues.cases.get(word)]
    yield Item("Ca mở trên Bàn trực", FACT, "; ".join(listed) + "." if listed else "Không có.")
    pages = _count(queues.pages, "cuộc gọi")
    pages += " Cần ít nhất một người mở trang Bàn trực." if queues.pages else ""
    yield Item("Cuộc gọi người trực chưa đến máy ai", FACT, pages)
    letters = sum(count for name, count in queues.letters.items() if name != "web")
    yield Item("Tin trả lời đang gửi", FACT, _count(letters, "tin"))
    on_page = queues.letters.get("web", 0)
    said = _count(on_page, "tin") + (" Người nhắn mở trang thì thấy." if on_page else "")
    yield Item("Tin để sẵn trên trang web", FACT, said)
    said = _count(queues.held, "tin")
    said += " Gửi lúc này có thể không an toàn; tin tự đi khi người nhắn viết lại." if queues.held else ""
    yield Item("Tin đang giữ lại", FACT, said)


def _people(health: Health, zone: tzinfo) -> Iterator[Item]:
    first = health.on_duty.get(ON_DUTY, 0)
    behind = sum(count for rung, count in health.on_duty.items() if rung != ON_DUTY)
    if not first:
        yield Item(
            RUNG[ON_DUTY],
            LOOK if behind else BAD,
            "Không có ai. "
            + ("Cuộc gọi đến thẳng người dự phòng." if behind else "Người nhắn được báo là chưa có người trực."),
            "Gọi người trực vào ca: mở Bàn trực, bấm “Tôi đang trực”. Rồi sửa lịch trực.",
        )
    else:
        yield Item(RUNG[ON_DUTY], GOOD, f"{first} người.")
    for rung in (BACKUP, SUPERVISOR):
        count = health.on_duty.get(rung, 0)
        yield Item(RUNG[rung], GOOD if count else LOOK, f"{count} người." if count else "Không có ai ở bậc này lúc này.",
                   "" if count else "Xếp thêm người vào lịch trực, để khi người trực bận vẫn có người nhận.")  # fmt: skip
    if health.gap is None:
        yield Item("Lịch trực 24 giờ tới", GOOD, "Không có giờ nào bỏ trống.")
        return
    period = health.gap.period
    begun = period.begins_at <= health.at
    near = period.begins_at - health.at <= timedelta(hours=2)
    yield Item(
        "Lịch trực 24 giờ tới",
        BAD if near else LOOK,
        ("Đang trống đến " if begun else f"Trống từ {_clock(period.begins_at, zone)} đến ")
        + _clock(period.ends_at, zone)
        + ".",
        "Tìm người trực thay cho giờ này, rồi sửa tệp lịch trực (roster.yaml).",
    )


def _channels(standing: Standing) -> Iterator[Item]:
    health, channels = standing.health, standing.channels
    for name in channels.page:
        yield Item(CHANNEL_NAMES.get(name, name), GOOD, "Đang mở.")
    for name in channels.polling:
        silent = health.silent.get(f"{CHANNEL}{name}")
        shown = CHANNEL_NAMES.get(name, name)
        if silent is None or silent > CHANNEL_SILENT:
            since = "từ lúc khởi động" if silent is None else f"đã {span(silent)}"
            yield Item(
                shown,
                BAD,
                f"Không lấy được tin mới {since}. Tin của người nhắn nằm ở nền tảng, chưa mất, nhưng chưa ai đọc.",
                "Xem mạng của máy chủ có vào được nền tảng này không, và mã truy cập (token) còn dùng được không.",
            )
        else:
            yield Item(shown, GOOD, "Đang nhận tin.")
    for name in channels.webhook:
        yield Item(
            CHANNEL_NAMES.get(name, name),
            GOOD,
            "Nền tảng tự đưa tin đến; trang này không biết chắc đường đó có thông không. Muốn thử: nhắn một tin vào kênh.",
        )


def _auditor(health: Health) -> Iterator[Item]:
    watched = health.watched
    if watched is None or health.at - watched.at > AUDITOR_SILENT:
        since = "chưa chạy lần nào" if watched is None else f"im lặng đã {span(health.at - watched.at)}"
        yield Item(
            "Canh gác",
            BAD,
            f"Phần canh gác {since}. Hệ thống có thể hỏng mà không ai được báo.",
            "Báo người quản lý máy chủ chạy lại phần canh gác: python -m bot serve --role auditor",
        )
        return
    yield Item("Canh gác", GOOD, "Đang chạy, xem lại mỗi 5 giây.")
    if watched.alarm == "none":
        yield Item(
            "Báo động ra ngoài",
            LOOK,
            "Chưa đặt nơi nhận. Khi có sự cố, chỉ có một dòng trong nhật ký của máy, không ai được gọi.",
            "Đặt auditor.alarm_url trong tệp cấu hình (xem config.example.yaml).",
        )
    elif watched.alarm == "failed":
        yield Item("Báo động ra ngoài", BAD, "Lần báo động gần nhất không đến nơi.",
                   "Thử lại nơi nhận (auditor.alarm_url): còn đúng địa chỉ, còn trả lời không.")  # fmt: skip
    else:
        said = "Lần báo động gần nhất đã đến nơi." if watched.alarm else "Đã đặt nơi nhận. Chưa phải báo lần nào."
        yield Item("Báo động ra ngoài", GOOD, said)
    yield from _ping(health)


def _ping(health: Health) -> Iterator[Item]:
    watched = health.watched
    assert watched is not None
    name = "Chuông báo khi chính phần canh gác chết"
    if watched.ping == "none":
        yield Item(name, LOOK, "Chưa đặt. Nếu cả máy chủ tắt, bên ngoài không ai biết.",
                   "Đặt auditor.ping_url trong tệp cấu hình (xem config.example.yaml).")  # fmt: skip
    elif watched.ping == "failed":
        yield Item(name, LOOK, "Tín hiệu “còn sống” gần nhất không đến nơi.", "Thử lại nơi nhận (auditor.ping_url).")
    elif watched.pinged_at is not None and health.at - watched.pinged_at > PING_OLD:
        yield Item(name, LOOK, f"Đã {span(health.at - watched.pinged_at)} không gửi tín hiệu, vì còn việc bị trễ.",
                   "Xử lý các việc ở đầu trang; tín hiệu tự gửi lại.")  # fmt: skip
    else:
        yield Item(
            name, GOOD, "Tín hiệu “còn sống” vẫn đi đều." if watched.ping else "Đã đặt, chưa đến giờ gửi lần đầu."
        )


def _keeping(standing: Standing, zone: tzinfo) -> Iterator[Item]:
    health = standing.health
    yield _backup(standing)
    if standing.key_since is not None:
        age = health.at - standing.key_since
        then = "Hẹn người quản lý máy chủ đổi khóa. Cũng nên đổi khi có người từng giữ khóa nghỉ việc."
        old = age > KEY_OLD
        yield Item(
            "Khóa chính",
            LOOK if old else GOOD,
            f"Đặt vào máy này đã {span(age)}; nên đổi sau 90 ngày.",
            then if old else "",
        )
    else:
        yield Item("Khóa chính", LOOK, "Không xem được tệp khóa trên máy này.",
                   "Hỏi người quản lý máy chủ: tệp khóa (var/secrets) có ở nơi chạy dịch vụ không.")  # fmt: skip
    for risk in standing.key_risks:
        if risk.code not in SAID_ELSEWHERE:
            name, what, then = KEYS.get(risk.code, (f"{UNNAMED[0]}: {risk.code}", risk.said, UNNAMED[2]))
            yield Item(name, BAD if risk.code in KEYS_NOW else LOOK, what.format(of=risk.of), then)
    if health.published_at is not None:
        said = f"Đăng lúc {_clock(health.published_at, zone)} (bản {health.content_version[:8]})."
        yield Item("Nội dung đang dùng", GOOD, f"{said} {NEWER}" if standing.newer_content else said)
    if health.codes_refused:
        yield Item(
            "Mã quay lại đúng mà bị từ chối",
            LOOK,
            f"{health.codes_refused} lần trong 1 giờ qua.",
            LATE["codes-refused"][2],
        )


def _backup(standing: Standing) -> Item:
    health = standing.health
    then = "Người quản lý máy chủ chạy: python -m bot backup THƯ-MỤC-MỚI, và đặt lịch chạy mỗi ngày."
    unknown = "Hệ thống chưa ghi nhận lần sao lưu nào."
    if standing.shared:
        then = "Người quản lý máy chủ xem hẹn giờ sao lưu hằng đêm (docs/runbook.md, “The backups stand still”)."
        unknown += (
            " Trang này chỉ biết các bản do deploy/postgresql/base-backup và lệnh backup làm, không biết cách khác."
        )
    if health.backup_at is None:
        return Item("Sao lưu", LOOK, unknown, then)
    age = health.at - health.backup_at
    if age > BACKUP_OLD:
        return Item("Sao lưu", BAD if age > BACKUP_VERY_OLD else LOOK, f"Lần gần nhất đã {span(age)}.", then)
    return Item("Sao lưu", GOOD, f"Lần gần nhất cách đây {span(age)}.")


def span(length: timedelta) -> str:
    """A length of time as people say it."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} giây"
    for size, word in ((86_400, "ngày"), (3_600, "giờ"), (60, "phút")):
        if seconds >= size * (2 if size == 86_400 else 1):
            return f"{seconds // size} {word}"
    return f"{seconds} giây"


def _count(count: int, word: str) -> str:
    return f"{count} {word}." if count else "Không có."


def _clock(at: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    return at.astimezone(zone).strftime("%H:%M:%S ngày %d/%m/%Y" if seconds else "%H:%M ngày %d/%m")
