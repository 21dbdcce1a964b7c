"""A small venue to trade on, fresh for each test."""

import pytest
from exchange_desk import Desk, opened


@pytest.fixture
def desk() -> Desk:
    return opened()
