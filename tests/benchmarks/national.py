"""A table of places as large as the country: 34 provinces, 3,321 communes of today, 696 districts and 10,047 communes before.

The names are drawn from syllables that names in Việt Nam are made of, so that many repeat, as the real ones do; where they lie
is made up. The same for every run. It proves size and speed, nothing about the real places.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence

_FIRST = (
    "Tân Phú Bình An Hòa Long Vĩnh Thạnh Mỹ Đông Nam Bắc Tây Thanh Quang Hưng Yên Minh Sơn Xuân Hải Đại Trung Thái Nghĩa Lộc "
    "Phước Phong Đức Ngọc Kim Văn Cẩm Châu Lương Hồng Việt Thuận Hiệp Nậm Mường Pa Tà Chiềng Bản Nà Khánh Gia Liên Thượng Hạ Trà"
)
_SECOND = (
    "Lập Thành Hòa An Bình Phú Sơn Lâm Giang Thủy Hải Long Thạnh Trung Đông Tây Nam Bắc Lộc Hưng Thịnh Tiến Lợi Mỹ Điền Châu "
    "Khê Phong Quang Minh Đức Vân Trạch Xá Mậu Lương Phúc Khánh Hà Dương Định Hiệp Thuận Nghĩa Lễ Trí Tín Ninh Viên Kỳ Cường Sa"
)
FIRST, SECOND = _FIRST.split(), _SECOND.split()
PROVINCES, COMMUNES, DISTRICTS, OLD_COMMUNES = 34, 3_321, 696, 10_047
SPLIT_EVERY = 22  # about 4.6 % of the old communes went to several


def files() -> dict[str, bytes]:
    """The tables, by file name."""
    dice = random.Random(2025)
    provinces = [(f"{number:02d}", f"{dice.choice(FIRST)} {dice.choice(SECOND)}") for number in range(1, PROVINCES + 1)]
    corners = {code: (dice.uniform(9.0, 22.5), dice.uniform(103.0, 108.5)) for code, _ in provinces}
    units: list[tuple[object, ...]] = []
    new = [(f"{20_000 + number}", provinces[number % PROVINCES][0]) for number in range(COMMUNES)]
    for code, province in new:
        units.append(
            (
                "post2025",
                code,
                _name(dice),
                "phường" if dice.random() < 0.2 else "xã",
                province,
                *_at(dice, corners[province], 12.0),
            )
        )
    districts = [(f"{100 + number}", provinces[number % PROVINCES][0]) for number in range(DISTRICTS)]
    for code, province in districts:
        units.append(("pre2025", code, _name(dice), "huyện", province, *_at(dice, corners[province], 25.0)))
    merges = []
    for number in range(OLD_COMMUNES):
        district, province = districts[number % DISTRICTS]
        code = f"{40_000 + number}"
        kind = "thị trấn" if number < DISTRICTS else "xã"
        units.append(("pre2025", code, _name(dice), kind, district, *_at(dice, corners[province], 6.0)))
        communes = [one for one, inside in new if inside == province]
        for into in dice.sample(communes, 2 if number % SPLIT_EVERY == 0 else 1):
            merges.append((code, into, "full", "generated"))
    both = [(era, code, name) for era in ("post2025", "pre2025") for code, name in provinces]
    return {
        "units.csv": _csv("era,code,name,type,parent,lat,lon,radius_km,aliases", [(*unit, "") for unit in units]),
        "merges.csv": _csv("old_code,new_code,extent,clause", merges),
        "provinces.csv": _csv("era,code,name", both),
    }


def _name(dice: random.Random) -> str:
    parts = [dice.choice(FIRST), dice.choice(SECOND)]
    if dice.random() < 0.15:
        parts.insert(1, dice.choice(SECOND))
    return " ".join(parts)


def _at(dice: random.Random, corner: tuple[float, float], radius_km: float) -> tuple[float, float, float]:
    return round(corner[0] + dice.uniform(0, 1), 4), round(corner[1] + dice.uniform(0, 1), 4), radius_km


def _csv(columns: str, rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns.split(","))
    writer.writerows(rows)
    return text.getvalue().encode()
