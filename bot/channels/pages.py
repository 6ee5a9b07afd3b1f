"""What a page says on any surface: never a word of a talk, nothing that a lock screen may not show. Pure."""

from __future__ import annotations

from datetime import datetime

from flows.severity import Severity
from handlers import paging
from handlers.model import SendJob

SEVERITY = {
    Severity.EMERGENCY: "khẩn cấp",
    Severity.URGENT: "gấp",
    Severity.STANDARD: "thường",
    Severity.INFO: "hỏi thông tin",
    Severity.NONE: "chưa rõ mức",
}

_ALARMS = {
    "token-lost": "nền tảng không nhận khóa truy cập nữa",
    "not-allowed": "tài khoản chưa đủ quyền hoặc gói dịch vụ",
    "unreachable": "nền tảng không trả lời",
    "webhook-bad": "nền tảng không đưa tin tới được máy chủ",
    "quota-low": "sắp hết số tin của tháng",
    "quota-gone": "đã hết số tin của tháng",
    "nobody-paged": "có ca đang gọi mà chưa báo tới được ai",
}


def words(job: SendJob, now: datetime) -> str:
    """The page in words."""
    note, case = job.row.note, f"Ca {job.case_code} · {SEVERITY[job.severity]}"
    waited = _waited(job, now)
    if note.startswith(paging.ALARM):
        code = note.partition(":")[2]
        return f"Báo động: {_ALARMS.get(code, code)}. Báo người vận hành."
    match note:
        case paging.CALLS:
            again = f" · gọi lại lần {job.row.epoch}" if (job.row.epoch or 1) > 1 else ""
            return f"{case}{again}{waited}. Đang cần người nhận."
        case paging.OWED:
            return f"{case}{waited}. Người viết đang chờ {_owner(job)} trả lời."
        case paging.WAITS:
            return f"{case}. Chưa ai nhận, không gấp."
        case paging.OFFERED:
            whom = job.staff_alias if job.row.surface.startswith("group:") else "bạn"
            return f"{case}. {_owner(job)} xin chuyển ca này cho {whom or 'bạn'}."
        case paging.LEAVES:
            return f"{case}. {_owner(job)} hết ca trực: xin chuyển ca này cho người trực sau, hoặc cứ trả lời tiếp."
        case paging.ALONE:
            return f"{case}. Chưa có ai khác trực: ca này vẫn do {_owner(job)} giữ."
        case paging.TAKEN:
            return f"{case}. {_owner(job)} đã nhận."
        case paging.OVER:
            return f"Ca {job.case_code}. Đã xong."
        case paging.YOURS:
            return f"Ca {job.case_code} là của bạn. Mở bàn trực để đọc và trả lời."
        case paging.GONE:
            return f"Ca {job.case_code}: {_owner(job)} đã nhận."
        case paging.NO_CASE:
            return "Không có ca nào như vậy đang chờ. Xem trên bàn trực."
        case paging.HELP:
            return "Ở đây bạn gõ được: nhận, cách ra, rồi mã ca. Đọc và trả lời thì mở bàn trực."
        case paging.BOUND:
            return "Đã gắn tài khoản: từ giờ nhận được báo ca trực, và bấm được nút ở đây."
        case paging.NOT_BOUND:
            return "Mã chưa đúng hoặc đã hết hạn. Xin mã mới ở người quản lý."
        case _:
            return case


def _owner(job: SendJob) -> str:
    return job.owner_alias or "người giữ ca"


def _waited(job: SendJob, now: datetime) -> str:
    if job.waiting_since is None:
        return ""
    seconds = max(0, int((now - job.waiting_since).total_seconds()))
    if seconds < 60:
        return ""
    return f" · chờ {seconds // 60} phút" if seconds < 7200 else f" · chờ {seconds // 3600} giờ"
