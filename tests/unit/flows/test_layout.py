"""The layered layout: to the right, nothing on top of anything, loops taken out, the same picture every time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flows.layout import Arrow, Layout, lay_out, lead_on

WIDTH, GAP_X, GAP_Y = 100.0, 40.0, 10.0


def laid(heights: dict[str, float], *arrows: Arrow) -> Layout:
    return lay_out(heights, arrows, box_width=WIDTH, gap_x=GAP_X, gap_y=GAP_Y)


def test_a_chain_lies_in_one_line() -> None:
    layout = laid(dict.fromkeys("abc", 40.0), Arrow("a", "b", 20.0), Arrow("b", "c", 20.0))
    assert layout.boxes == {"a": (0.0, 0.0), "b": (140.0, 0.0), "c": (280.0, 0.0)}
    assert layout.routes[0] == ((100.0, 20.0), (140.0, 20.0))
    assert (layout.width, layout.height) == (380.0, 40.0)


def test_a_long_arrow_passes_the_columns_between() -> None:
    layout = laid(dict.fromkeys("abc", 40.0), Arrow("a", "b", 10.0), Arrow("b", "c", 20.0), Arrow("a", "c", 30.0))
    route = layout.routes[2]
    assert len(route) == 4
    left, top = layout.boxes["b"]
    level = route[1][1]
    assert route[1] == (left, level)
    assert route[2] == (left + WIDTH, level)
    assert not top <= level <= top + 40.0  # beside the box, not across it


def test_what_leads_back_has_no_route() -> None:
    arrows = (Arrow("a", "b", 0.0), Arrow("b", "a", 0.0), Arrow("b", "b", 0.0))
    assert lead_on(["a", "b"], arrows) == [True, False, False]
    assert laid(dict.fromkeys("ab", 40.0), *arrows).routes[1:] == [(), ()]


def test_two_arrows_do_not_cross_when_they_need_not() -> None:
    layout = laid(
        dict.fromkeys(["start", "p", "q", "x", "y"], 40.0),
        Arrow("start", "p", 10.0),
        Arrow("start", "q", 30.0),
        Arrow("p", "y", 20.0),
        Arrow("q", "x", 20.0),
    )
    assert (layout.boxes["p"][1] < layout.boxes["q"][1]) == (layout.boxes["y"][1] < layout.boxes["x"][1])


def test_nothing_to_draw_is_no_mistake() -> None:
    assert laid({}) == Layout({}, [], 0.0, 0.0)
    assert laid({"a": 40.0}).boxes == {"a": (0.0, 0.0)}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, float], list[Arrow]]:
    names = [f"s{number}" for number in range(draw(st.integers(1, 12)))]
    heights = {name: draw(st.sampled_from([30.0, 80.0, 150.0])) for name in names}
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=25))
    return heights, [Arrow(start, end, 15.0) for start, end in pairs]


@given(graphs())
def test_boxes_never_overlap_and_arrows_lead_to_the_right(drawn: tuple[dict[str, float], list[Arrow]]) -> None:
    heights, arrows = drawn
    layout = laid(heights, *arrows)
    columns: dict[float, list[tuple[float, float]]] = {}
    for name, (left, top) in layout.boxes.items():
        assert top >= -0.001
        assert top + heights[name] <= layout.height + 0.001
        columns.setdefault(left, []).append((top, top + heights[name]))
    for column in columns.values():
        for (_, end), (start, _) in pairwise(sorted(column)):
            assert start - end >= GAP_Y - 0.001
    for arrow, route in zip(arrows, layout.routes, strict=True):
        if route:
            xs = [x for x, _ in route]
            assert xs == sorted(xs)
            assert xs[0] == layout.boxes[arrow.start][0] + WIDTH
            assert xs[-1] == layout.boxes[arrow.end][0]
    assert laid(heights, *arrows) == layout
