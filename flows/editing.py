"""Help for an editor: the JSON Schema of each kind of file, so that keys complete and mistakes are underlined while typing.

`flows check` stays the judge: a schema knows one file, not whether a step or a variable exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from flows import transcripts
from flows.languages import Language
from flows.manifest import Line, Manifest
from flows.schema import AskType, Flow

DRAFT = "https://json-schema.org/draft/2020-12/schema"

FILES: Mapping[str, tuple[Any, str]] = {
    "flow.schema.json": (Flow, "Một luồng: flows/*.yaml"),
    "set.schema.json": (Manifest, "Cả bộ nội dung: set.yaml"),
    "language.schema.json": (Language, "Một tiếng: languages/*.yaml"),
    "lines.schema.json": (dict[str, Line], "Các số điện thoại quốc gia: lines.yaml"),
    "transcript.schema.json": (transcripts.Transcript, "Một cuộc nhắn mẫu: transcripts/*.transcript.yaml"),
}
"""Schema file name: what it describes, and its title."""

DESCRIPTIONS: Mapping[str, str] = {
    "Flow.flow": "Tên luồng, giống tên tệp, chữ thường không dấu.",
    "Flow.title": "Tên cho người đọc, hiện ở bàn trực và trên hình vẽ.",
    "Flow.start": "Bước đầu tiên.",
    "Flow.on_resume": "Lời chào khi người nhắn quay lại câu đang hỏi sau một lúc im lặng.",
    "Flow.questions": "no thì ở luồng này, hỏi gì cũng không dẫn tới luồng trả lời.",
    "Flow.resume_within": "Ai đang ở luồng này mà im lặng lâu hơn thì được chào như người mới; chỉ rút ngắn được.",
    "Resume.after": "Im lặng ít nhất bao lâu thì chào.",
    "Resume.say": "Lời chào, nói trước khi nhận tin của người nhắn.",
    "Flow.steps": "Các bước, mỗi bước một tên chữ thường không dấu.",
    "Step.say": "Lời nhắn: một đoạn, hoặc danh sách nhiều đoạn gửi riêng. Dùng được {tên_biến} và {line.police}.",
    "Step.note": "Lời dặn người dịch và đồng nghiệp; người nhắn không đọc.",
    "Step.card": "Viết emergency nếu bước này là thẻ số gọi gấp: dòng đầu trung tính, rồi đến các số.",
    "Step.severity": "Nâng mức độ của ca khi đi qua bước này.",
    "Step.category": "Loại việc của ca khi đi qua bước này.",
    "Step.set": "Đặt giá trị cố định cho biến đã khai báo.",
    "Step.choices": "Các lựa chọn: bấm nút, gõ số hoặc gõ nhãn.",
    "Step.consent": "Lời đồng ý mà bước này hỏi (tên trong consents của set.yaml).",
    "Step.many": "Viết true nếu chọn được nhiều điều cùng lúc.",
    "Step.invalid": "Lời nói khi câu gõ vào không khớp lựa chọn nào; nhiều đoạn: mỗi lần một đoạn.",
    "Step.unclear": "Sau mấy lần không hiểu thì đi đâu.",
    "Step.after_card": "Thẻ khẩn cấp chen vào câu này thì sau đó đi tiếp ở bước nào, không hỏi lại.",
    "Step.ask": "Câu hỏi trả lời bằng chữ; viết gọn được như “ask: place”.",
    "Step.do": "Việc nhờ máy chủ: tìm dịch vụ, hỏi ai đang trực, tạo mã quay lại…",
    "Step.with": "Các chi tiết của việc ở “do”.",
    "Step.call": "Chạy một luồng khác rồi đi tiếp ở “next”.",
    "Step.handover": "Gọi một người thật; đợi đến khi nói chuyện xong.",
    "Step.remind": "Nhắn lại một lần, vào giờ người nhắn chọn; chỉ khi đã đồng ý.",
    "Step.refer": "Nhờ bàn trực giới thiệu tới một nơi giúp; chỉ khi đã đồng ý.",
    "RemindPart.say": "Lời nhắc: ai đọc được cũng không biết chuyện gì.",
    "RemindPart.at": "Biến giữ giờ mà người nhắn chọn.",
    "RemindPart.days": "Mấy ngày nữa (1 đến 14).",
    "RemindPart.consent": "Lời đồng ý mà bước này cần (tên trong consents).",
    "ReferPart.needs": "Cần gì: shelter, legal, medical…",
    "ReferPart.need": "Biến (kiểu choice) giữ điều người nhắn cần; dùng thay hoặc cùng với needs.",
    "ReferPart.near": "Biến giữ xã của người nhắn.",
    "ReferPart.share": "Điều được nói lại với nơi giúp (commune, age, need…), và biến giữ điều đó; ngoài ra không nói gì.",
    "ReferPart.consent": "Lời đồng ý mà bước này cần (tên trong consents).",
    "Step.end": "Kết thúc cuộc nhắn, với một từ nói kết quả.",
    "Step.return": "Viết true: quay về luồng đã gọi, hoặc câu hỏi đang dở.",
    "Step.save": "Biến giữ câu trả lời.",
    "Step.next": "Bước tiếp theo, hoặc danh sách nhánh kết thúc bằng else.",
    "Step.within": "Của call: quá bấy lâu mà luồng được gọi chưa quay về thì đi đâu.",
    "Step.silence": "Khi im lặng quá lâu thì đi đâu.",
    "Choice.label": "Chữ trên nút, ngắn.",
    "Choice.goto": "Bước đi tới; bỏ trống thì theo “next” của bước.",
    "Choice.severity": "Nâng mức độ khi chọn.",
    "Choice.category": "Loại việc khi chọn.",
    "Choice.set": "Đặt giá trị cho biến khi chọn.",
    "Choice.also": "Những lời khác (cả tin nhắn) cũng là chọn dòng này.",
    "Choice.score": "Điểm cộng khi chọn, theo biến.",
    "Ask.type": "Loại câu trả lời.",
    "Ask.invalid": "Lời nói khi không hiểu câu trả lời; bỏ trống thì dùng câu chung.",
    "Ask.tries": "Số lần không hiểu trước khi đi tới “skip” (1 đến 10).",
    "Ask.skip": "Bước đi tới khi người nhắn bỏ qua.",
    "Ask.side": "Với ngày: nhận ngày đã qua (past), sắp tới (future) hay cả hai (any).",
    "Unclear.tries": "Số lần không hiểu (1 đến 10).",
    "Unclear.goto": "Bước đi tới sau đó.",
    "Score.name": "Tên biến điểm.",
    "Score.add": "Số điểm cộng thêm.",
    "Score.why": "Vì sao: dòng người trực đọc được.",
    "Silence.after": "Im lặng bao lâu: 30s, 10m, 2h.",
    "Silence.goto": "Bước đi tới khi đó.",
    "Branch.when": "Điều kiện, ví dụ {about: me} hoặc {services: empty}.",
    "Branch.goto": "Bước đi tới khi điều kiện đúng.",
    "Branch.else": "Bước đi tới khi không điều kiện nào đúng; luôn đứng cuối.",
    "HandoverPart.desk": "Bàn trực; auto là theo địa bàn.",
    "HandoverPart.reason": "Lý do, một từ không dấu.",
    "HandoverPart.on_release": "Bước đi tới khi nói chuyện xong.",
    "Manifest.set": "Tên bộ nội dung.",
    "Manifest.language": "Ngôn ngữ của lời viết trong tệp, ví dụ vi.",
    "Manifest.entry": "Luồng của lần nhắn đầu tiên.",
    "Manifest.resume_within": "Im lặng lâu hơn thì được chào như người mới: 30m, 1h.",
    "Manifest.utc_offset": "Múi giờ để hiểu “hôm nay”, như +07:00.",
    "Manifest.moved": "Bước (hoặc luồng) của bản cũ nay ở đâu: người đang đứng đó đi theo.",
    "Manifest.interrupts": "Từ chung và sự kiện dẫn tới luồng nào.",
    "Manifest.words": "Các từ chung, gõ ở đâu cũng được hiểu.",
    "Manifest.answers": "Lời trả lời thường ngày không phải nhãn nào (“thôi”, “cảm ơn”), theo nhóm.",
    "Answer.choices": "Mã của những lựa chọn mà lời đó chỉ tới; bước có mã nào đứng trước thì lấy mã đó.",
    "Answer.farewell": "Nói sau câu chào của máy thì chỉ là lời chào lại.",
    "Answer.labels": "Lựa chọn có nhãn là một lời trong nhóm thì lấy trước.",
    "Answer.words": "Các lời đó, cả tin nhắn; nhóm yes, no còn nhận mọi cách nói có, không.",
    "Manifest.wishes": "Các cách xin được nói chuyện với ai.",
    "Manifest.consents": "Các lời đồng ý mà một bước có thể hỏi.",
    "Manifest.variables": "Mọi biến của mọi luồng; không khai báo thì không lưu được.",
    "Manifest.phrases": "Những câu máy tự nói ngoài các bước.",
    "Variable.type": "Loại biến.",
    "Variable.values": "Các giá trị của biến kiểu choice.",
    "Variable.shown": "Mỗi giá trị đọc ra thế nào.",
    "Variable.label": "Tên trên thẻ tóm tắt của người trực; bỏ trống thì không hiện.",
    "Variable.min": "Số nhỏ nhất.",
    "Variable.max": "Số lớn nhất.",
    "Variable.identifying": "yes nếu có thể nhận ra người nhắn: phải hỏi đồng ý trước.",
    "Variable.thresholds": "Từ bao nhiêu điểm thì nâng lên mức nào.",
    "Manifest.questions": "Hỏi điều gì thì dẫn tới luồng nào; tên là dấu hiệu của sàng lọc.",
    "Questions.law_asked": "Luồng khi hỏi về luật.",
    "Questions.privacy_asked": "Luồng khi hỏi về giữ kín.",
    "Questions.materials_asked": "Luồng khi xin tài liệu.",
    "Questions.service_asked": "Luồng khi hỏi nơi giúp.",
    "Interrupts.help": "Luồng của từ “cứu”, “sos”.",
    "Interrupts.human": "Luồng của từ “gặp người”.",
    "Interrupts.stop": "Luồng của từ “dừng”.",
    "Interrupts.delete": "Luồng của từ “xóa”.",
    "Interrupts.danger": "Luồng khi sàng lọc thấy nguy hiểm.",
    "Interrupts.concern": "Luồng khi sàng lọc thấy đáng lo, một lần mỗi cuộc.",
    "Interrupts.released": "Luồng sau khi nói chuyện với người xong.",
    "Interrupts.language": "Luồng chọn tiếng; cần có khi bộ có từ hai tiếng trở lên.",
    "Words.help": "Từ xin cứu giúp.",
    "Words.stop": "Từ dừng lại.",
    "Words.delete": "Từ xóa hết.",
    "Words.human": "Từ xin gặp người.",
    "Words.back": "Từ quay lại câu trước.",
    "Words.repeat": "Từ xin nhắc lại câu hỏi.",
    "Words.language": "Từ xin đổi sang tiếng khác.",
    "Language.language": "Mã ISO 639 của tiếng này, giống tên tệp: en, hmn.",
    "Language.name": "Tên tiếng này, viết bằng chính tiếng đó, hiện trên nút.",
    "Language.called": "Các cách gọi khác mà người ta có thể gõ.",
    "Language.enabled": "yes khi máy nói được tiếng này: đã dịch đủ, đã được người bản ngữ đọc lại.",
    "Language.audio_first": "yes nếu ít người đọc được chữ: mọi câu cần bản ghi âm.",
    "Language.first_contact": "Những từ mà lượt đầu tiên phải có, để flows check kiểm tra được.",
    "Language.yes": "Những câu trả lời nghĩa là có.",
    "Language.no": "Những câu trả lời nghĩa là không.",
    "Language.words": "Các từ chung gõ bằng tiếng này.",
    "Language.answers": "Lời thường ngày bằng tiếng này, theo các nhóm trong set.yaml.",
    "Language.wishes": "Các cách xin được nói chuyện với ai, bằng tiếng này.",
    "Wishes.woman": "Lời xin gặp người trực là nữ.",
    "Wishes.another": "Lời xin đổi sang người trực khác.",
    "Wishes.before": "Lời lịch sự có thể đứng trước, như “em muốn”.",
    "Wishes.after": "Lời lịch sự có thể đứng sau, như “được không ạ”.",
    "FirstContact.machine": "Từ nói rằng đây là máy.",
    "FirstContact.safe": "Từ hỏi lúc này nhắn tin có an toàn không.",
    "SpokenWords.help": "Từ xin cứu giúp.",
    "SpokenWords.stop": "Từ dừng lại.",
    "SpokenWords.delete": "Từ xóa hết.",
    "SpokenWords.human": "Từ xin gặp người.",
    "SpokenWords.language": "Từ xin đổi sang tiếng khác.",
    "SpokenWords.back": "Từ quay lại câu trước.",
    "SpokenWords.repeat": "Từ xin nhắc lại câu hỏi.",
    "Line.number": "Số điện thoại, viết trong ngoặc kép.",
    "Line.name": "Tên đường dây.",
    "Line.who": "Ai nghe máy, một dòng cho người nhắn.",
    "Line.hours": "Giờ trực.",
    "Line.cost": "Cước gọi.",
    "Line.emergency": "yes nếu nằm trên thẻ số gọi gấp.",
    "Line.source": "Nguồn của số này.",
    "Line.checked_on": "Ngày kiểm tra gần nhất.",
    "Line.check_by": "Phải kiểm tra lại trước ngày này.",
    "Transcript.transcript": "Cuộc nhắn mẫu này cho thấy điều gì.",
    "Transcript.language": "Cuộc nhắn bắt đầu bằng tiếng này; bỏ trống là tiếng của bộ.",
    "Transcript.world": "Thế giới quanh cuộc nhắn: giờ, có người trực không.",
    "Transcript.turns": "Từng lượt một.",
    "Transcript.end": "Tình trạng sau lượt cuối.",
    "Turn.say": "Người nhắn gõ.",
    "Turn.choose": "Người nhắn bấm nút đang hiện (nhãn).",
    "Turn.choose_old": "Người nhắn bấm một nút của câu trước.",
    "Turn.silence": "Im lặng bao lâu: 10m.",
    "Turn.share": "Người nhắn gửi vị trí trong xã này (mã 5 số).",
    "Turn.unsupported": "yes: gửi tin thoại, ảnh hoặc hình dán.",
    "Turn.release": "yes: người trực kết thúc cuộc nói chuyện.",
    "Turn.expect": "Lượt này phải cho ra điều gì; chỉ điều viết ra mới được xem.",
    "Expect.says": "Những đoạn chữ phải có trong lời đáp.",
    "Expect.not_says": "Những đoạn chữ không được có.",
    "Expect.choices": "Các nút phải hiện (có thể còn nút khác).",
    "Expect.step": "Đang đứng ở bước nào: luồng.bước.",
    "Expect.severity": "Mức độ của ca đến lúc này.",
    "Expect.effects": "Những việc phải xảy ra.",
    "Expect.status": "Đang đợi, đã chuyển cho người, hay đã kết thúc.",
    "World.on_duty": "yes nếu có người đang trực.",
    "World.code_known": "yes nếu mã quay lại được nhận ra.",
    "World.can_remind": "no nếu kênh này không tự nhắn được (trang web).",
    "World.services": "[] nếu không có dịch vụ nào phù hợp.",
    "World.at": "Giờ bắt đầu, như 02:00.",
    "EndState.status": "Đang đợi, đã chuyển cho người, hay đã kết thúc.",
    "EndState.variables": "Giá trị của các biến; empty là không có gì.",
}
"""What an editor shows beside a key, in the language of those who write. Named as "Model.key"; a test wants every key here
(or a description at the field itself).
"""


class _AsWritten(GenerateJsonSchema):
    """The shapes people may write, where they are wider than what a model holds in the end."""

    def timedelta_schema(self, schema: Any) -> JsonSchemaValue:
        """Durations are written 30s, 10m or 2h."""
        return {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smh]$"}

    def bool_schema(self, schema: Any) -> JsonSchemaValue:
        """Editors read `yes` as a word."""
        return {"enum": ["yes", "no", True, False]}

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:
        """A text where a list is meant, `ask: place`, `return: true`."""
        inner = self.generate_inner(schema["schema"])
        name = getattr(schema["function"].get("function"), "__name__", "")
        if name in ("as_list", "_as_list") and "items" in inner:
            return {"anyOf": [inner["items"], inner]}
        if name == "_ask_by_name":
            return {"anyOf": [{"enum": [kind.value for kind in AskType]}, inner]}
        if name == "_true":
            return {"enum": [True, "yes"]}
        return inner


def schemas() -> dict[str, JsonSchemaValue]:
    """The schemas by file name, each whole in itself."""
    return {name: _schema(kind, title) for name, (kind, title) in FILES.items()}


def undescribed() -> list[str]:
    """Keys that no description was written for, as "Model.key"."""
    found = set()
    for kind, _ in FILES.values():
        for name, value in _keys(_described(kind)):
            if "description" not in value:
                found.add(name)
    return sorted(found)


def _schema(kind: Any, title: str) -> JsonSchemaValue:
    return {"$schema": DRAFT, **_described(kind), "title": title}


def _described(kind: Any) -> JsonSchemaValue:
    made = TypeAdapter(kind).json_schema(by_alias=True, schema_generator=_AsWritten, mode="validation")
    for name, value in _keys(made):
        described = DESCRIPTIONS.get(name)
        if described is not None:
            value["description"] = described
        value.pop("title", None)
    return made


def _keys(made: JsonSchemaValue) -> list[tuple[str, dict[str, Any]]]:
    """Every key of a schema and of the models below it, as "Model.key"."""
    models = [(made.get("title", ""), made), *made.get("$defs", {}).items()]
    return [(f"{model}.{key}", value) for model, tree in models for key, value in tree.get("properties", {}).items()]
