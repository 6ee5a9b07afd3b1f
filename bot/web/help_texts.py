"""How the desk is used, for who answers: read at night, on a phone, beside a case. Buttons and marks carry their own names.

`{name}` stands for a text of `bot.web.texts.DESK`, so that a button that is renamed is renamed here as well; the times are those
of `handlers.rules.ladder` in seconds, the numbers those that seekers are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bot.web.texts import DESK
from handlers.rules.ladder import EMERGENCY, URGENT

_SECTIONS: Final[Sequence[tuple[str, Sequence[str]]]] = (
    (
        "Khi vào ca",
        (
            "Bấm “{bell_on}”: máy kêu một tiếng thử. Không nghe thấy thì tăng âm lượng. Để trang này mở suốt ca; máy kêu ở mọi "
            "trang của bàn trực.",
            "Xem dòng đầu trang: “{duty_now_on}” hay “{duty_now_off}”. Trực thêm ngoài lịch thì bấm “{duty_on}”, nghỉ thì bấm "
            "“{duty_off}”.",
            "Góc trên ghi “{queue_live}” là trang đang mới. Thấy “{queue_lost}” thì xem lại mạng, đừng tin danh sách.",
        ),
    ),
    (
        "Khi máy kêu",
        (
            "Bấm “{claim}”. Hai người cùng bấm thì một người được, người kia được báo là ai đã nhận.",
            "Không nhận được thì bấm “{pass_up}”, đừng để chuông kêu hết lượt.",
            "Đọc các dòng màu trên cùng, rồi “{summary}”: ở đâu, chuyện gì, vì sao máy xếp mức này. Người viết không phải "
            "kể lại.",
            "Trả lời ngay, một câu ngắn cũng được. Nhận rồi mà {emergency} giây (ca khẩn cấp) hoặc {urgent} giây (ca gấp) "
            "chưa có câu nào thì máy gọi người khác.",
        ),
    ),
    (
        "Khi nói chuyện",
        (
            "Câu đầu: chào, nói bạn là người thật, và hỏi lúc này nhắn tin có an toàn không. Có thể người khác đang cầm máy: "
            "chưa chắc thì hỏi chung chung, đừng nhắc chuyện đã kể.",
            "Nghe, tin, không trách, không ép. Hỏi người viết cần gì trước. Mỗi tin một câu hỏi.",
            "Đừng bảo người viết hòa giải hay gặp người gây hại. Đừng hỏi tên, số điện thoại, chỗ ở khi chưa cần để cứu người.",
            "Đang nguy hiểm: nhắc gọi {numbers}. Người viết không gọi được thì hỏi có muốn nhờ ai gọi giúp không.",
            "Ai dò hỏi người khác ở đâu, có nhắn vào đây không, nhà tạm lánh ở đâu: không xác nhận điều gì, kể cả khi tự xưng là "
            "công an hay người nhà.",
            "Cần nơi giúp: “{services}”, hoặc “{referrals}” trong ca. Chỉ chuyển điều người viết đã đồng ý.",
            "“{note_label}”: ghi để người trực sau không phải hỏi lại.",
        ),
    ),
    (
        "Dấu dưới mỗi dòng của bạn",
        (
            "“{pending}”: đã nằm chắc trong máy chủ, chưa tới nơi.",
            "“{sent}”: kênh đã nhận. Bàn trực không biết người viết đã đọc chưa.",
            "“{held}”: đã qua lúc người viết muốn nhận tin, hoặc máy chưa chắc ai đang cầm máy. Dòng này đi khi người viết "
            "nhắn lại.",
            "“{failed}”: kênh không nhận. Xem dòng màu ở trên: có khi không còn gửi được, hoặc kênh đã hết hạn trả lời.",
            "“{cancelled}”: máy bỏ dòng này, người viết không thấy.",
            "“{save_again}”: chưa tới máy chủ. Cứ để trang mở, trang tự thử lại; dòng chỉ được lưu một lần.",
        ),
    ),
    (
        "Khi người viết im, rút lại hoặc xóa",
        (
            "Rút lại không có nghĩa là hết nguy hiểm: có thể có người đứng cạnh. Ca vẫn ở chỗ bạn. Đừng nhắn thêm nếu chưa chắc "
            "an toàn.",
            "Có dòng “{banner_unconfirmed}”: làm đúng như dòng đó.",
            "Không biết làm gì tiếp thì gọi người giám sát, đừng chờ.",
        ),
    ),
    (
        "Khi xong, hoặc phải đi",
        (
            "“{offer}”: chọn một người; ca vẫn là của bạn cho đến khi người đó nhận.",
            "“{release}”: ca gọi người khác ngay; người viết được báo là đang đổi người.",
            "“{close}”: chọn đúng kết quả. Đóng rồi thì bạn không đọc lại được; người giám sát đọc lại được nếu ghi lý do.",
            "Sắp hết ca trực mà còn giữ ca: máy nhắc trước mười phút.",
        ),
    ),
    (
        "Khi máy có chuyện",
        (
            "Mất mạng giữa chừng: chữ đã gõ còn ở trang, đừng đóng trang.",
            "“{gone}”: đăng nhập lại; ca vẫn là của bạn nếu chưa ai nhận thay.",
            "Mất điện thoại, mất khóa: vào máy khác, ở bước hai dùng mã dự phòng. Hết mã thì gọi người giám sát.",
            "Dòng đỏ ở đầu danh sách: báo người vận hành ngay, kể cả ban đêm.",
        ),
    ),
)


def sections(numbers: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """(title, advice) in the order of a shift; `numbers` to call in danger, each with whose it is."""
    names = {
        **DESK,
        "emergency": str(EMERGENCY.first_reply_s),
        "urgent": str(URGENT.first_reply_s),
        "numbers": ", ".join(f"{number} ({whose})" for number, whose in numbers),
    }
    return [(title, [line.format_map(names) for line in lines]) for title, lines in _SECTIONS]
