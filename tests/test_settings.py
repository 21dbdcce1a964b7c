"""Settings: what is wrong is refused with its place and the nearest right name."""

import pytest

from holdfast.error import CallerError
from holdfast.settings import Settings, load_settings


def test_an_empty_file_is_the_defaults() -> None:
    assert load_settings("", "s.toml") == Settings()


def test_levels_can_be_moved() -> None:
    moved = load_settings("[escalation.watch]\nup = 20.0\ndown = 10.0\ndwell_s = 30.0\n", "s.toml")
    assert moved.escalation.watch.up == 20.0
    assert moved.escalation.halt == Settings().escalation.halt


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("dsk = 'a'", "settings.unknown_key", "did you mean `desk`"),
        ("[escalation.wach]\nup = 1", "settings.unknown_key", "did you mean `watch`"),
        ("desk = 7", "settings.value", "s.toml"),
        ("desk = 'My Desk'", "settings.desk", "a-z"),
        ("desk = ", "settings.syntax", "s.toml"),
        ("[escalation.watch]\nup = 80.0\ndown = 10.0\ndwell_s = 1.0", "escalation.invalid", "escalation"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(text: str, code: str, told: str) -> None:
    with pytest.raises(CallerError) as caught:
        load_settings(text, "s.toml")
    assert caught.value.code == code
    assert told in str(caught.value)


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().desk = "other"  # type: ignore[misc]
