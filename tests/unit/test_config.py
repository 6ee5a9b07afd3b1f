"""The configuration is read strictly, every mistake is said with its place, and no secret is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import CHANNELS, Config, ConfigError, Secret, load_config

ROOT = Path(__file__).resolve().parents[2]


def problems(tmp_path: Path, content: str) -> list[str]:
    path = tmp_path / "config.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    return [problem.removeprefix(str(path)) for problem in raised.value.problems]


def test_the_example_is_complete_and_says_the_defaults() -> None:
    example = load_config(ROOT / "config.example.yaml")
    assert example.model_copy(update={"var": Config().var}) == Config()
    text = (ROOT / "config.example.yaml").read_text("utf-8")
    for key in (
        *Config.model_fields,
        *_fields_of("web"),
        *_fields_of("database"),
        *_fields_of("redis"),
        *_fields_of("auditor"),
        *_fields_of("operator"),
        *_fields_of("staff"),
        *_fields_of("keeping"),
        *_fields_of("log"),
    ):
        assert f"{key}:" in text, key


ZALO = """name: z
    platform: zalo-oa
    app_id: '1'
    app_secret: env:A
    webhook_secret: env:B
    refresh_token: env:C"""


def test_every_key_of_every_channel_stands_in_the_example() -> None:
    text = (ROOT / "config.example.yaml").read_text("utf-8")
    for kind in CHANNELS:
        for key in kind.model_fields:
            assert f"{key}:" in text, f"{kind.__name__}.{key}"


def _fields_of(part: str) -> list[str]:
    return list(type(getattr(Config(), part)).model_fields)


def test_no_file_is_the_embedded_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(None)
    assert (config.address, str(config.zone), config.channels) == (("127.0.0.1", 8080), "Asia/Ho_Chi_Minh", [])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("lissen: 127.0.0.1:80\n", ":1:1: lissen: unknown key; see config.example.yaml for the known ones"),
        ('operator:\n  name: "a\\nb"\n', ":2:3: operator.name: String should match pattern '^[^\\n]*$'"),
        ("web:\n  exit: x\n", ":2:3: web.exit: unknown key; see config.example.yaml for the known ones"),
        ("timezone: Asia/Nowhere\n", ":1:1: timezone: not a time zone of the IANA list, for example Asia/Ho_Chi_Minh"),
        (
            "database:\n  url: mysql://x\n",
            ":2:3: database.url: leave it empty, or write sqlite:///PATH or postgresql://USER@HOST/NAME",
        ),
        (
            "redis:\n  url: http://x\n",
            ":2:3: redis.url: leave it empty, or write redis://HOST:PORT/0, rediss://… or unix://PATH",
        ),
        (
            "database:\n  url: postgresql://a:real-token@h/n\n",
            ":2:3: database.url: no password in an address: write `password: file:PATH` beside it",
        ),
        (
            "database:\n  keys_url: postgresql://a@h/k\n",
            ":2:3: database.keys_url: leave it empty; only beside a PostgreSQL",
        ),
        (
            "database:\n  url: postgresql://a@h/n\n  keys_url: postgresql://a@h/n\n",
            ":3:3: database.keys_url: it must be another database than the data's",
        ),
        ("keeping:\n  at: 25:00\n", ":2:3: keeping.at: String should match"),
        ("keeping:\n  days:\n    talks: 91\n", ":2:3: keeping.days: talks: write 1 to 90 days (a closed talk"),
        ("keeping:\n  days:\n    contacts: 31\n", ":2:3: keeping.days: contacts: write 7 to 30 days"),
        ("keeping:\n  days:\n    facts: 1\n", ":2:3: keeping.days: facts: there is no such kind"),
        ("listen: everywhere\n", ":1:1: listen:"),
        (
            "staff:\n  require_second_factor: [supervisor, boss]\n",
            ":2:39: staff.require_second_factor.1: Input should be 'counsellor', 'supervisor', 'editor', 'operator'",
        ),
        ("var: a\nvar: b\n", ":2:1:"),
        ("var: &a x\n", ":1:6:"),
        ("a: [\n", ""),
        ("- a\n", ":1:1: the file must hold keys"),
        (
            "channels:\n  - {name: tg, platform: telegram, token: '12:real-token'}\n",
            ":2:36: channels.0.token: write file:PATH or env:NAME, never the secret itself",
        ),
        (
            "channels:\n  - {name: tg, platform: telegram, token: 'env:T', mode: webhook}\n",
            ":2:5: channels.0: webhook mode needs webhook_secret",
        ),
        (
            "channels:\n  - name: z\n    platform: zalo-oa\n    app_id: abc\n",
            ":4:5: channels.0.app_id:",
        ),
        (
            f"channels:\n  - {ZALO}\n    window: {{free_h: 99, shut_h: 48}}\n",
            ":8:5: channels.0.window: free_h is longer than shut_h",
        ),
        ("channels:\n  - {name: z, platform: smoke}\n", ":2:5: channels.0:"),
    ],
)
def test_a_mistake_is_said_with_its_place_and_what_next(tmp_path: Path, content: str, expected: str) -> None:
    found = problems(tmp_path, content)
    assert found
    assert found[0].startswith(expected)
    assert "real-token" not in "".join(found)


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "one: 1\ntwo: 2\nlog:\n  level: loud\n")) == 3


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("var: kept\nroster: /etc/roster.yaml\n")
    config = load_config(tmp_path / "c.yaml")
    assert (config.var, config.roster) == (tmp_path / "kept", Path("/etc/roster.yaml"))


def test_a_secret_is_read_from_its_place_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("  canary-secret\n")
    monkeypatch.setenv("TOKEN", "canary-secret")
    for secret in (Secret(f"file:{tmp_path}/token"), Secret("env:TOKEN")):
        assert secret.read() == "canary-secret"
        assert "canary" not in f"{secret!r} {secret}"


@pytest.mark.parametrize("reference", ["file:/nowhere/at/all", "env:NOT_SET_ANYWHERE"])
def test_a_missing_secret_names_its_place(reference: str) -> None:
    with pytest.raises(ConfigError, match=reference):
        Secret(reference).read()


def test_a_relative_secret_counts_from_the_configurations_folder_wherever_the_program_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, written = tmp_path / "elsewhere", tmp_path / "etc" / "config.yaml"
    (here / "secrets").mkdir(parents=True)
    written.parent.mkdir()
    written.write_text("channels: [{name: tele, platform: telegram, token: 'file:secrets/token'}]\n")
    monkeypatch.chdir(here)
    token = load_config(written).channels[0].token
    with pytest.raises(ConfigError, match=f"create it as {written.parent}/secrets/token"):
        token.read()
    (here / "secrets" / "token").write_text("not-this-one")
    with pytest.raises(ConfigError, match=f"not from here: move it to {written.parent}/secrets/token"):
        token.read()
    (written.parent / "secrets").mkdir()
    (written.parent / "secrets" / "token").write_text("this-one\n")
    assert token.read() == "this-one"


def test_an_empty_secret_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        Secret(f"file:{tmp_path}/empty").read()


def test_a_secret_may_be_given_by_the_service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Secret("file:${CREDENTIALS_DIRECTORY}/telegram-token")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="given by the service manager"):
        given.read()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigError, match="cannot be read"):
        given.read()
    (tmp_path / "telegram-token").write_text("t\n", encoding="utf-8")
    assert given.read() == "t"
