"""The ways the same message is typed: no accents, chat spelling, raw Telex keys. To judge a lexicon by, not to read with."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

_TONE_KEYS = {"\u0301": "s", "\u0300": "f", "\u0309": "r", "\u0303": "x", "\u0323": "j"}
_SHAPE_KEYS = {
    ("a", "\u0302"): "aa",
    ("e", "\u0302"): "ee",
    ("o", "\u0302"): "oo",
    ("a", "\u0306"): "aw",
    ("o", "\u031b"): "ow",
    ("u", "\u031b"): "uw",
}
_WORD = re.compile(r"[^\W\d_]+")

_CHAT_WORDS = {
    "không": ("k", "ko", "hok", "kh", "khum"), "chồng": ("ck", "chog"), "vợ": ("vk",), "được": ("dc", "đc"),
    "đang": ("đg", "dg", "đag"), "gì": ("j", "ji"), "vậy": ("z", "v"), "quá": ("wa", "qá"),
    "biết": ("bik", "bít", "bt"), "mình": ("mk", "mik", "mìh"), "em": ("e",), "anh": ("a",), "tôi": ("t", "tui"),
    "rồi": ("r", "rùi"), "với": ("vs",), "giờ": ("h", "jờ"), "giúp": ("júp", "giup"), "giết": ("jết", "giet"),
    "người": ("ng", "ngừi"), "nhắn": ("nhắn",), "muốn": ("mún",), "nhiều": ("nhìu",), "cũng": ("cx", "cg"),
    "phải": ("fải", "fai"), "chết": ("chít", "chet"), "nó": ("nó", "n"), "làm": ("lm",), "nữa": ("nx", "nữa"),
    "trước": ("trc",), "cứu": ("kứu", "cíu"), "đánh": ("đáh", "dah", "uýnh"), "con": ("kon", "con"),
    "chị": ("c", "cj"), "yêu": ("iu",), "buồn": ("bùn",), "thôi": ("thui",), "và": ("và",), "nói": ("ns",),
    "về": ("zề", "về"), "vào": ("zô", "zào"), "phòng": ("fòng",), "bạn": ("bn", "bạn"), "hết": ("hít", "hết"),
    "luôn": ("lun",), "bây": ("bi",), "sống": ("sog", "sống"), "khóc": ("khók",), "thích": ("thík",), "cổ": ("kổ",),
    "cầm": ("kầm",),
}  # fmt: skip
_CHAT_PHRASES = {
    "công an": "ca", "bố mẹ": "bme", "người yêu": "ny", "gia đình": "gđ", "điện thoại": "đt", "bây giờ": "bh",
    "người ta": "ngta", "hôm nay": "hnay", "hôm qua": "hqua", "bệnh viện": "bv", "nhắn tin": "nt", "quan hệ": "qh",
    "mọi người": "mn", "học sinh": "hs",
}  # fmt: skip
_CHAT_LETTERS = (("ph", "f"), ("gi", "j"), ("qu", "w"), ("ng", "g"), ("nh", "h"), ("v", "z"), ("c", "k"))


def without_accents(text: str, seed: int = 0) -> str:
    """Typed with no accents at all."""
    bare = "".join(part for part in unicodedata.normalize("NFD", text) if not unicodedata.combining(part))
    return bare.replace("đ", "d").replace("Đ", "D")


def in_chat_spelling(text: str, seed: int = 0) -> str:
    """Typed as teenagers do: known short forms, some letters swapped, now and then no accents."""
    chance = random.Random(f"{seed}:{text}")  # noqa: S311 the same spelling every time, no secret
    for phrase, short in _CHAT_PHRASES.items():
        if chance.random() < 0.7:
            text = re.sub(rf"\b{phrase}\b", short, text, flags=re.IGNORECASE)

    def rewrite(match: re.Match[str]) -> str:
        word = match.group().lower()
        if word in _CHAT_WORDS and chance.random() < 0.8:
            return chance.choice(_CHAT_WORDS[word])
        if chance.random() < 0.12 and len(word) > 3:
            for old, new in _CHAT_LETTERS[:3]:
                if word.startswith(old):
                    return new + word[len(old) :]
            for old, new in _CHAT_LETTERS[3:5]:
                if word.endswith(old):
                    return word[: -len(old)] + new
        return without_accents(word) if chance.random() < 0.1 else word

    return _WORD.sub(rewrite, text)


def with_telex_keys(text: str, seed: int = 0) -> str:
    """Typed with the Vietnamese keyboard off: every accent as the keys that would have made it."""
    chance = random.Random(f"{seed}:{text}")  # noqa: S311 the same spelling every time, no secret
    return _WORD.sub(lambda match: _telex(match.group(), tone_last=chance.random() < 0.85), text)


def _telex(word: str, tone_last: bool) -> str:
    typed, tone = "", ""
    for letter in word:
        if letter in "đĐ":
            typed += "dd" if letter == "đ" else "Dd"
            continue
        base, shape, here = "", "", ""
        for part in unicodedata.normalize("NFD", letter):
            if part in _TONE_KEYS:
                here = _TONE_KEYS[part]
            elif unicodedata.combining(part):
                shape = part
            else:
                base = part
        keys = _SHAPE_KEYS.get((base.lower(), shape), base)
        typed += keys.upper() if base.isupper() and len(keys) == 1 else keys
        if here and not tone_last:
            typed += here
        else:
            tone += here
    return typed + tone


VARIANTS: dict[str, Callable[[str, int], str]] = {
    "accents": lambda text, seed: text,
    "none": without_accents,
    "teencode": in_chat_spelling,
    "telex": with_telex_keys,
}
