"""What pages show of content and places."""

from __future__ import annotations

from bot.shown import commune_in_words
from handlers.world import Worlds
from tests.fakes.road import shipped_world


def test_a_commune_is_named_and_one_that_the_table_no_longer_knows_keeps_the_case_open() -> None:
    worlds = Worlds(shipped_world())
    assert commune_in_words(worlds, "03408").split()[0] in ("xã", "phường")
    assert commune_in_words(worlds, "99999") == "99999"
