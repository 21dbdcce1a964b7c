"""The engine: the whole system as one fold over rows. `State.step(rows)` takes market rows and returns events.

Rules:

1. A step is pure: the same rows give the same events and the same state, bit for bit, however they are split into
   batches, live or in replay. Time is the rows' `received_ns`; a second in which nothing arrives is told by a TIMER row.
2. At the end of each second of tape time that held any row there is one sweep: features, then feed trust, then market
   stress on what is trusted, then the score, then policy. Alerts and decisions carry the sweep's time.
3. What a worker computed about the desk's portfolio comes in at a sweep, as `RiskMeasured` events of a `RiskSource`: in a
   first run it is computed, in a replay of that run it is read from the record, and the fold is the same.
4. A price that crosses its instrument's tripwire does not wait for the end of the second: the shock is judged at once.

Read next: `market/fold.py`, `detectors/watch.py`, `policy/desk.py`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import SECOND_NS
from holdfast.detectors.panel import Panel
from holdfast.detectors.watch import INSTRUMENT_TRUST, Watch
from holdfast.event import Alert, AlertCleared, Event, RiskMeasured, Scope
from holdfast.instrument import Instruments
from holdfast.market.chain import Chains
from holdfast.market.feature_rows import fields_of, new_features
from holdfast.market.features import least_patience, refresh_move, sweep_features
from holdfast.market.fold import fold_rows
from holdfast.market.state import Market
from holdfast.market.underlying import Underlyings
from holdfast.policy.desk import DESK, Desk
from holdfast.policy.score import (
    SCORE,
    add_portfolio,
    measure_trust,
    portfolio_points,
    score_chains,
    score_groups,
    score_instruments,
)
from holdfast.tape import Rows

CHAINS_MAX: Final = 64

Observer = Callable[[int, "State"], None]
RiskSource = Callable[[int, "State"], Sequence[RiskMeasured]]


class State:
    """All that the desk's defence remembers; `step` is the fold.

    `observer`, if any, is called after each sweep with its time, to draw what happened; it must change nothing.
    `risk`, if any, is asked at each sweep for what was measured of the portfolio since the last one.
    `urgent`, if any, is called with a step's events when detectors have spoken, before policy judges; it changes nothing.
    """

    def __init__(
        self,
        instruments: Instruments,
        desk: Desk,
        observer: Observer | None = None,
        risk: RiskSource | None = None,
    ) -> None:
        self.instruments = instruments
        self.desk = desk
        self.observer = observer
        self.risk = risk
        self.urgent: Callable[[list[Event]], None] | None = None
        self.measured: dict[Scope, RiskMeasured] = {}
        self.market = Market()
        self.underlyings = Underlyings(instruments)
        self.chains = Chains(instruments)
        self.watch = Watch(self.market, self.underlyings, self.chains)
        self.features: NDArray[np.void] = new_features(self.market.capacity)
        self.scores: NDArray[np.void] = np.zeros(self.market.capacity, dtype=SCORE)
        self.chain_scores: NDArray[np.void] = np.zeros(CHAINS_MAX, dtype=SCORE)
        self.venue_scores: NDArray[np.void] = np.zeros(0, dtype=SCORE)
        self.desk_score: NDArray[np.void] = np.zeros(1, dtype=SCORE)
        self.scopes: list[Scope] = []
        self.venues: list[str] = []
        self.count = 0  # instruments that have shown a row, or come before one that has
        self.rows = 0
        self._number: dict[Scope, int] = {}
        self._whole: NDArray[np.int64] = np.zeros(self.market.capacity, dtype=np.int64)
        self._zeros: NDArray[np.int64] = np.zeros(max(self.market.capacity, CHAINS_MAX), dtype=np.int64)
        self._venue_of: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._venue_of_chain: NDArray[np.int64] = np.zeros(CHAINS_MAX, dtype=np.int64)
        self._until_ns = 0  # the running second ends here
        self._now_ns = 0
        self._patience_s = np.inf  # a silence of this length could make some feed stale
        self._stopped: NDArray[np.int64] = np.full(2, -1, dtype=np.int64)
        self._history = hashlib.sha256()

    def step(self, rows: Rows) -> list[Event]:
        """Fold rows, sweep at the end of every second they complete, and return what follows from them.

        Shape: rows (n,) of `tape.ROW`, in the order in which they were received.
        """
        if len(self.instruments) > len(self.scopes):
            self._fit()
        events: list[Event] = []
        position = 0
        while position < len(rows):
            position = self._fold(rows, position)
            if self._stopped[1] >= 0:
                self.market.give_book(int(self._stopped[1]))
            elif self._stopped[0] >= 0:
                self._judge_trip(int(rows["received_ns"][position - 1]), int(self._stopped[0]), events)
            elif position < len(rows):
                self._cross_second(int(rows["received_ns"][position]), events)
        self.rows += len(rows)
        return self._remember(events)

    def hear(self, now_ns: int, alerts: Sequence[Alert | AlertCleared]) -> list[Event]:
        """Take in what detectors outside the fold say of the desk's own flow or of the node itself; `judge` it soon after.

        Like a `RiskMeasured`, it is an input: a replay is given the same at the same place. What an alert itself sets off
        need not wait for the judgement.
        """
        events: list[Event] = []
        if self._until_ns and now_ns >= self._until_ns:
            self._cross_second(now_ns, events)
        events += alerts
        self._now_ns = max(now_ns, self._now_ns)
        for alert in alerts:
            self._know(alert.scope)
            self.desk.note(alert)
        return self._remember(events)

    def judge(self) -> list[Event]:
        """Let policy judge what was heard."""
        events: list[Event] = []
        self._judge(self._now_ns, events)
        return self._remember(events)

    def facts(self, scope: Scope) -> Mapping[str, Any]:
        """Return what a condition may read of a scope now, in the shape of `RuleSet.evaluate`."""
        number = self._number.get(scope, self.count)
        if number < self.count:
            score, values = self.scores[number], self._values(number)
        elif scope == DESK:
            score, values = self.desk_score[0], self._values_of_group(-1)
        elif scope.venue in self.venues and not scope.instrument:
            venue = self.venues.index(scope.venue)
            score, values = self.venue_scores[venue], self._values_of_group(venue)
        else:  # nothing was seen of it
            score, values = np.zeros(1, dtype=SCORE)[0], {}
        return self.desk.facts(scope, float(score["score"]), tuple(score["parts"].tolist()), values)

    def finish(self) -> list[Event]:
        """Sweep the second that the last row left open. Only for the end of a recording."""
        events: list[Event] = []
        if self._until_ns:
            self._sweep(self._until_ns, events)
        return self._remember(events)

    def digest(self) -> str:
        """Return a hash over the whole memory and every event so far: equal runs have equal digests."""
        whole = self._history.copy()
        for array in (*self.market.arrays(), *self.watch.arrays(), self.features, self.scores):
            whole.update(np.ascontiguousarray(array).view(np.uint8).data)
        whole.update(msgspec.json.encode(self.desk.memory()))
        return whole.hexdigest()

    def _remember(self, events: list[Event]) -> list[Event]:
        """Take events into the history that the digest covers."""
        for event in events:
            self._history.update(msgspec.json.encode(event, order="deterministic"))
        return events

    def _fold(self, rows: Rows, position: int) -> int:
        market = self.market
        return fold_rows(
            rows, position, self._until_ns, market.state, market.board, market.keys, market.sizes, market.latency,
            market.steps, self._stopped,
        )  # fmt: skip

    def _cross_second(self, next_ns: int, events: list[Event]) -> None:
        """End the running second; when the next row is so late that a feed may be stale, also look just before it."""
        second_ns = next_ns - next_ns % SECOND_NS
        if self._until_ns:
            self._sweep(self._until_ns, events)
            if (second_ns - self._until_ns) * 1e-9 > self._patience_s:
                self._sweep(second_ns, events)
        self._until_ns = second_ns + SECOND_NS

    def _fit(self) -> None:
        """Take in instruments numbered since the last batch. What is measured depends on their rows alone."""
        capacity = self.market.capacity
        self.market.fit(self.instruments)
        if self.market.capacity > capacity:
            self.features = _grown(self.features, new_features(self.market.capacity))
            self.scores = _grown(self.scores, np.zeros(self.market.capacity, dtype=SCORE))
            self._whole = _grown(self._whole, np.zeros(self.market.capacity, dtype=np.int64))
            self._zeros = np.zeros(max(self.market.capacity, CHAINS_MAX), dtype=np.int64)
        self.watch.fit()
        venue_of: list[int] = []
        for number in range(len(self.scopes), len(self.instruments)):
            instrument = self.instruments[number]
            scope = Scope(instrument.venue, instrument.symbol)
            self.scopes.append(scope)
            self._number[scope] = number
            if instrument.venue not in self.venues:
                self.venues.append(instrument.venue)
            venue_of.append(self.venues.index(instrument.venue))
        self._venue_of = np.append(self._venue_of, np.array(venue_of, dtype=np.int64))
        self.venue_scores = np.zeros(len(self.venues), dtype=SCORE)

    def _sweep(self, now_ns: int, events: list[Event]) -> None:
        market, watch = self.market, self.watch
        self._now_ns = now_ns
        self.count = sweep_features(
            now_ns, len(self.scopes), market.state, market.board, market.keys, market.sizes, market.ring,
            market.pasts, market.steps, self.features,
        )  # fmt: skip
        self._patience_s = least_patience(self.count, self.features)
        self._tell(
            now_ns, watch.panel, watch.judge_trust(now_ns, self.count, self.features), self.scopes, events
        )
        self._tell(
            now_ns, watch.panel, watch.judge_stress(now_ns, self.count, self.features), self.scopes, events
        )
        turned = watch.judge_chains(now_ns)  # takes in new chains
        chain_scopes = [chain.scope for chain in self.chains.all]
        for number, scope in enumerate(chain_scopes):
            self._venue_of_chain[number] = self.venues.index(scope.venue)
        self._tell(now_ns, watch.chain_panel, turned, chain_scopes, events)
        if self.urgent is not None:
            self.urgent(events)
        if self.risk is not None:
            for measured in self.risk(now_ns, self):
                self._take(measured)
                events.append(measured)
        self._judge(now_ns, events)
        if self.observer is not None:
            self.observer(now_ns, self)

    def _take(self, measured: RiskMeasured) -> None:
        """Remember what was measured of the portfolio on a venue or everywhere."""
        self._know(measured.scope)
        self.measured[measured.scope] = measured
        self.desk.turn(measured.scope)

    def _know(self, scope: Scope) -> None:
        """Make room for a venue of which no row was seen yet."""
        if scope.venue and scope.venue not in self.venues:
            self.venues.append(scope.venue)
            self.venue_scores = np.zeros(len(self.venues), dtype=SCORE)

    def _judge_trip(self, received_ns: int, instrument: int, events: list[Event]) -> None:
        now_ns = max(received_ns, self._now_ns)
        self._now_ns = now_ns
        refresh_move(now_ns, instrument, self.market.state, self.market.board, self.features)
        turned = self.watch.judge_shock(now_ns, self.count, self.features)
        self._tell(now_ns, self.watch.panel, turned, self.scopes, events)
        if self.urgent is not None:
            self.urgent(events)
        self._judge(now_ns, events)

    def _tell(
        self, now_ns: int, panel: Panel, turned: NDArray[np.void], scopes: list[Scope], events: list[Event]
    ) -> None:
        """Turn what the panel raised and cleared into events."""
        for detector_number, subject, _, after in turned.tolist():
            detector = panel.detectors[detector_number]
            scope = scopes[subject]
            event: Alert | AlertCleared
            if after == 0:
                event = AlertCleared(time_ns=now_ns, detector=detector.name, scope=scope)
            else:
                event = detector.alert(now_ns, scope, panel.findings[detector_number, subject], after)
            self.desk.note(event)
            events.append(event)

    def _judge(self, now_ns: int, events: list[Event]) -> None:
        """Score every scope and let policy judge those for which anything changed."""
        watch, count, chains = self.watch, self.count, len(self.chains)
        trust_points = measure_trust(count, INSTRUMENT_TRUST, watch.panel.open_rank, watch.distrust)
        dislocation = watch.panel.findings[watch.dislocation]["ratio"]
        together = self.underlyings.co_movement.co_movement
        score_instruments(
            count, self.features, watch.trusted, trust_points, dislocation, together, self.scores
        )
        score_chains(self.chains.looks, watch.chain_panel.open_rank, self.chain_scores)
        score_groups(
            count,
            self.scores,
            self._venue_of,
            chains,
            self.chain_scores,
            self._venue_of_chain,
            self.venue_scores,
        )
        score_groups(count, self.scores, self._zeros, chains, self.chain_scores, self._zeros, self.desk_score)
        for scope, measured in self.measured.items():
            group = self.desk_score
            if scope.venue:
                number = self.venues.index(scope.venue)
                group = self.venue_scores[number : number + 1]
            add_portfolio(portfolio_points(measured.values), group)
        whole = self.scores["score"][:count].astype(np.int64)
        due = set(np.flatnonzero(whole != self._whole[:count]).tolist())
        self._whole[:count] = whole
        restless = self.desk.restless(now_ns)
        due.update(self._number[scope] for scope in restless if scope in self._number)
        if self.desk.judges_always:
            due.update(np.flatnonzero(self.scores["counted"][:count]).tolist())

        def judge(scope: Scope, score: np.void, values: Callable[[], Mapping[str, Any]]) -> None:
            value = float(score["score"])
            if self.desk.is_due(scope, value, restless):
                events.extend(self.desk.judge(now_ns, scope, value, tuple(score["parts"].tolist()), values))

        for i in sorted(due):
            judge(self.scopes[i], self.scores[i], lambda n=i: self._values(n))
        for c, chain in enumerate(self.chains.all):
            trusted = bool(watch.chain_trusted[c])
            judge(chain.scope, self.chain_scores[c], lambda t=trusted: {"trusted": t})
        for v, venue in enumerate(self.venues):
            judge(Scope(venue=venue), self.venue_scores[v], lambda n=v: self._values_of_group(n))
        judge(DESK, self.desk_score[0], lambda: self._values_of_group(-1))
        self.desk.settle()

    def _values(self, instrument: int) -> Mapping[str, Any]:
        """Return what a rule's condition may read about an instrument, by the names of `policy/fields.py`."""
        return {
            **fields_of(self.features[instrument]),
            "trusted": bool(self.watch.trusted[instrument]),
            "underlying": self.instruments[instrument].base,
        }

    def _values_of_group(self, venue: int) -> Mapping[str, Any]:
        """Return the same for a venue, or (-1) for the desk."""
        trusted = self.watch.trusted[: self.count]
        known = self.measured.get(Scope(venue=self.venues[venue]) if venue >= 0 else DESK)
        return {
            **(known.values if known else {}),
            "trusted": bool((trusted if venue < 0 else trusted[self._venue_of[: self.count] == venue]).all()),
        }


def _grown(known: NDArray[Any], fresh: NDArray[Any]) -> NDArray[Any]:
    fresh[: len(known)] = known
    return fresh
