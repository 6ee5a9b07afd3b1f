"""The fixed words of the status page: headings, what each finding means for people who write, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.rules.ladder import BACKUP, ON_DUTY, SUPERVISOR

TEXT: Final[Mapping[str, str]] = {
    "title": "Tình trạng hệ thống",
    "at": "Xem lúc",
    "again": "Xem lại bây giờ",
    "about": "Trang này không có lời của ai, chỉ có số đếm và giờ. Trang không tự đổi: bấm “Xem lại bây giờ” để có số mới.",
    "all_good": "Mọi thứ đang chạy tốt.",
    "to_look": "Người nhắn vẫn được phục vụ. Có việc nên xem trong hôm nay.",
    "to_act": "Có việc phải làm ngay: người nhắn có thể đang bị bỏ chờ.",
    "now": "Làm ngay",
    "today": "Xem trong hôm nay",
    "then": "Làm tiếp",
    "good": "Tốt",
    "look": "Nên xem",
    "bad": "Làm ngay",
    "fact": "",
}

RESTART: Final = (
    "Báo người quản lý máy chủ khởi động lại dịch vụ (xem docs/running.md). Khởi động lại không làm mất tin nào. "
    "Trong lúc chờ, cử người mở sẵn trang Bàn trực."
)

_WAITING: Final[Mapping[str, tuple[str, str, str]]] = {
    "escalation-overdue": (
        "Gọi người trực bị trễ",
        "ca lẽ ra phải gọi người tiếp theo mà chưa gọi",
        "Mở ngay trang Bàn trực và nhận ca bằng tay. " + RESTART,
    ),
    "nobody-paged": (
        "Chưa gọi được ai",
        "ca kêu hơn 1 phút mà chưa đến được máy của người trực nào",
        "Gọi điện ngay cho người trực: mở trang Bàn trực trên điện thoại. Rồi xem lại lịch trực.",
    ),
    "message-unhandled": ("Tin đến chưa được đọc", "tin chờ hơn 30 giây mà máy chưa xử lý", RESTART),
    "line-unsent": (
        "Tin trả lời chưa gửi đi",
        "người có tin trả lời nằm chờ hơn 1 phút",
        "Thử nhắn vào chính kênh đó. Nếu kênh (ví dụ Telegram) đang hỏng thì chờ, tin sẽ tự đi. Nếu kênh vẫn chạy: "
        + RESTART,
    ),
    "sender-stuck": ("Gửi tin bị kẹt", "tin đang gửi dở mà không ai gửi tiếp", RESTART),
    "case-overdue": ("Hẹn giờ của ca bị trễ", "ca có việc hẹn giờ (nhắc, đóng) đã quá hơn 2 phút", RESTART),
    "keeping-late": (
        "Việc xóa hằng đêm chưa xong",
        "lần chạy xóa dữ liệu hết hạn gần nhất đã quá 26 giờ: có thứ lẽ ra phải xóa mà vẫn còn",
        "Báo người quản lý máy chủ chạy: python -m bot keeping show (xem docs/keeping.md).",
    ),
    "keys-not-copied": (
        "Chìa khóa chưa được chép sang chỗ thứ hai",
        "bản chép chìa khóa đã hơn 15 phút chưa cập nhật. Nếu đĩa chính hỏng lúc này, có thể mất luôn tin nhắn",
        "Báo người quản lý máy chủ xem đĩa của chỗ thứ hai (keys_second) có được gắn không (xem docs/keys-and-backups.md).",
    ),
    "audit-changed": (
        "Nhật ký ai làm gì đã bị sửa hoặc bị cắt",
        "nhật ký không còn nguyên vẹn: có người đã ghi thẳng vào cơ sở dữ liệu, hoặc đĩa bị hỏng",
        "Giữ nguyên cơ sở dữ liệu, đừng xóa gì. Báo người quản lý máy chủ chạy: python -m bot audit verify "
        "(xem docs/keeping.md). Nếu không ai biết vì sao, coi như có người đã vào máy chủ. Đã tìm hiểu xong mà không sửa lại "
        "được thì ghi nhận bằng: python -m bot audit acknowledge.",
    ),
    "codes-refused": (
        "Có người nhập đúng mã quay lại mà bị từ chối",
        "lần trong 10 phút qua: vì có quá nhiều mã sai (ai đó đang dò mã, hoặc người nhắn gõ sai nhiều lần)",
        "Người bị từ chối vẫn nhắn như người mới được; mã dùng lại được sau 1 giờ. Nếu còn tiếp diễn, báo người quản lý "
        "máy chủ chặn nguồn dò mã.",
    ),
}

_CHANNELS: Final[Mapping[str, tuple[str, str, str]]] = {
    "channel-token-lost": (
        "Kênh không dùng được nữa: mã truy cập bị từ chối",
        "kênh. Tin của người nhắn không đến và không đi",
        "Người quản lý máy chủ lấy mã truy cập mới ở nền tảng, đặt vào cấu hình, rồi chạy: python -m bot channels check",
    ),
    "channel-not-allowed": (
        "Nền tảng không cho kênh gửi",
        "kênh. Tin trả lời không đi được",
        "Xem gói dịch vụ và việc xác minh tài khoản ở nền tảng. Rồi chạy: python -m bot channels check",
    ),
    "channel-unreachable": (
        "Không liên lạc được với nền tảng",
        "kênh. Tin nằm chờ, chưa mất",
        "Xem mạng của máy chủ. Nếu mạng tốt thì nền tảng đang hỏng: chờ, mọi tin tự đi khi nó trở lại.",
    ),
    "channel-webhook-bad": (
        "Nền tảng không đưa tin đến được đây",
        "kênh. Tin của người nhắn không đến",
        "Người quản lý máy chủ chạy: python -m bot channels check",
    ),
    "channel-quota-low": (
        "Sắp hết số tin của tháng",
        "kênh đã dùng bốn phần năm",
        "Mua thêm gói ở nền tảng, hoặc hướng người nhắn sang trang web.",
    ),
    "channel-quota-gone": (
        "Đã hết số tin của tháng",
        "kênh. Tin trả lời không đi được nữa",
        "Mua thêm gói ở nền tảng ngay.",
    ),
}
LATE: Final[Mapping[str, tuple[str, str, str]]] = {**_WAITING, **_CHANNELS}
"""By a finding's code: its name, what is counted, what to do next."""

UNNAMED: Final = (
    "Có việc bị trễ",
    "việc. Trang này chưa có lời giải thích cho mã đó",
    "Tìm mã đó trong docs/running.md, hoặc hỏi người quản lý máy chủ.",
)
"""A finding without words of its own is shown all the same."""

NEWER: Final = (
    "Bản chương trình này mang theo nội dung mới chưa từng đăng ở đây; muốn xem khác nhau và đăng, người biên tập chạy: "
    "python -m bot flows publish"
)

NOT_NOW: Final = frozenset({"codes-refused", "channel-quota-low", "keeping-late", "keys-not-copied", "audit-changed"})
"""Findings that nobody waits for at this moment: they are looked at within the day."""

PART: Final[Mapping[str, tuple[str, str]]] = {
    "lanes": ("Đọc và trả lời tin nhắn", "Tin mới nằm chờ, người nhắn không được trả lời."),
    "timers": ("Gọi người trực và hẹn giờ", "Không ai được gọi tiếp khi người trực không nhận ca."),
    "sender": ("Gửi tin ra ngoài", "Tin trả lời và cuộc gọi người trực không đi được."),
}

RUNG: Final[Mapping[str, str]] = {ON_DUTY: "Đang trực", BACKUP: "Dự phòng", SUPERVISOR: "Giám sát"}
STATE: Final[Mapping[str, str]] = {
    "ringing": "đang gọi người trực",
    "claimed": "đã có người nhận, chưa trả lời",
    "owing": "người nhắn đang chờ câu trả lời tiếp",
    "answered": "đã trả lời, đang nói chuyện",
}
