"""Every word of the seeker page and of the page about it, in Vietnamese; other languages are PO files in `bot/locale`.

Title and icon stay neutral: they stand in tabs, histories and lists of open windows.
"""

from __future__ import annotations

from collections.abc import Mapping

SEEKER: Mapping[str, str] = {
    "language_name": "Tiếng Việt",
    "title": "Trang tin",
    # --- leaving
    "exit": "Thoát nhanh",
    "exit_nav": "Rời trang này",
    "press_two": "{key}: bấm thêm 2 lần để thoát.",
    "press_one": "{key}: bấm thêm 1 lần để thoát.",
    "press_late": "Hết giờ, chưa thoát. Muốn thoát, bấm lại từ đầu.",
    "leaving": "Đang tải…",
    # --- numbers
    "numbers": "Đang nguy hiểm? Gọi ngay",
    "numbers_note": "Bấm vào số để gọi. Nếu không tiện nói, bạn nhắn ở bên dưới.",
    # --- beginning
    "talk": "Nhắn tin",
    "intro": "Bạn chọn một dòng để bắt đầu. Không cần tên, không cần số điện thoại, không cần tài khoản.",
    "unspoken": "Máy ở đây chưa trả lời được bằng tiếng này. Người trực sẽ thấy bạn muốn nói tiếng gì.",
    "first": "Chọn một dòng để bắt đầu",
    "first_danger": "Đang nguy hiểm",
    "first_danger_note": "Hiện số gọi gấp và báo người trực",
    "first_hurt": "Bị đánh, bị làm đau",
    "first_ask": "Hỏi, nói chuyện",
    "said_danger": "Tôi đang gặp nguy hiểm.",
    "said_hurt": "Bị đánh, bị làm đau.",
    "exit_hint": "Cần rời trang gấp: bấm Thoát nhanh ở trên cùng. Lịch sử trình duyệt vẫn còn.",
    # --- the code
    "have_code": "Tôi có mã",
    "code": "Mã của bạn",
    "code_note": "Mã bạn đã ghi lại ở lần trước.",
    "code_send": "Dùng mã này",
    # --- the talk
    "log": "Cuộc nhắn tin",
    "answers": "Các câu trả lời sẵn",
    "listen": "Nghe câu này",
    "me": "Bạn",
    "bot": "Trả lời tự động",
    "person": "Người trực",
    "text": "Viết ở đây",
    "send": "Gửi",
    "look": "Xem trả lời",
    "again": "Gửi lại",
    "location": "Chia sẻ vị trí",
    "location_denied": "Máy không cho biết vị trí. Bạn viết tên xã cũng được.",
    "location_asking": "Đang lấy vị trí…",
    "human": "Đang có người trực nói chuyện với bạn.",
    "human_over": "Bây giờ là trả lời tự động.",
    "sending": "Đang gửi…",
    "waiting": "Đã nhận tin của bạn. Câu trả lời sẽ hiện ở đây.",
    "empty": "Bạn chưa viết gì.",
    "nowhere": "Không có trang này. Đây là trang đầu, bạn bắt đầu từ đây nhé.",
    "not_sent": "Chưa gửi được. Chữ của bạn vẫn còn ở dưới, bấm Gửi để thử lại. Nếu gấp, gọi số ở đầu trang.",
    "not_sent_choice": "Chưa gửi được. Bạn bấm lại lần nữa. Nếu gấp, gọi số ở đầu trang.",
    "not_sent_start": "Chưa bắt đầu được. Bạn bấm lại lần nữa. Nếu gấp, gọi số ở trên.",
    "not_sent_code": "Chưa gửi được mã. Bạn bấm Dùng mã này lần nữa. Nếu gấp, gọi số ở đầu trang.",
    "slow": "Mạng chậm, trang vẫn đang gửi. Nếu gấp, gọi số ở đầu trang.",
    "lost": "Mạng đang chập chờn. Trang tự thử lại.",
    "expired": "Cuộc nhắn này đã đóng. Bạn chọn một dòng để nhắn tiếp, hoặc dùng mã của bạn.",
    "resume": "Tiếp tục",
    "too_big": "Tin này dài quá. Bạn chia làm vài tin ngắn hơn nhé.",
    # --- using the page safely
    "safety": "Dùng trang này cho an toàn",
    "safety_exit": "Nút Thoát nhanh đưa bạn sang một trang khác ngay và đóng cuộc nhắn tin này. Chữ đang viết dở sẽ mất. "
    "Muốn nhắn lại, bạn mở trang này từ đầu; muốn nhắn tiếp chuyện cũ thì cần mã quay lại.",
    "safety_keys": "Trên máy tính, bấm phím Shift ba lần hoặc Esc ba lần cũng thoát được.",
    "safety_history": "Nút này không xóa lịch sử trình duyệt. Nếu có người hay xem máy của bạn, hãy dùng máy khác hoặc cửa sổ "
    "ẩn danh. Xóa sạch toàn bộ lịch sử có thể làm người khác để ý.",
    "safety_keep": "Trang này không lưu gì vào máy của bạn. Đóng trang là hết, trừ khi bạn xin một mã để quay lại.",
    # --- about
    "about": "Ai làm trang này, giữ những gì, xóa thế nào",
    "about_back": "Quay lại",
    "about_who": "Ai làm trang này",
    "about_operator": "Nơi vận hành: {name}.",
    "about_contact": "Liên hệ: {contact}",
    "about_nobody": "Nơi vận hành chưa ghi tên ở đây. Nếu chưa yên tâm, bạn gọi các số ở trên thay cho nhắn ở đây.",
    "about_machine": "Trả lời bạn trước hết là máy, theo các câu đã soạn sẵn. Có lúc có người trực, có lúc không; "
    "máy nói thật với bạn.",
    "about_not_emergency": "Trang này không thay được các số gọi gấp.",
    "about_kept": "Giữ những gì",
    "about_kept_words": "Những gì bạn viết được khóa kín, giữ {days} ngày sau tin cuối của bạn, rồi hủy.",
    "about_kept_figures": "Sau đó còn con số chung, ví dụ có bao nhiêu người nhắn. Sổ ghi việc của người trực giữ một mã số thêm "
    "{ledger} ngày. Không có tên, không có lời nhắn.",
    "about_kept_not": "Chương trình không hỏi tên, không ghi địa chỉ mạng (IP) của máy bạn, không dùng cookie, không gọi tới "
    "trang nào khác.",
    "about_kept_place": "Nếu bạn chia sẻ vị trí, chỉ giữ tên xã, không giữ điểm trên bản đồ.",
    "about_read": "Ai đọc được",
    "about_read_usual": "Thường ngày chỉ có máy. Người trực chỉ đọc khi bạn đồng ý.",
    "about_read_danger": "Có dấu hiệu nguy hiểm ngay lúc này: người trực được gọi và đọc được, máy báo cho bạn biết. "
    "Máy hỏng giữa chừng: một người đọc, để tin của bạn không bị sót.",
    "about_read_nobody": "Ai hỏi bạn có nhắn hay không, chúng tôi không trả lời.",
    "about_erase": "Xóa thế nào",
    "about_erase_word": "Viết “xóa”: cuộc nhắn được ẩn ngay, sau 24 giờ thì hủy. Trong 24 giờ đó, "
    "có mã quay lại thì lấy lại được.",
    "about_erase_code": "Cuộc nhắn cũ không còn mở: dùng mã quay lại để vào, rồi viết “xóa”. Không có mã thì cuộc nhắn tự hủy "
    "sau {days} ngày.",
    "about_erase_danger": "Nếu trước đó có dấu hiệu nguy hiểm, người trực vẫn được gọi.",
    "about_map": "Vị trí một số bệnh viện: © những người đóng góp cho OpenStreetMap (giấy phép ODbL).",
}
