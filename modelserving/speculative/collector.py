"""Brings the answers to some records together, and decides each record once. No thread, no clock: it is told the time.

The records arrived together and are of one data type. Whatever happens, and in whatever order, each of them gets
exactly one decision, at its deadline at the latest: that is the contract, and it is tested over all interleavings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from modelserving.speculative.answers import Absence, Answer, Case, Choice, Participant, Responder
from modelserving.speculative.settings import SpeculativeSettings

Said: TypeAlias = Answer | Absence | None
"""What a participant said of a record: an answer; that there will be none; nothing yet."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who had answered when a record was decided; records that were decided alike share one.

    Args:
        answered: in the order of preference.
        absent: for each of the others by name: what became of it (``failed``, ``left out``, ``no model``), or ``late``,
            or ``not needed`` where the answer did not have to wait for it.
        after_ns: from the arrival to the decision, nanoseconds. Who is late had not answered by then.
        reasons: of those that failed, by name, in full.
    """

    answered: tuple[Responder, ...]
    absent: Mapping[str, str]
    after_ns: int
    reasons: Mapping[str, str]


class Decision(NamedTuple):
    """What became of one record.

    Args:
        choice: its answer; ``None``: there is none, and no fallback.
        account: who had answered.
    """

    choice: Choice | None
    account: Account


class AnswerCollector:
    """Decides about some records of one data type that arrived together.

    Args:
        rows: how many.
        settings: what is wanted.
        arrived_ns: when they arrived.
        asked: the participants that were asked. Of the others nothing is expected.
        absent: why the others were not asked, by name.
    """

    def __init__(
        self,
        rows: int,
        settings: SpeculativeSettings,
        arrived_ns: int,
        asked: Iterable[str],
        absent: Mapping[str, Absence] = {},
    ) -> None:
        self.settings = settings
        self.arrived_ns = arrived_ns
        self.decisions: list[Decision | None] = [None] * rows
        self.open = rows
        self._said: dict[str, list[Said]] = {name: [None] * rows for name in asked}
        self._said.update((name, [why] * rows) for name, why in absent.items())

    @property
    def due_ns(self) -> int | None:
        """When all has to be decided; ``None``: when all have answered. Nothing is due any more when all is decided."""
        return self.settings.due_ns(self.arrived_ns) if self.open else None

    def answer(self, name: str, rows: range, said: Sequence[Answer | Absence], now_ns: int) -> None:
        """A participant has answered.

        What comes after the deadline changes nothing, nor does a second answer to the same record, nor one of somebody
        who does not take part.

        Args:
            name: of the participant.
            rows: of the records.
            said: for each of ``rows``.
            now_ns: the time.
        """
        self.tick(now_ns)
        column = self._said.get(name)
        if column is None or not self.open:
            return
        for row, one in zip(rows, said, strict=True):
            if column[row] is None:
                column[row] = one
        self._judge(rows, now_ns)

    def reconfigure(self, settings: SpeculativeSettings, now_ns: int) -> None:
        """Something else is wanted from now on, also of the records that wait.

        Who does not take part any more is not waited for, and what it has said does not count. Who is new is asked
        from the next records on.
        """
        self.tick(now_ns)
        self.settings = settings
        self._judge(range(len(self.decisions)), now_ns)

    def tick(self, now_ns: int) -> None:
        """Time has passed: after the deadline, all is decided with what there is."""
        due = self.due_ns
        if due is not None and now_ns >= due:
            self._judge(range(len(self.decisions)), now_ns)

    def is_waiting(self, name: str) -> bool:
        """Whether there are records of which a participant has said nothing."""
        return None in self._said.get(name, ())

    def has_failed(self, name: str) -> bool:
        """Whether a participant has an answer to none of the records, and will have none to some."""
        said = self._said.get(name, ())
        return not any(type(one) is Answer for one in said) and any(one is not None for one in said)

    def _judge(self, rows: range, now_ns: int) -> None:
        """Decide those records that can be decided, and after the deadline all of them."""
        if not self.open:
            return
        due, settings, decisions = self.due_ns, self.settings, self.decisions
        over = due is not None and now_ns >= due
        ranked = [one for one in settings.ranked if one.name in self._said]
        columns = [self._said[one.name] for one in ranked]
        accounts: dict[tuple[object, ...], Account] = {}
        for row in rows:
            if decisions[row] is not None:
                continue
            said = [column[row] for column in columns]
            answers = tuple([one for one in said if type(one) is Answer])
            pending = tuple([who for who, one in zip(ranked, said, strict=True) if one is None])
            waiting = () if over else pending
            choice = settings.decide(Case(answers, waiting, settings.ranked)) if answers else None
            if choice is None and waiting:
                continue
            key = tuple([one.by if type(one) is Answer else one for one in said])
            account = accounts.get(key)
            if account is None:
                account = accounts[key] = self._account(ranked, said, now_ns, over)
            decisions[row] = Decision(choice or settings.fall_back(), account)
            self.open -= 1

    def _account(self, ranked: Sequence[Participant], said: Sequence[Said], now_ns: int, over: bool) -> Account:
        answered, absent, reasons = [], {}, {}
        for who, one in zip(ranked, said, strict=True):
            if isinstance(one, Answer):
                answered.append(one.by)
            elif one is None:
                absent[who.name] = "late" if over else "not needed"
            else:
                absent[who.name] = one.kind
                if one.reason:
                    reasons[who.name] = one.reason
        return Account(tuple(answered), absent, now_ns - self.arrived_ns, reasons)
