"""Refusal: a venue that does not take an account's credentials, as an error with its place in the config and the remedy."""

from holdfast.error import CallerError
from holdfast.response.view import Account


def refusal(account: Account, why: str) -> CallerError:
    """Return the error: the venue's own words, where the credentials are named, and what to look at."""
    venue, name = account
    return CallerError(
        "credentials.refused",
        f"{venue} refuses the credentials of account {name!r}, nothing can be guarded there: {why}",
        where=f"venues.{venue}.credentials",
        remedy=(
            "see that the file holds key and secret of this account at this venue (a test net has its own), that the key is"
            " not revoked, may trade, and is not bound to another address"
        ),
    )
