"""Approvals: people who must agree before a step goes on, folded from the journal.

Rules:

1. One person, one vote. Only who was asked may vote: by name, or by a role. Whoever was asked first may still answer
   after the next people were asked.
2. One no is a no, however many said yes.
3. Who started the run, or the run that set it off, cannot be the only one to approve it, unless nobody else was asked.
4. Nobody's answer in time brings the next group; after the last group the approval is over, and what happens then was
   said when it was asked.
5. A vote is a receipt; what it leads to follows from the receipts, so a restart finds the same.
"""

from collections.abc import Collection
from typing import Final, Literal

import msgspec

from holdfast.clock import format_time_ns
from holdfast.error import BrokenInvariant
from holdfast.receipt import (
    ApprovalAsked,
    ApprovalClosed,
    ApprovalEscalated,
    PlaybookEnded,
    PlaybookStarted,
    Voted,
)
from holdfast.response.playbook.playbook import ROLE, Panel

COMMENT_CHARS_MAX: Final = 1_000
OPERATOR: Final = "operator "  # in front of the name, in the trigger of a run that a person started

Outcome = Literal["approved", "denied", "expired"]


class VoteRefused(msgspec.Struct, frozen=True):
    """A vote that does not count, and why. Nothing was recorded."""

    code: str
    reason: str


class Approval(msgspec.Struct):
    """One approval: what was asked, who answered, and where it stands."""

    asked: ApprovalAsked
    asker: str
    people: tuple[str, ...]
    expires_ns: int
    groups: int = 1
    votes: dict[str, Voted] = {}
    outcome: Outcome | None = None

    @property
    def approvers(self) -> tuple[str, ...]:
        """Return who said yes, in the order of their votes."""
        return tuple(name for name, vote in self.votes.items() if vote.approves)

    def verdict(self, now_ns: int, panel: Panel) -> ApprovalEscalated | ApprovalClosed | None:
        """Return what follows from the votes and the time: nothing yet, the next group, or the end."""
        name = self.asked.approval
        if self.outcome is not None:
            return None
        if not all(vote.approves for vote in self.votes.values()):
            return ApprovalClosed(now_ns, name, "denied")
        alone = set(self.approvers) == {self.asker} and self.people != (self.asker,)
        if len(self.approvers) >= self.asked.needed and not alone:
            return ApprovalClosed(now_ns, name, "approved")
        if now_ns < self.expires_ns:
            return None
        if self.groups < len(panel.groups):
            group = panel.groups[self.groups]
            return ApprovalEscalated(now_ns, name, group.people, now_ns + group.within_ns)
        return ApprovalClosed(now_ns, name, "expired")


class Approvals:
    """Every approval that is open, and how those of open runs ended."""

    def __init__(self) -> None:
        self._by_name: dict[str, Approval] = {}
        self._askers: dict[str, str] = {}

    def fold(self, receipt: object) -> None:
        """Take in a receipt; what is none of ours is let pass."""
        match receipt:
            case PlaybookStarted(run=run, trigger=trigger):
                if asker := self._asker(trigger):
                    self._askers[run] = asker
            case ApprovalAsked(approval=name):
                asker = self._askers.get(receipt.run, "")
                approval = Approval(receipt, asker, receipt.asked, receipt.expires_ns)
                self._by_name.setdefault(name, approval)
            case Voted(approval=name):
                if (approval := self._by_name.get(name)) and approval.outcome is None:
                    approval.votes.setdefault(receipt.operator, receipt)
            case ApprovalEscalated(approval=name):
                if approval := self._by_name.get(name):
                    approval.people = tuple(dict.fromkeys((*approval.people, *receipt.asked)))
                    approval.expires_ns = receipt.expires_ns
                    approval.groups += 1
            case ApprovalClosed(approval=name):
                if (approval := self._by_name.get(name)) and approval.outcome is None:
                    approval.outcome = receipt.outcome
            case PlaybookEnded(run=run):
                for name in [name for name, one in self._by_name.items() if one.asked.run == run]:
                    del self._by_name[name]
            case _:
                pass

    def _asker(self, trigger: str) -> str:
        """Return the person behind a trigger: by name, or behind the run that set this one off."""
        word, _, rest = trigger.partition(" ")
        if trigger.startswith(OPERATOR):
            return rest
        return self._askers.get(rest.partition(" ")[0], "") if word in ("playbook", "run") else ""

    def get(self, name: str) -> Approval | None:
        """Return an approval of an open run."""
        return self._by_name.get(name)

    def waiting(self) -> list[Approval]:
        """Return the approvals that wait for people, the most urgent first."""
        undecided = [one for one in self._by_name.values() if one.outcome is None]
        return sorted(undecided, key=lambda one: (one.expires_ns, one.asked.approval))

    def vote(
        self,
        now_ns: int,
        approval: str,
        operator: str,
        roles: Collection[str],
        approves: bool,
        comment: str = "",
    ) -> Voted | VoteRefused:
        """Return the receipt of a vote, to be journaled and folded, or why it does not count."""
        one = self._by_name.get(approval)
        if one is None:
            return VoteRefused("approval.unknown", f"nobody was asked about `{approval}`, or its run is over")
        if one.outcome is not None:
            return VoteRefused("approval.closed", f"it is already {one.outcome}")
        if now_ns >= one.expires_ns:
            return VoteRefused(
                "approval.late", f"the time to answer ended at {format_time_ns(one.expires_ns)}"
            )
        if operator in one.votes:
            return VoteRefused("approval.twice", f"{operator} has answered already")
        if operator not in one.people and not any(ROLE + role in one.people for role in roles):
            return VoteRefused(
                "approval.not_asked", f"{operator} was not asked: {', '.join(one.people)} were"
            )
        return Voted(now_ns, approval, operator, approves, comment[:COMMENT_CHARS_MAX])


def asked(
    now_ns: int,
    approval: str,
    *,
    run: str,
    step: str,
    panel: Panel,
    what: str,
    exposure_usd: float,
    otherwise: str,
) -> ApprovalAsked:
    """Return the question to the first group of a panel, with its exposure and deadline in one sentence.

    Raises: BrokenInvariant `approval.nobody` for a panel without groups, which loading refuses.
    """
    if not panel.groups:
        raise BrokenInvariant("approval.nobody", f"`{approval}` asks nobody")
    expires_ns = now_ns + panel.groups[0].within_ns
    question = (
        f"{what.rstrip('.?! ')}? {exposure_usd:,.0f} USD of exposure; answer by {format_time_ns(expires_ns)[:19]}Z "
        f"({panel.needed} of {', '.join(panel.groups[0].people)}); {otherwise} if nobody answers."
    )
    return ApprovalAsked(
        time_ns=now_ns,
        approval=approval,
        run=run,
        step=step,
        question=question,
        exposure_usd=exposure_usd,
        needed=panel.needed,
        asked=panel.groups[0].people,
        expires_ns=expires_ns,
        otherwise=otherwise,
    )
