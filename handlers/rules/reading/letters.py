"""Vietnamese letters as people type them: one form for every way to write the same syllable.

A *form* is the syllable in lower case with its vowel marks kept (â ê ô ă ơ ư đ) and its tone moved to the end as one capital
letter (S sắc, F huyền, J nặng, R hỏi and ngã alike, because they are confused all the time). So "hoà" and "hòa" are one
form, and a *fold* (the form without any mark) is a plain ASCII key.
"""

from __future__ import annotations

import re
import unicodedata

_TONE_OF_MARK = {"\u0301": "S", "\u0300": "F", "\u0323": "J", "\u0309": "R", "\u0303": "R"}
_VOWEL_MARKS = frozenset("\u0302\u0306\u031b")
TONES = "SFJR"

_PLAIN = str.maketrans("âăêôơưđ", "aaeooud", TONES)

_ONSET = "ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|b|c|d|g|h|k|l|m|n|p|r|s|t|v|x|"
_RIME = (
    "a[cimnoptuy]?|ach|ang|anh|e[cmnoptu]?|eng|ech|enh|i[amnptu]?|ich|inh|iec|iem|ien|ieng|iep|iet|ieu|"
    "o[acimnpte]?|ong|oac|oach|oai|oam|oan|oang|oanh|oao|oap|oat|oay|oen|oeo|oet|"
    "u[acimnptuye]?|ung|uan|uang|uat|uac|uach|uanh|uau|uay|uai|uao|uap|uech|uenh|uen|uet|uoc|uoi|uom|uon|uong|uop|uot|uou|uo|"
    "uya|uych|uyen|uyet|uyt|uynh|uyu|uyn|uyp|y|yem|yen|yet|yeu|yeng"
)
_SYLLABLE = re.compile(f"(?:{_ONSET})(?:{_RIME})")
_STOPS = ("p", "t", "c", "ch")
_ALWAYS_MARKED = ("ie", "uo", "uu", "ye", "eu")
_RARELY_PLAIN = frozenset(
    {"chong", "vo", "bi", "toi", "dang", "danh", "cuu", "dam", "khong", "nguoi", "giup", "voi", "tu", "roi", "gio"}
)
_RUN = re.compile(r"(.)\1{2,}")
_PAIR = re.compile(r"([^\W\d_])\1+")
_VOWELS = frozenset("aeiouyâăêôơư")
_TELEX_TONES = {"s": "S", "f": "F", "r": "R", "x": "R", "j": "J"}
_VNI_TONES = {"1": "S", "2": "F", "3": "R", "4": "R", "5": "J"}
_HORN = {"a": "ă", "o": "ơ", "u": "ư"}
_HAT = {"a": "â", "e": "ê", "o": "ô"}


class _Memo(dict[int, str]):
    """A `str.translate` table that learns each character once: letters with vowel marks, tones as capitals."""

    def __missing__(self, code: int) -> str:
        written = ""
        base, tone = "", ""
        for part in unicodedata.normalize("NFD", chr(code).lower()):
            if part in _TONE_OF_MARK:
                tone += _TONE_OF_MARK[part]
            elif part in _VOWEL_MARKS or not unicodedata.combining(part):
                base += part
        written = unicodedata.normalize("NFC", base) + tone
        if len(self) < 20_000:
            self[code] = written
        return written


_memo = _Memo()


def form_of(token: str) -> str:
    """The form of one token (letters and digits only): lower case, vowel marks kept, its tone last."""
    written = token.translate(_memo)
    if written.isascii() and written.islower():
        return written
    tone = ""
    letters = []
    for letter in written:
        if letter in TONES:
            tone = letter
        else:
            letters.append(letter)
    return "".join(letters) + tone


def fold(form: str) -> str:
    """The form without marks and tone: what someone types who uses no accents."""
    return form if form.isascii() and form.islower() else form.translate(_PLAIN)


def is_marked(form: str) -> bool:
    """Does the form carry any Vietnamese mark?"""
    return not form.isascii() or form[-1:] in TONES


def shows_marks(form: str) -> bool:
    """Did the writer give the accents: as marks, or as the keys that make them?"""
    return is_marked(form) or not is_syllable(form)


def is_syllable(folded: str) -> bool:
    """Could this unmarked token be one Vietnamese syllable?"""
    return _SYLLABLE.fullmatch(folded) is not None


def needs_marks(folded: str) -> bool:
    """Is this syllable never written without marks? (Those ending in a stop always carry a tone; ie, uo, uu their own.)"""
    return folded.endswith(_STOPS) or any(pair in folded for pair in _ALWAYS_MARKED) or folded in _RARELY_PLAIN


def fits(typed: str, word: str) -> bool:
    """May `typed` (some marks left out) stand for `word`? Both are forms with the same fold; no mark may contradict."""
    if typed == word:
        return True
    tone = typed[-1] if typed[-1] in TONES else ""
    if tone and not word.endswith(tone):
        return False
    for mine, theirs in zip(typed.rstrip(TONES), word.rstrip(TONES), strict=False):
        if mine != theirs and not mine.isascii():
            return False
    return True


def squeeze(form: str) -> tuple[str, str]:
    """Letters held down ("cứuuu") once, and twice ("cuuuuu" is cuu); a tone stays."""
    return _RUN.sub(r"\1", form), _RUN.sub(r"\1\1", form)


def squeeze_pairs(form: str) -> str:
    """Every doubled letter once: for what is no syllable otherwise ("cứuu")."""
    return _PAIR.sub(r"\1", form)


def from_telex(form: str) -> str:
    """Undo raw Telex keys left in a token ("ddanhs" is đánh, "choongf" is chồng); unchanged letters stay.

    A key that doubles a vowel may come after the whole syllable ("toio" is tôi) where nothing else makes a syllable of it.
    """
    near = _from_telex(form, is_far=False)
    if is_syllable(fold(near)):
        return near
    far = _from_telex(form, is_far=True)
    return far if is_syllable(fold(far)) else near


def _from_telex(form: str, *, is_far: bool) -> str:
    letters: list[str] = []
    tone = form[-1] if form[-1] in TONES else ""
    seen_vowel = False
    for key in form.rstrip(TONES):
        if seen_vowel and key in _TELEX_TONES:
            tone = _TELEX_TONES[key]
        elif key == "w":
            _put_horn(letters)
            seen_vowel = True
        elif (
            letters
            and key in _HAT
            and (
                letters[-1] == key
                or (key in letters[1:-1] and letters[-1] not in _VOWELS)
                or (is_far and key in letters)
            )
        ):
            at = len(letters) - 1 - letters[::-1].index(key)
            letters[at] = _HAT[key]
        elif key == "d" and letters and letters[0] == "d":
            letters[0] = "đ"
        else:
            letters.append(key)
            seen_vowel = seen_vowel or key in _VOWELS
    return "".join(letters) + tone


def _put_horn(letters: list[str]) -> None:
    for at in range(len(letters) - 1, -1, -1):
        if letters[at] in _HORN:
            if letters[at] == "o" and at and letters[at - 1] in "uư" and letters[:2] != ["q", "u"]:
                letters[at - 1] = "ư"
            elif letters[at] == "u" and at + 1 < len(letters) and letters[at + 1] == "ơ":
                continue
            letters[at] = _HORN[letters[at]]
            return
    letters.append("ư")


def from_vni(form: str) -> str:
    """Undo raw VNI keys ("d9anh1" is đánh)."""
    letters: list[str] = []
    tone = ""
    for key in form:
        if key in _VNI_TONES:
            tone = _VNI_TONES[key]
        elif key == "6":
            letters = [_HAT.get(letter, letter) for letter in letters]
        elif key == "7":
            letters = [_HORN.get(letter, letter) if letter != "a" else letter for letter in letters]
        elif key == "8":
            letters = ["ă" if letter == "a" else letter for letter in letters]
        elif key == "9":
            letters = ["đ" if letter == "d" else letter for letter in letters]
        elif key not in TONES:
            letters.append(key)
    return "".join(letters) + tone


_FIRST = (
    ("dz", "d"), ("f", "ph"), ("j", "gi"), ("z", "v"), ("z", "d"), ("z", "gi"), ("w", "qu"), ("w", "v"),
    ("k", "c"), ("k", "kh"), ("c", "k"), ("q", "qu"), ("g", "gh"), ("ng", "ngh"), ("kk", "kh"),
)  # fmt: skip
_LAST = (
    ("g", "ng"), ("h", "nh"), ("h", "ch"), ("k", "c"), ("k", "ch"), ("ck", "ch"), ("z", ""), ("q", "c"), ("p", "ch"),
    ("w", ""), ("nk", "nh"), ("t", "c"), ("n", "ng"), ("j", "i"), ("s", ""),
)  # fmt: skip
_INSIDE = (
    ("w", "u"), ("iu", "yêu"), ("oa", "o"), ("ie", "iê"), ("ing", "iêng"), ("ig", "iêng"), ("ug", "uông"), ("ưg", "ương"),
)  # fmt: skip
_SOUNDS = (
    ("ka", "ca"), ("ko", "co"), ("ku", "cu"), ("kâ", "câ"), ("kă", "că"), ("kô", "cô"), ("kơ", "cơ"),
    ("kư", "cư"), ("ci", "ki"), ("ce", "ke"), ("cê", "kê"),
    ("tr", "ch"), ("ch", "tr"), ("s", "x"), ("x", "s"), ("d", "gi"), ("gi", "d"), ("r", "d"), ("r", "gi"), ("d", "r"),
    ("gi", "r"), ("d", "v"), ("v", "d"), ("i", "y"), ("y", "i"), ("g", "r"), ("p", "b"),
)  # fmt: skip
# Half a vowel left out, as it is said in haste ("tìn" tiền, "đủi" đuổi, "cừi" cười, "chiện" chuyện).
_SHORTENED = (
    ("in", "iên"), ("iu", "iêu"), ("ip", "iêp"), ("it", "iêt"), ("im", "iêm"), ("ic", "iêc"), ("iu", "ươu"), ("ưu", "ươu"),
    ("ui", "uôi"), ("un", "uôn"), ("ung", "uông"), ("uc", "uôc"), ("ut", "uôt"), ("ui", "ươi"), ("ưi", "ươi"), ("ưn", "ươn"),
    ("ưng", "ương"), ("ưc", "ươc"), ("ưt", "ươt"), ("iên", "uyên"),
)  # fmt: skip


def from_chat_spelling(form: str) -> list[str]:
    """What a token in chat spelling may stand for ("jết" giết, "đáh" đánh, "kứu" cứu), nearest first."""
    tone = form[-1] if form[-1:] and form[-1] in TONES else ""
    letters = form.rstrip(TONES)
    found: dict[str, None] = {}
    firsts = [letters] + [new + letters[len(old) :] for old, new in _FIRST if letters.startswith(old)]
    for first in firsts:
        for old, new in (("", ""), *_LAST):
            if first.endswith(old):
                found[first[: len(first) - len(old)] + new + tone] = None
    for old, new in _INSIDE:
        if old in letters:
            found[letters.replace(old, new) + tone] = None
    found.pop(form, None)
    return list(found)


def from_sound(form: str) -> list[str]:
    """Spellings that sound alike in the north ("chốn" trốn, "xưng" sưng), or said in haste ("tìn" tiền)."""
    found = [new + form[len(old) :] for old, new in _SOUNDS if form.startswith(old) and not form.startswith(old + "h")]
    letters, tone = (form[:-1], form[-1]) if form[-1:] in TONES else (form, "")
    found += [letters[: -len(old)] + new + tone for old, new in _SHORTENED if letters.endswith(old)]
    return [other for other in found if other != form]
