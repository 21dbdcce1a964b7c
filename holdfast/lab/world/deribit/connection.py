"""Deribit's methods about the connection itself: who it is, its heartbeat, what it listens to, cancel-on-disconnect."""

from typing import Any, Final

from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.deribit.session import DeribitSession
from holdfast.lab.world.deribit.visit import Method, Visit

HEARTBEAT_S_MIN: Final = 10
CHANNELS_MAX: Final = 500

Json = Any


def _auth(visit: Visit) -> Json:
    credential, tokens = visit.server.access.grant(visit.venue_ns, visit.params)
    if visit.session is not None:
        visit.session.credential = credential
        visit.session.cancels_on_disconnect |= credential.account in visit.server.cancelled_on_disconnect
    return tokens


def _logout(visit: Visit) -> Json:
    session = _on_websocket(visit)
    visit.account  # noqa: B018 - refuses who is nobody
    session.is_closed = True
    raise rpc.Silent


def _set_heartbeat(visit: Visit) -> Json:
    session = _on_websocket(visit)
    interval_s = rpc.whole_of(visit.params, "interval", 0)
    if interval_s < HEARTBEAT_S_MIN:
        raise rpc.invalid("interval", f"must be at least {HEARTBEAT_S_MIN}")
    session.set_heartbeat(visit.now_ns, interval_s)
    return "ok"


def _disable_heartbeat(visit: Visit) -> Json:
    _on_websocket(visit).set_heartbeat(visit.now_ns, 0)
    return "ok"


def _subscribe(visit: Visit) -> Json:
    session = _on_websocket(visit)
    return visit.server.channels.subscribe(session, visit.credential, _names(visit))


def _subscribe_privately(visit: Visit) -> Json:
    visit.account  # noqa: B018 - refuses who is nobody
    return _subscribe(visit)


def _unsubscribe(visit: Visit) -> Json:
    session = _on_websocket(visit)
    return visit.server.channels.unsubscribe(session, _names(visit))


def _unsubscribe_all(visit: Visit) -> Json:
    session = _on_websocket(visit)
    visit.server.channels.unsubscribe(session, list(session.channels))
    return "ok"


def _enable_cancel_on_disconnect(visit: Visit) -> Json:
    return _set_cancel_on_disconnect(visit, True)


def _disable_cancel_on_disconnect(visit: Visit) -> Json:
    return _set_cancel_on_disconnect(visit, False)


def _set_cancel_on_disconnect(visit: Visit, enabled: bool) -> Json:
    account, scope = visit.account, _scope(visit)
    if scope == "account":
        accounts = visit.server.cancelled_on_disconnect
        accounts.add(account) if enabled else accounts.discard(account)
    else:
        _on_websocket(visit).cancels_on_disconnect = enabled
    return "ok"


def _get_cancel_on_disconnect(visit: Visit) -> Json:
    account, scope = visit.account, _scope(visit)
    if scope == "account":
        enabled = account in visit.server.cancelled_on_disconnect
    else:
        enabled = _on_websocket(visit).cancels_on_disconnect
    return {"scope": scope, "enabled": enabled}


def _scope(visit: Visit) -> str:
    scope = visit.text("scope", "connection" if visit.session is not None else "account")
    if scope not in ("connection", "account"):
        raise rpc.invalid("scope", "must be connection or account")
    return scope


def _names(visit: Visit) -> list[str]:
    channels = visit.params.get("channels")
    if not isinstance(channels, list) or not all(isinstance(name, str) for name in channels):
        raise rpc.invalid("channels", "must be a list of channels")
    if len(channels) > CHANNELS_MAX:
        raise rpc.invalid("channels", "too many channels")
    return channels


def _on_websocket(visit: Visit) -> DeribitSession:
    if visit.session is None:
        raise rpc.Rejection(rpc.MUST_BE_WEBSOCKET, "must_be_websocket_request")
    return visit.session


CONNECTION: Final[dict[str, Method]] = {
    "public/auth": _auth,
    "private/logout": _logout,
    "public/set_heartbeat": _set_heartbeat,
    "public/disable_heartbeat": _disable_heartbeat,
    "public/subscribe": _subscribe,
    "public/unsubscribe": _unsubscribe,
    "public/unsubscribe_all": _unsubscribe_all,
    "private/subscribe": _subscribe_privately,
    "private/unsubscribe": _unsubscribe,
    "private/unsubscribe_all": _unsubscribe_all,
    "private/enable_cancel_on_disconnect": _enable_cancel_on_disconnect,
    "private/disable_cancel_on_disconnect": _disable_cancel_on_disconnect,
    "private/get_cancel_on_disconnect": _get_cancel_on_disconnect,
}
