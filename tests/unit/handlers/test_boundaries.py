"""Boundaries: points in polygons with holes and parts, and every way a file can be unusable, refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handlers.rules import boundaries
from handlers.rules.boundaries import Boundaries, Unreadable, read_geojson
from handlers.rules.places import Gazetteer

TABLES = Path(__file__).parents[3] / "handlers" / "rules" / "data"
CENTRES = {"00001": (22.0, 103.0), "00002": (22.0, 104.0)}


def square(west: float, south: float, size: float) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(code: object = "00001", coordinates: object = None, kind: str = "Polygon", **properties: object):
    rings = [square(102.9, 21.9, 0.2)] if coordinates is None else coordinates
    return {
        "type": "Feature",
        "properties": {"code": code, **properties},
        "geometry": {"type": kind, "coordinates": rings},
    }


def collection(*features: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


def read(*features: object) -> Boundaries:
    return read_geojson(collection(*features), CENTRES)[0]


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load({path.name: path.read_bytes() for path in TABLES.glob("*.csv")})


class TestPoints:
    def test_inside_and_outside(self):
        found = read(feature())
        assert found.communes_at(22.0, 103.0) == ("00001",)
        assert found.communes_at(22.0, 103.2) == ()
        assert found.communes_at(22.2, 103.0) == ()

    def test_a_hole_is_not_inside(self):
        found = read(feature(coordinates=[square(102.9, 21.9, 0.2), square(102.98, 21.98, 0.04)]))
        assert found.communes_at(22.0, 103.0) == ()
        assert found.communes_at(21.95, 102.95) == ("00001",)

    def test_every_part_of_a_commune_counts(self):
        parts = [[square(102.9, 21.9, 0.05)], [square(103.1, 22.1, 0.05)]]
        found = read(feature(coordinates=parts, kind="MultiPolygon"))
        assert found.communes_at(21.92, 102.92) == ("00001",)
        assert found.communes_at(22.12, 103.12) == ("00001",)
        assert found.communes_at(22.0, 103.0) == ()

    def test_a_hollow_shape_whose_edges_meet_the_line_of_the_point(self):
        """A point level with corners must not be counted twice."""
        star = [[102.9, 22.0], [103.0, 21.9], [103.1, 22.0], [103.0, 22.1], [102.9, 22.0]]
        found = read(feature(coordinates=[star]))
        assert found.communes_at(22.0, 103.0) == ("00001",)
        assert found.communes_at(22.0, 102.85) == ()
        assert found.communes_at(22.0, 103.15) == ()

    def test_overlapping_boundaries_name_both(self):
        found = read(feature(), feature("00002", [square(102.95, 21.95, 0.7)]))
        assert found.communes_at(22.0, 103.0) == ("00001", "00002")

    def test_there_and_back(self):
        parts = [[square(102.9, 21.9, 0.05), square(102.91, 21.91, 0.01)], [square(103.1, 22.1, 0.05)]]
        found = read(feature(coordinates=parts, kind="MultiPolygon"))
        again = Boundaries.from_rows(found.to_rows())
        assert again.to_rows() == found.to_rows()
        assert again.points() == found.points() == 15
        assert again.communes_at(21.92, 102.93) == ("00001",)
        assert again.communes_at(21.915, 102.915) == ()


class TestFiles:
    def test_what_is_left_out_is_named(self):
        assert read_geojson(collection(feature()), CENTRES)[1] == ("00002",)

    @pytest.mark.parametrize("name", ["code", "ma_xa", "commune_code"])
    def test_the_code_is_found_under_its_usual_names_also_as_a_number(self, name):
        one = feature()
        one["properties"] = {name: 1}
        assert read(one).codes == {"00001"}

    def test_another_property_can_be_named(self):
        one = feature()
        one["properties"] = {"gso": "00001"}
        assert read_geojson(collection(one), CENTRES, "gso")[0].codes == {"00001"}
        with pytest.raises(Unreadable, match="--code-property"):
            read(one)

    def test_a_third_coordinate_is_let_go(self):
        ring = [[*corner, 800.0] for corner in square(102.9, 21.9, 0.2)]
        assert read(feature(coordinates=[ring])).communes_at(22.0, 103.0) == ("00001",)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "no JSON"),
            (b"\xff\xfe", "no JSON"),
            (b"[" * 100_000, "no JSON"),
            (b'{"type": "FeatureCollection", "features": [NaN]}', "no JSON"),
            (b"{}", "FeatureCollection"),
            (b'{"type": "FeatureCollection", "features": []}', "FeatureCollection"),
            (b'{"type": "FeatureCollection", "features": {}}', "FeatureCollection"),
            (collection(7), "feature 1 is no GeoJSON Feature"),
            (collection({"type": "Feature", "properties": None, "geometry": None}), "no property"),
            (collection(feature("99999")), "no commune of today"),
            (collection(feature(), feature()), "stands twice"),
            (collection(feature(kind="Point", coordinates=[103, 22])), "Polygon or a MultiPolygon, not Point"),
            (collection(feature(kind="GeometryCollection")), "not GeometryCollection"),
            (collection({"type": "Feature", "properties": {"code": "00001"}, "geometry": None}), "not missing"),
            (collection(feature(coordinates=[])), "no rings"),
            (collection(feature(coordinates="x")), "no rings"),
            (collection(feature(coordinates=[[]], kind="MultiPolygon")), "no rings"),
            (collection(feature(coordinates=[square(103, 22, 1)[:3]])), "fewer than four"),
            (collection(feature(coordinates=[square(102.9, 21.9, 0.2)[:4]])), "not closed"),
            (collection(feature(coordinates=[[[1], [2], [3], [1]]])), "no .longitude, latitude"),
            (collection(feature(coordinates=[[["a", "b"]] * 4])), "no .longitude, latitude"),
            (collection(feature(coordinates=[[[True, False]] * 4])), "no .longitude, latitude"),
            (collection(feature(coordinates=[square(500_000, 2_400_000, 9)])), "projected"),
            (collection(feature(coordinates=[square(1e400, 22, 1)])), "no JSON"),
            (collection(feature(coordinates=[square(21.9, 85.0, 0.2)])), "swapped"),
            (collection(feature("00002")), "nowhere near"),
        ],
    )
    def test_an_unusable_file_is_refused_in_words(self, content, said):
        with pytest.raises(Unreadable, match=said):
            read_geojson(content, CENTRES)

    def test_no_message_quotes_the_file(self):
        with pytest.raises(Unreadable) as refused:
            read_geojson(b'{"secret": 1', CENTRES)
        assert "secret" not in str(refused.value)

    def test_too_large_is_refused_before_it_is_read(self, monkeypatch):
        monkeypatch.setattr(boundaries, "MAX_BYTES", 10)
        with pytest.raises(Unreadable, match="simplify"):
            read_geojson(b"[" * 11, CENTRES)

    @pytest.mark.parametrize("most", [4, 8])
    def test_too_many_corners_are_refused(self, monkeypatch, most):
        monkeypatch.setattr(boundaries, "MAX_POINTS", most)
        with pytest.raises(Unreadable, match="corners"):
            read(feature(), feature("00002", [square(103.9, 21.9, 0.2)]))


class TestSharedPoint:
    """With boundaries the commune is the one the point lies in; its neighbours still stand beside it."""

    def test_the_boundary_counts_before_the_nearest_centre(self, gazetteer):
        lat, lon = gazetteer.centre("03390")
        around = Boundaries.from_rows(
            read_geojson(
                collection(feature("03408", [square(lon - 0.02, lat - 0.02, 0.04)])),
                {"03408": gazetteer.centre("03408")},
            )[0].to_rows()
        )
        assert gazetteer.nearest_communes(lat, lon).codes[0] == "03390"
        answer = gazetteer.with_boundaries(around).nearest_communes(lat, lon)
        assert (answer.kind, answer.codes[:2], len(answer.codes)) == ("ambiguous", ("03408", "03390"), 3)

    def test_where_only_some_are_loaded_the_centres_go_on(self, gazetteer):
        lat, lon = gazetteer.centre("03390")
        some = Boundaries({"03408": ()})
        assert gazetteer.with_boundaries(some).nearest_communes(lat, lon).codes[0] == "03390"

    def test_where_all_are_loaded_a_point_in_none_is_outside(self, gazetteer):
        lat, lon = gazetteer.centre("03390")
        empty = Boundaries(dict.fromkeys(gazetteer.codes, ()))
        assert gazetteer.with_boundaries(empty).nearest_communes(lat, lon).kind == "outside"
