"""The page of the world's protocols names what is spoken, every fault, and every option of the command."""

from pathlib import Path

import click
import msgspec
import pytest

from holdfast.lab.world.binance.server import ENDPOINTS
from holdfast.lab.world.command import world
from holdfast.lab.world.deribit.server import METHODS
from holdfast.lab.world.faults import Faults

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "protocols.md").read_text()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_of_deribit_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("path", sorted({path for _, path in ENDPOINTS}))
def test_an_address_of_binance_is_on_the_page_with_its_methods(path: str) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{path}` |")]
    assert set(row.split("|")[2].strip().split(", ")) == {method for method, it in ENDPOINTS if it == path}


@pytest.mark.parametrize(
    "name", [field.name for field in msgspec.structs.fields(Faults) if field.name != "drops_asked"]
)
def test_a_fault_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_command_that_serves_is_on_the_page_with_its_options() -> None:
    assert "holdfast world serve" in PAGE
    serve = world.commands["serve"]
    options = [option for p in serve.params if isinstance(p, click.Option) for option in p.opts]
    assert [option for option in options if option not in PAGE] == []
