"""What the status page says of the keys: what may make them get lost, what that means, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_COPY: Final = "Người quản lý máy chủ chạy: python -m bot keys copy (xem docs/keys-and-backups.md)."

KEYS: Final[Mapping[str, tuple[str, str, str]]] = {
    "keys-once": (
        "Chìa khóa chỉ có một bản",
        "Mọi chìa khóa nằm trên một ổ đĩa. Ổ đĩa đó hỏng thì không ai đọc được tin nào nữa, có bản sao lưu cũng vậy.",
        "Người quản lý máy chủ ghi một thư mục trên ổ đĩa khác vào keys_second của tệp cấu hình, rồi chạy: "
        "python -m bot keys copy",
    ),
    "keys-second-empty": (
        "Chỗ thứ hai của chìa khóa đang trống",
        "Thư mục keys_second trống hoặc không có: chìa khóa chỉ còn một bản.",
        "Xem ổ đĩa của chỗ thứ hai có cắm và gắn vào máy không. Chỉ khi đó là chỗ mới thì chạy: python -m bot keys copy",
    ),
    "keys-second-same-disk": (
        "Hai bản chìa khóa nằm trên cùng một ổ đĩa",
        "Ổ đĩa đó hỏng thì mất cả hai bản.",
        "Người quản lý máy chủ đổi keys_second sang ổ đĩa khác hoặc máy khác.",
    ),
    "keys-second-lacks": (
        "Chỗ thứ hai của chìa khóa thiếu tệp",
        "Ở đó thiếu {of}, hoặc có tệp khác cùng tên.",
        _COPY,
    ),
    "keys-second-no-copy": (
        "Chỗ thứ hai không có bản chép chìa khóa nào",
        "Ổ đĩa chính hỏng lúc này thì không ai đọc được tin nào nữa.",
        _COPY,
    ),
    "keys-second-unreadable": (
        "Không đọc được chỗ thứ hai của chìa khóa",
        "Không biết ở đó còn bản chép nào dùng được.",
        "Người quản lý máy chủ xem ổ đĩa và quyền của thư mục keys_second trước mọi việc khác.",
    ),
    "kek-missing-here": (
        "Máy này thiếu tệp khóa",
        "Thiếu {of} trong var/secrets. Sau lần khởi động tới sẽ có tin không đọc được.",
        "Đừng khởi động lại. Chép tệp đó từ thư mục secrets của chỗ thứ hai vào var/secrets (quyền 0400).",
    ),
    "kek-missing-elsewhere": (
        "Có máy thiếu tệp khóa",
        "{of}: máy đó không đọc được tin đã đổi sang khóa này.",
        "Chép tệp khóa đó vào var/secrets của máy ấy (quyền 0400), rồi khởi động lại dịch vụ ở máy ấy.",
    ),
    "kek-unfinished": (
        "Việc đổi khóa còn dở",
        "Còn {of} chìa khóa nằm dưới khóa chính cũ.",
        "Người quản lý máy chủ chạy lại: python -m bot keys rotate",
    ),
    "audit-key-old": (
        "Đã đến lúc đổi khóa ký nhật ký",
        "Khóa ký nhật ký ai làm gì đã dùng {of} ngày. Mỗi năm đổi một lần.",
        "Người quản lý máy chủ chạy: python -m bot keys rotate-audit (xem docs/keys-and-backups.md).",
    ),
    "audit-key-unfinished": (
        "Việc đổi khóa ký nhật ký còn dở",
        "Khóa cũ ({of}) đã được thay mà vẫn còn nằm trên máy.",
        "Người quản lý máy chủ chạy lại: python -m bot keys rotate-audit",
    ),
    "keys-not-looked-at": (
        "Không xem được tình trạng chìa khóa",
        "Máy không đọc được kho chìa khóa lúc này.",
        "Người quản lý máy chủ chạy: python -m bot keys check",
    ),
}
"""By a risk's code: its name, what it means, what to do next."""

SAID_ELSEWHERE: Final = frozenset({"kek-old", "keys-second-old"})
"""The page has lines of its own for the age of the key, and for a copy that is late (a finding of the auditor)."""
KEYS_NOW: Final = frozenset({"kek-missing-here", "kek-missing-elsewhere"})
"""Risks that somebody may be waiting for already: what is sealed under such a key is not read everywhere."""
