"""Settings and where they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from cumulet.config import ConfigError, Settings, load


def test_defaults() -> None:
    assert load({}, env={}) == Settings()


def test_flags_win_over_variables_and_those_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cumulet.toml"
    file.write_text('port = 1\nhost = "::1"\nlog-level = "debug"\n')
    found = load({"port": 3, "host": None}, env={"CUMULET_PORT": "2", "CUMULET_EPHEMERAL": "yes"}, file=file)
    assert (found.port, found.host, found.log_level, found.ephemeral) == (3, "::1", "debug", True)


def test_every_kind_of_value_is_converted(tmp_path: Path) -> None:
    env = {"CUMULET_DATA": "~/x", "CUMULET_LAMBDA_RETRY_DELAYS": "0.5,1", "CUMULET_DURABILITY": "commit"}
    found = load({}, env=env)
    assert found.data == Path.home() / "x"
    assert found.lambda_retry_delays == (0.5, 1.0)
    assert found.durability == "commit"


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"CUMULET_PORT": "many"}, "port"),
        ({"CUMULET_PORT": "70000"}, "between 0 and 65535"),
        ({"CUMULET_DURABILITY": "never"}, "process, commit"),
        ({"CUMULET_EPHEMERAL": "perhaps"}, "true or false"),
    ],
)
def test_what_cannot_be_used_is_named(env: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load({}, env=env)


def test_a_setting_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    file = tmp_path / "cumulet.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(ConfigError, match=r"'prot'.*port"):
        load({}, env={}, file=file)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cumulet.toml"
    file.write_text("port = \n")
    with pytest.raises(ConfigError, match=r"cumulet\.toml"):
        load({}, env={}, file=file)
