"""A hotline that restarts after a crash must answer again at once: what a start does not need, it does not load."""

from __future__ import annotations

import subprocess
import sys

from alembic.config import Config
from alembic.script import ScriptDirectory

from storage import schema

NOT_AT_START = {"alembic", "pytest", "hypothesis", "playwright"}


def test_a_start_with_nothing_to_upgrade_loads_no_migration_tool() -> None:
    asked = "import sys, bot.wiring; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert "sqlalchemy" in loaded
    assert not NOT_AT_START & set(loaded)


def test_the_revisions_named_by_their_files_are_those_of_the_migration_tool() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    assert schema._known() == known
    assert schema.head() == known[-1]
