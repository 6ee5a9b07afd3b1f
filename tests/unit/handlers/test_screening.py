"""The danger check: what it must see in every spelling, what it must leave alone, how it explains itself, how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from functools import cache

import pytest

from flows.loader import read_dir
from flows.severity import Severity
from handlers.rules.reading.english import EnglishWords, Tongue
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.kinds import Kinds
from handlers.rules.reading.loading import load_lexicon
from handlers.rules.reading.place_names import PlaceNames
from handlers.rules.reading.points import Points
from handlers.rules.reading.variants import VARIANTS
from handlers.rules.reading.vocabulary import Vocabulary
from handlers.rules.reading.words import clean, cut
from handlers.rules.screening import PROBE, Screening, Verdict
from tests.unit.handlers.screening_sample import CONTENT, ENGLISH, ROOT, messages, score, score_typed, shipped

E, U, S, INFO, NONE = (Severity(name) for name in ("emergency", "urgent", "standard", "info", "none"))


@cache
def screening() -> Screening:
    return shipped()


def read(text: str) -> Verdict:
    return screening().read(text)


def names(verdict: Verdict) -> set[str]:
    return {sign.name for sign in verdict.signs}


# --- one message, many spellings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Chồng em đang đánh em, cứu em với",
        "chong em dang danh em, cuu em voi",
        "ck e dg đáh e, kứu e vs",
        "choongf em ddang ddanhs em, cuwus em vowis",
        "CHỒNG EM ĐANG ĐÁNH EM",
        "chồng em đang đánhhh em, cứuuuu",
        "chồngem đangđánh em",
        "chồng em đang đ.á.n.h em",
        "ch\u1ed3ng em \u200bđang đánh\u200d em",
        "c ứ u em",
        "🆘",
        "chong62 em d9ang d9anh1 em",
        unicodedata.normalize("NFD", "Chồng em đang đánh em"),
    ],
)
def test_the_same_cry_in_every_spelling(text: str):
    assert read(text).severity is E


@pytest.mark.parametrize(
    "text", ["tu van vien", "gap tu van", "cho em gap tu van vien", "toi can tu van", "xin tu van a"]
)
def test_asking_for_a_counsellor_without_accents_is_no_wish_to_die(text: str):
    assert "suicide" not in names(read(text))


@pytest.mark.parametrize("text", ["toi muon tu van", "em muon tu van cho xong", "tôi cần tự vẫn", "chi toi tu van roi"])
def test_words_that_may_mean_taking_ones_life_still_do(text: str):
    assert "suicide" in names(read(text))


@pytest.mark.parametrize("text", ["có ai ở đó không", "alo co ai o day khong a"])
def test_knocking_at_the_door_is_no_search_for_somebody(text: str):
    verdict = read(text)
    assert (verdict.severity, verdict.is_place_probe) == (S, False)
    assert read(text.replace("không", "tên Hoa không").replace("khong", "ten Hoa khong")).is_place_probe


@pytest.mark.parametrize(
    ("text", "severity", "sign"),
    [
        ("Nó đang đạp cửa phòng", E, "attacker_near"),
        ("Chồng em cầm dao đuổi em", E, "weapon"),
        ("Tối nay nó sẽ giết em", E, "threat_to_kill"),
        ("Sáng nay nó bóp cổ em", E, "strangling"),
        ("Chồng em từng bóp cổ em, vẫn sống chung", U, "strangling"),
        ("Em đang bầu 6 tháng, nó đá vào bụng, giờ ra máu", E, "injured"),
        ("Em vừa uống cả vỉ thuốc ngủ", E, "suicide"),
        ("Em chẳng thiết sống nữa", U, "suicide"),
        ("Chồng xích chân em trong nhà", E, "trapped"),
        ("Em bị lừa bán sang Trung Quốc, không biết đây là đâu", E, "trafficking"),
        ("Mai bố mẹ bắt cháu cưới, nhốt cháu trong buồng", E, "forced_marriage"),
        ("Nó vừa hiếp em xong", E, "sexual_violence"),
        ("Bố hay đánh cháu bằng roi", U, "child"),
        ("Tối nay em không biết ngủ ở đâu, bị đuổi khỏi nhà", U, "no_safe_bed"),
        ("Bạn trai cũ dọa tung ảnh nóng của em", U, "images"),
        ("Vợ tôi có nhắn tin cho bên này không?", U, "place_probe"),
        ("Em sợ quá", U, "fear"),
        ("Chồng em suốt ngày chửi em", S, "control"),
    ],
)
def test_the_sign_is_named(text: str, severity: Severity, sign: str):
    verdict = read(text)
    assert verdict.severity is severity
    assert sign in names(verdict)


# --- what looks like danger and is none ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "em cầm dao thái rau bị xước tí",
        "cười chết mất thôi haha",
        "mệt muốn chết vì bài tập",
        "chơi điện thoại giết thời gian",
        "Trong phim thằng chồng cầm dao giết vợ sợ thật",
        "Chơi liên quân bị nó giết mấy mạng",
        "phun thuốc diệt cỏ cho nương ngô mấy lần một vụ",
        "nhốt gà lại kẻo nó phá rau",
        "Chồng em không đánh em đâu, nhà em hòa thuận lắm",
        "vợ chồng em đánh cầu lông mỗi tối",
        "xin chào",
        "",
        "   ",
        "asdfghjkl",
        "😀😀😀",
    ],
)
def test_left_alone(text: str):
    assert read(text).severity in (NONE, INFO)


# What people answer to the bot's own questions, and what stands on its buttons: once called an emergency or a wish to die.
HARMLESS_ANSWERS = [
    "tư vấn ẩn danh",
    "dành cho bạn trẻ",
    "sạt lở",
    "Tiền bị giữ",
    "Đưa con đi cùng",
    "nhờ người khác gọi giúp",
    "chuyện của người khuyết tật",
    "em xem số gọi gấp",
    "xe bị giữ ở công an phường, lấy lại thế nào",
    "mai họp phụ huynh nhớ đưa con đi cùng",
]


@pytest.mark.parametrize("spelling", list(VARIANTS))
@pytest.mark.parametrize("text", HARMLESS_ANSWERS)
def test_a_harmless_answer_rings_nobody_however_it_is_typed(text: str, spelling: str):
    typed = VARIANTS[spelling](text, 0)
    for written in (typed, typed.upper(), f"{typed}, {typed}", f"dạ {typed} ạ"):
        verdict = read(written)
        assert verdict.severity is not E, written
        assert not names(verdict) & {"suicide", "trapped", "child", "violence", "other_danger"}, written


@pytest.mark.parametrize(
    "text",
    [
        "giờ em đang ở nhà mẹ đẻ",
        "đây có phải tổng đài không",
        "chồng em đi nương rồi",
        "tôi là cô giáo ở xã Nậm Hăn",
        "em đi bộ ra đường",
    ],
)
def test_a_plain_answer_is_nothing_urgent_however_it_is_typed(text: str):
    for spelling, write in VARIANTS.items():
        assert not read(write(text, 0)).severity.at_least(U), spelling


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("nhà em bị sạt lở rồi", E),
        ("sạt lở vùi mất nhà hàng xóm", E),
        ("em đang bị giữ", E),
        ("em bị giữ ở trong nhà này, họ không cho về", E),
        ("em đưa con đi cùng luôn, sống làm gì nữa", E),
        ("tối nay em đưa con đi theo, vĩnh biệt mọi người", E),
        ("họ giữ giấy tờ, em không biết đây là đâu", E),
        ("làm ơn mau với", E),
        ("không thể nói chuyện, xin giúp", E),
        ("máu nhiều quá không cầm được", E),
        ("bố đánh cho con sưng chân", U),
        ("em muốn tự vẫn", U),
    ],
)
def test_the_same_words_in_danger_still_ring(text: str, severity: Severity):
    for spelling, write in VARIANTS.items():
        assert read(write(text, 0)).severity.at_least(U if spelling == "none" else severity), spelling


def test_a_denied_act_takes_away_only_that_act():
    verdict = read("nó không đánh em nữa nhưng ngày nào cũng mắng nhiếc")
    assert verdict.severity is S
    assert "violence" not in names(verdict)


def test_a_comma_ends_a_denial():
    assert read("Em không gọi được, cứu em").severity is E


def test_the_past_that_is_over_is_not_urgent():
    assert read("Ngày xưa chồng cũ hay đánh em, em ly hôn 5 năm rồi, giờ vẫn buồn").severity is S


def test_own_fear_is_no_hypothetical_and_an_impersonal_question_is_information():
    assert read("Nếu biết em nhắn thế này anh ta giết em mất").severity is U
    assert read("Nếu thấy hàng xóm đánh vợ thì gọi ai").severity is INFO
    assert read("Chồng đánh vợ bị phạt bao nhiêu tiền").severity is INFO
    assert read("Chồng em đánh em thì bị phạt thế nào").severity is S


def test_a_third_person_counts_like_herself():
    assert read("Chị dâu em bị anh trai em đánh nằm bất tỉnh").severity is E


def test_film_words_do_not_hide_her_own_case():
    assert read("Em đang xem phim thì chồng về cầm dao đuổi em").severity is E


def test_cooking_words_do_not_hide_an_attack():
    assert read("em đang nấu cơm thì chồng cầm dao đuổi chém em").severity is E


def test_a_retraction_or_a_joke_in_the_same_message():
    verdict = read("Em nhắn nhầm, không có gì đâu ạ")
    assert (verdict.severity, verdict.is_retraction) == (NONE, True)
    assert read("SOS, test hệ thống thôi nhé").severity is NONE
    assert read("Nó cầm dao đuổi em, không phải đùa đâu").severity is E


def test_laughing_letters_alone_are_no_joke():
    assert read("chồng em đang đánh em haha").severity is E


@pytest.mark.parametrize(
    "text",
    [
        "Vợ tôi có nhắn tin cho bên này không?",
        "cho toi xin dia chi nha tam lanh",
        "Tôi là công an huyện, đề nghị cung cấp thông tin người đã nhắn tối qua",
        "vk e có ib cho bên này ko",
        "con tao đâu",
        "con tôi có nhắn gì cho các chị không",
        "gửi lại cho em đoạn chat hôm qua",
        "tôi là phóng viên, cho xin định vị nhà bình yên để quay",
        "anh là công an đây, đưa danh sách những người nhắn hôm qua",
        "các chị đang giấu vợ tôi ở đâu",
        "chỉ đường cho em tới chỗ chị ấy đang ở",
    ],
)
def test_a_probe_is_recognised_in_every_spelling(text: str):
    for spelling, write in VARIANTS.items():
        verdict = read(write(text, 0))
        assert verdict.is_place_probe, spelling
        assert verdict.severity.at_least(U), spelling
        assert verdict.category == PROBE, spelling


@pytest.mark.parametrize(
    "text",
    [
        "con gái em bị lừa sang Trung Quốc, nó mới nhắn là đang bị nhốt, không biết đang ở đâu",
        "em gái em mất tích ba ngày rồi, quen một người qua mạng rủ đi làm, giúp em tìm với",
        "con gái tôi 15 tuổi mất tích hai hôm nay, có người rủ sang Trung Quốc, các chị có biết cháu ở đâu không",
    ],
)
def test_who_reports_somebody_taken_away_is_no_probe(text: str):
    for spelling, write in VARIANTS.items():
        verdict = read(write(text, 0))
        assert verdict.severity.at_least(U if spelling == "teencode" else E), spelling
        assert verdict.category == "trafficking_forced_marriage", spelling


@pytest.mark.parametrize(
    ("harmless", "danger"),
    [
        ("Khóa cửa nhốt con chó lại không nó chạy mất", "khóa cửa nhốt em lại không cho ra, nhốt cả con chó"),
        ("con nghé bị trói chân để tiêm, nó kêu inh ỏi", "em bị trói chân trong chuồng trâu, nó đang mài dao"),
        ("máy tính bị treo rồi bị nó khóa màn hình", "điện thoại bị nó khóa rồi, nó đang đập cửa phòng em"),
        ("đội mình thủng lưới bốn quả, bị nó đánh cho tơi tả", "đội mình thua, chồng em về đang đánh em"),
        ("văn 12 cho phân tích cảnh A Phủ bị trói đứng", "đang học bài thì bố xông vào trói con lại đánh"),
        ("phim tối qua hay cực, thằng kia cầm súng bắn cả nhà", "xem phim thì bố xông vào cầm dao đuổi em"),
        ("con boss này trâu thế, cứu tao với", "nó chơi game thua, đang bóp cổ em, cứu em với"),
        ("hôm nay sếp giết tụi mình bằng ba cuộc họp", "hôm nay nó sẽ giết em"),
    ],
)
def test_a_harmless_frame_hides_its_own_words_and_no_danger(harmless: str, danger: str):
    assert read(harmless).severity is not E
    assert read(danger).severity is E


@pytest.mark.parametrize(
    ("text", "severity", "sign"),
    [
        ("he has a knife", E, "weapon"),
        ("he said he will kill me tonight", E, "threat_to_kill"),
        ("my husband beat me just now", E, "in_progress"),
        ("he's outside my door", E, "attacker_near"),
        ("he choked me last night", E, "strangling"),
        ("i took all the pills", E, "suicide"),
        ("he won't let me out", E, "trapped"),
        ("plz help me", E, "sos"),
        ("MY HUSBNAD IS HITTING ME", E, "in_progress"),
        ("i want to die", U, "suicide"),
        ("did my wife write to you", U, "place_probe"),
        ("where is the shelter", U, "place_probe"),
        ("i need help with my anger", S, "own_violence"),
        ("my husband slapped me once", S, "violence"),
        ("what is the penalty for beating your wife", INFO, "law_asked"),
    ],
)
def test_english_is_read_too(text: str, severity: Severity, sign: str):
    for written in (text, text.upper(), f"{text}. {text}"):
        verdict = read(written)
        assert verdict.severity is severity
        assert sign in names(verdict)
        assert all(piece in written for found in verdict.signs for piece in found.words.split(" … "))


@pytest.mark.parametrize(
    "text",
    [
        "this heat is killing me",
        "he beat me at chess",
        "I would kill for a coffee",
        "my husband never hits me, he is kind",
        "we need a sharp knife to cut the meat",
        "places that help",
        "find a hospital near me",
        "my mother tongue is Hmong",
        "sorry wrong number",
        "yes please",
    ],
)
def test_harmless_english_rings_nobody(text: str):
    assert not read(text).severity.at_least(S)


def test_danger_in_either_language_of_one_text_is_seen():
    assert read("hello chị ơi, chồng em đang cầm dao đuổi em").severity is E
    assert read("chồng em say rồi, he has a knife, please help").severity is E


@pytest.mark.parametrize(
    ("text", "tongue"),
    [
        ("he has a knife", Tongue.ENGLISH),
        ("he hit me", Tongue.BOTH),
        ("em o nha me", Tongue.VIETNAMESE),
        ("chong em dang danh em", Tongue.VIETNAMESE),
        ("choongf em ddang ddanhs em, his nos has", Tongue.VIETNAMESE),
        ("mẹ em ok", Tongue.VIETNAMESE),
        ("", Tongue.VIETNAMESE),
    ],
)
def test_english_is_told_from_vietnamese_without_accents(text: str, tongue: Tongue):
    files = {name: content for name, content in read_dir(CONTENT).items() if "lexicon/english/" in name}
    lexicon = load_lexicon({name: files[name] for name in files if name.endswith(".yaml")}, has_accents=False)
    assert EnglishWords(lexicon.vocabulary).tongue(text) is tongue


def test_the_english_lexicon_is_optional():
    files = {name: content for name, content in read_dir(CONTENT).items() if "/english/" not in name}
    assert Screening.load(files).read("chồng em đang đánh em").severity is E


# --- what the points may do ---------------------------------------------------------------------------------------


def test_points_raise_what_the_rules_found_and_never_lower_it():
    places = PlaceNames.load("places.csv", (CONTENT / "lexicon" / "places.csv").read_bytes())
    by_rules = Screening(screening().lexicon, Points({}), Kinds({}), places=places)
    for message in messages()[::4]:
        for write in VARIANTS.values():
            text = write(message.text, 0)
            assert read(text).severity.at_least(by_rules.read(text).severity), text


def test_two_words_in_a_row_weigh_only_beside_each_other_and_in_one_sentence():
    vocabulary = Vocabulary(["a"], {"ca": ("công an",), "a": ("a",)})
    points = Points({"(start)": (-100, 0, 0, 0), "bi nhot": (150, 0, 0, 0), "cong an": (150, 0, 0, 0)})

    def pieces(text: str) -> list[str]:
        tokens = cut(clean(text), vocabulary)
        weighing = points.weigh(tokens, [])
        if "points_emergency" not in weighing.signs:
            return []
        return [text[tokens.start(at) : tokens.end(to - 1)] for at, to in weighing.pieces("points_emergency")]

    assert pieces("em bị nhốt rồi") == ["bị nhốt"]
    assert pieces("goi cong an") == ["cong an"]
    assert pieces("bị nó nhốt") == pieces("em bị. nhốt") == pieces("nhốt bị") == []


def test_the_same_text_gives_the_same_verdict_in_every_process():
    """A slip that may be one of several words: which is taken first must not hang on the order of a set."""
    texts = [
        "toio buocoj daya xong roiof, nhawns lowif cuoios",
        "eps tooi ngủ với chij, chij ấy sowf toio hai lanaf rồi",
    ]
    program = (
        "import sys; from tests.unit.handlers.screening_sample import CONTENT, shipped; s = shipped();"
        "print([s.read(text) for text in sys.argv[1:]])"
    )
    verdicts = {
        subprocess.run(
            [sys.executable, "-c", program, *texts],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(verdicts) == 1


# --- explanation --------------------------------------------------------------------------------------------------


def test_the_words_are_a_piece_of_what_was_typed():
    text = "ck e dg cầm dao đuổi e"
    for sign in read(text).signs:
        assert all(piece in text for piece in sign.words.split(" … "))
        assert sign.words


def test_json_is_what_the_command_line_promises():
    values = read("Chồng em cầm dao đuổi em").to_json()
    assert set(values) == {"severity", "category", "signs"}
    assert set(values["signs"][0]) == {"name", "words", "rule"}  # type: ignore[index]
    json.dumps(values)


def test_every_rule_of_the_guideline_has_a_message():
    rules = {message.rule for message in messages()}
    wanted = {f"E{n}" for n in range(1, 12) if n != 9} | {
        f"U{n}" for n in range(1, 14)
    }  # E9 is any of the others, seen
    wanted |= {f"S{n}" for n in range(1, 11)} | {f"I{n}" for n in range(1, 5)} | {f"N{n}" for n in range(1, 5)}
    assert wanted <= rules


# --- the development set ------------------------------------------------------------------------------------------

TUNING_FLOOR = {"accents": 0.97, "none": 0.95, "teencode": 0.93, "telex": 0.90}
HELD_OUT_FLOOR = {"accents": 0.9, "none": 0.9, "teencode": 0.88, "telex": 0.88}


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_the_tuning_part_stays_read_well(variant: str):
    got = score(screening(), [message for message in messages() if not message.held_out], variant)
    assert got.recall >= TUNING_FLOOR[variant]
    assert got.lost <= 0.01 * got.emergencies
    assert got.urgent_lost <= 0.04 * got.urgent
    assert got.false_alarm_rate <= 0.04
    assert got.probes_found >= 0.9 * got.probes


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_the_held_out_part_is_read_well_enough(variant: str):
    got = score(screening(), [message for message in messages() if message.held_out], variant)
    assert got.recall >= HELD_OUT_FLOOR[variant]
    assert got.urgent_lost <= 0.08 * got.urgent
    assert got.false_alarm_rate <= 0.12


@pytest.mark.parametrize("held_out", [False, True])
def test_english_stays_read_well(held_out: bool):
    part = [(one, one.text) for one in messages(ENGLISH) if one.held_out == held_out]
    got = score_typed(screening(), part)
    assert got.recall >= (0.9 if held_out else 0.97)
    assert got.lost == 0
    assert got.urgent_lost == 0
    assert got.false_alarms == 0
    assert got.probes_found == got.probes


# --- limits and bad data ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a" * 100_000, "đánh em " * 12_500, "\u0000\u202e" * 50_000, "chồng, " * 14_000])
def test_a_hundred_thousand_characters_are_read(text: str):
    read(text)


def test_danger_at_the_end_of_a_long_letter_is_seen():
    assert read("hôm nay trời đẹp. " * 3_000 + "chồng em đang cầm dao đuổi em").severity is E


def test_a_long_letter_shows_the_signs_of_all_its_parts():
    padding = "hôm nay trời đẹp. " * 200
    verdict = read(
        f"em đang mang thai, chồng đánh em. {padding} chồng em đang cầm dao đuổi em. {padding} anh ấy bóp cổ em"
    )
    assert verdict.severity is E
    assert {"weapon", "pregnant", "strangling"} <= names(verdict)
    assert verdict.signs[0].rule.startswith("E")
    assert len({(sign.name, sign.rule) for sign in verdict.signs}) == len(verdict.signs)


RULES = b"""
groups:
  negators: [kh\xc3\xb4ng]
  hit: {negatable: yes, phrases: [\xc4\x91\xc3\xa1nh]}
signs:
  violence: [<hit> .. em]
rules:
  - {rule: S2, severity: standard, sign: violence, all: [violence], category: dv_physical}
"""


def test_a_small_lexicon_works():
    small = Screening.load({"lexicon/a.yaml": RULES, "flows/x.yaml": b"not: ours"})
    assert small.read("nó đánh em").severity is S
    assert small.read("no danh em").severity is S
    assert small.read("nó không đánh em").severity is NONE


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (RULES.replace(b"<hit>", b"<hits>"), "lexicon/a.yaml:6:14: unknown-group"),
        (RULES.replace(b"all: [violence]", b"all: [violense]"), "lexicon/a.yaml:8:58: unknown-sign"),
        (RULES.replace(b"standard", b"severe"), "lexicon/a.yaml:8:5: bad-rule"),
        (RULES.replace(b"dv_physical", b"dv_fysical"), "lexicon/a.yaml:8:5: unknown-category"),
        (RULES.replace(b"rules:", b"rulez:"), "lexicon/a.yaml:7:1: unknown-key"),
        (RULES.replace(b"negatable", b"negatible"), "lexicon/a.yaml:4:9: unknown-key"),
        (RULES + b"  - [", "lexicon/a.yaml:"),
        (b"\xff\xfe", "lexicon/a.yaml:1:1: not-utf8"),
    ],
)
def test_bad_data_is_refused_with_its_place(content: bytes, complaint: str):
    with pytest.raises(LexiconError) as refused:
        Screening.load({"lexicon/a.yaml": content})
    assert complaint in str(refused.value)
    assert refused.value.findings


@pytest.mark.parametrize(
    "table", [b"", b"word,1\n", b"cue,emergency,urgent,standard\nx,1,2\n", b"cue,emergency,urgent,standard\nx,1,b,2\n"]
)
def test_a_bad_table_of_points_is_refused(table: bytes):
    with pytest.raises(LexiconError, match=r"lexicon/points\.csv:[12]:1: bad-points"):
        Screening.load({"lexicon/a.yaml": RULES, "lexicon/points.csv": table})


@pytest.mark.parametrize("table", [b"", b"word,1\n", b"cue,dv_physical\nx,1,2\n", b"cue,dv_physical\nx,b\n"])
def test_a_bad_table_of_kinds_is_refused(table: bytes):
    with pytest.raises(LexiconError, match=r"lexicon/kinds\.csv:[12]:1: bad-kinds"):
        Screening.load({"lexicon/a.yaml": RULES, "lexicon/kinds.csv": table})


def test_without_a_lexicon_nothing_is_loaded():
    with pytest.raises(LexiconError, match="no-rules"):
        Screening.load({})


# --- reading words ------------------------------------------------------------------------------------------------


def words_of(text: str) -> list[set[str]]:
    vocabulary = Vocabulary(
        ["đánh", "danh", "chồng", "cứu", "cổ", "có", "cỏ", "@công an", "công", "an"],
        {"ca": ("@công an",), "ck": ("chồng",)},
    )
    known = {number: word for word, number in vocabulary.numbers.items()}
    return [{known[number] for number in reading.words} for reading in cut(clean(text), vocabulary).readings]


def test_of_texts_only_words_of_the_lexicon_and_single_syllables_are_remembered():
    vocabulary = Vocabulary(["cứu"], {})
    read = [reading.words for reading in cut(clean("cứu Zhangwei 0912345678, c ứ u"), vocabulary).readings]
    assert read == [(0,), (), (), (0,)]
    assert set(vocabulary.typed) == {"cứu", "ứ", "u", ","}  # not the name, the number, nor the letters as one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("đánh", [{"đánh"}]),
        ("danh", [{"đánh", "danh"}]),
        ("cổ", [{"cổ"}]),
        ("co", [{"cổ", "có", "cỏ"}]),
        ("cô", [{"cổ"}]),  # a tone left out
        ("cọ", [set()]),  # another word
        ("ddanhs", [{"đánh"}]),
        ("d9anh1", [{"đánh"}]),
        ("chồngg", [{"chồng"}]),
        ("ca ck", [{"@công an"}, {"chồng"}]),
        ("kứu", [{"cứu"}]),
        ("đnáh", [{"đánh"}]),  # a slip
        ("congo", [{"công"}]),  # the key after the syllable
        ("cứuđánh", [{"cứu"}, {"đánh"}]),
    ],
)
def test_a_token_is_taken_by_its_accents(text: str, words: list[set[str]]):
    assert words_of(text) == words
