"""Live clients: what opens an account at a venue, from its settings: our own client, or ccxt's."""

from typing import Any

from holdfast.app.config import Credentials, VenueSettings
from holdfast.error import CallerError
from holdfast.instrument import Instruments
from holdfast.policy.nearest import nearest
from holdfast.venues.client import Client
from holdfast.venues.clients import CLIENTS


def client_of(venue: VenueSettings, credentials: Credentials, instruments: Instruments) -> Client:
    """Return the client of an account. Raises: CallerError `config.venue` for a venue that nobody here speaks to."""
    if venue.via == "ccxt":
        from holdfast.app.ccxt_client import CcxtClient  # noqa: PLC0415 - an optional extra, and slow to load

        return CcxtClient(
            instruments, venue.name, venue.account, (credentials.key, credentials.secret), venue.symbols
        )
    kind = CLIENTS.get(venue.name)
    if kind is None:
        remedy = (
            nearest(venue.name, CLIENTS) or f'there are {", ".join(CLIENTS)}; others go by `via = "ccxt"`'
        )
        raise CallerError(
            "config.venue",
            f"no client of ours speaks to {venue.name!r}",
            where=f"venues.{venue.name}",
            remedy=remedy,
        )
    urls: dict[str, Any] = {}
    if venue.ws_url:
        urls["ws_url"] = venue.ws_url
    if venue.rest_url:
        urls["rest_url"] = venue.rest_url
    return kind(
        instruments, venue.account, (credentials.key, credentials.secret), symbols=venue.symbols, **urls
    )
