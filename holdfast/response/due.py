"""Due: when something is to be done about an open intent. The waits of the outbox in one place."""

from holdfast.action import Transfer
from holdfast.response.intent import Intent
from holdfast.response.intents import Intents
from holdfast.response.patience import Patience, to_ns
from holdfast.response.schedule import NEVER_NS


def deadline_ns(patience: Patience, intent: Intent) -> int:
    """Return when an intent of which nothing is under way is given up."""
    limit_s = patience.move_s_max
    if not intent.is_move:
        limit_s = patience.word_s_max if intent.kind == "word" else patience.brake_s_max
    return intent.intended_ns + to_ns(limit_s)


def due_ns(intents: Intents, intent: Intent) -> int:
    """Return when something is to be done about an open intent: 0 for at once, `NEVER_NS` if only news can move it."""
    patience = intents.patience
    if intent.verdict is not None:
        return 0
    give_up_ns = deadline_ns(patience, intent)
    if not intent.is_move:
        return give_up_ns if intents.is_covered(intent) else min(give_up_ns, intent.next_ns)
    if intent.state == "idle":
        is_spent = intent.attempts >= patience.move_attempts_max
        return 0 if is_spent else min(give_up_ns, max(intents.hold_ns, intent.next_ns))
    if intent.is_late:
        return 0
    if isinstance(intent.action, Transfer):
        return _transfer_due_ns(intents, intent, intent.action)
    if intent.state == "in_flight":
        return max(intents.over_ns(intent), intent.next_ns) if intent.is_durable else NEVER_NS
    return intent.next_ns


def _transfer_due_ns(intents: Intents, intent: Intent, move: Transfer) -> int:
    patience = intents.patience
    if intent.looked_ns:
        if intents.balances.confirms(move, intents.before[intent.key], intent.looked_ns):
            return 0
        return min(intent.next_ns, intent.looked_ns + to_ns(patience.confirm_s_max))
    if intent.state == "unknown":
        return max(intents.over_ns(intent), intent.next_ns)
    if not intent.is_durable:
        return NEVER_NS
    return intents.over_ns(intent) + to_ns(patience.answer_s_max)
