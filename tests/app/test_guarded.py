"""A command whose extra is not installed says which one brings it, instead of a traceback."""

import pytest

from holdfast.app.guarded import EXIT_WRONG_CALL, guarded


def test_a_module_of_an_extra_that_is_missing_is_named_with_its_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work() -> int:
        raise ModuleNotFoundError("No module named 'aiohttp.web'", name="aiohttp.web")

    assert guarded(work) == EXIT_WRONG_CALL
    said = capsys.readouterr().err
    assert "aiohttp is not installed" in said
    assert "make setup-live" in said


def test_a_module_of_no_extra_is_our_own_mistake_and_not_hidden() -> None:
    def work() -> int:
        raise ModuleNotFoundError("No module named 'holdfast.nothing'", name="holdfast.nothing")

    with pytest.raises(ModuleNotFoundError):
        guarded(work)
