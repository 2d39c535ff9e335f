"""From a batch to its results, whatever happens to the actors on the way: each record has exactly one outcome.

What an actor fails on is sent again, in smaller pieces, until the records are found that it dies of: these become dead
letters, the others are scored. First come some single records, to see that the actor can score at all: if it fails on
all of them it is soon given up, and if not, the rest of the search is not held against it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from modelserving.actors.messages import Answers, Deferred, ModelWork, Part, Routed, ScoreBatch
from modelserving.actors.runtime.api import Ref, Reply
from modelserving.errors import ActorError, ActorFailed, ActorStopped, AskTimeout, MailboxFull
from modelserving.kafka.messages import Message, dead_letter
from modelserving.records import ScoredRecord
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.report.meter import ModelKey, ScoringTime
from modelserving.serving.running.worker_thread import WorkerThread

_PIECES = 10
_SAMPLES = 8
_TRIES = 2
_PATIENCE_S = 0.25

Wait = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ActorClient:
    """Sends messages and waits for answers, without holding up the event loop.

    Args:
        worker: the thread that waits.
        while_waiting: called again and again while there is no room, or no answer yet.
    """

    worker: WorkerThread
    while_waiting: Wait

    async def request(self, to: Ref, message: object) -> Reply:
        """Send a question, as soon as there is room."""
        while True:
            try:
                return await self.worker.run(to.request, message)
            except MailboxFull:
                await self.while_waiting()

    async def tell(self, to: Ref, message: object) -> None:
        """Send news, as soon as there is room."""
        while True:
            try:
                return await self.worker.run(to.tell, message)
            except MailboxFull:
                await self.while_waiting()

    async def answer(self, reply: Reply) -> Any:
        """Wait for an answer, however long; and for the answers of those who were asked in turn."""
        while True:
            try:
                found = await self.worker.run(reply.result, _PATIENCE_S)
            except AskTimeout:
                await self.while_waiting()
                continue
            if isinstance(found, Deferred):
                return found.combine([await self.answer(other) for other in found.replies])
            return found

    async def ask(self, to: Ref, message: object) -> Any:
        """Send a question, and wait for the answer, however long."""
        return await self.answer(await self.request(to, message))


def resolve(reply: Reply, timeout: float) -> Any:
    """As ``ActorClient.answer``, for a thread that may wait, and not longer than so many seconds for each answer.

    Raises:
        As ``Reply.result``.
    """
    found = reply.result(timeout)
    return found.combine([resolve(other, timeout) for other in found.replies]) if isinstance(found, Deferred) else found


@dataclass(frozen=True, slots=True)
class Gathered:
    """The results of a batch, and who worked for them.

    Args:
        batch: the results, as the sink takes them.
        works: to be told to the actors when the results are committed.
    """

    batch: ScoredBatch
    works: tuple[ModelWork, ...]

    @property
    def times(self) -> Iterator[ScoringTime]:
        """The same works, with who the models are: an actor's work says so by the digest alone, an answer in full."""
        names: dict[str, ModelKey] = {}
        for work in self.works:
            if work.digest not in names:
                found = next((one for one in self.batch.scored if one.model_digest == work.digest), None)
                told = (found.model_name, found.model_version) if found is not None else ("", "")
                names[work.digest] = ModelKey(work.data_type, *told, work.digest)
            yield ScoringTime(names[work.digest], work.count, work.each_ns)


@dataclass(frozen=True, slots=True)
class _Try:
    """Messages that are to be scored.

    Args:
        messages: which.
        failed: so often an actor failed on exactly these.
        suspected: whether an actor failed on these, or on more with these among them.
        data_type: whose actor is to score them; empty: that of whoever they are for, which may be several.
    """

    messages: tuple[Message, ...]
    failed: int = 0
    suspected: bool = False
    data_type: str = ""


@dataclass(slots=True)
class _Progress:
    """What has come together so far."""

    answers: list[Answers] = field(default_factory=list)
    todo: deque[_Try] = field(default_factory=deque)

    def add_dead(self, messages: tuple[Message, ...], error: ActorError) -> None:
        """Nobody will score these."""
        self.answers.append(Answers(dead=tuple(dead_letter(message, "score", error) for message in messages)))


class Gatherer:
    """Has batches scored.

    Args:
        manager: whom to ask.
        client: how.
    """

    def __init__(self, manager: Ref, client: ActorClient) -> None:
        self._manager = manager
        self._client = client

    async def score(self, batch: Batch) -> Gathered:
        """Have a batch scored. Returns when each of its messages is scored, dead or skipped.

        Raises:
            ActorStopped: the manager is given up.
        """
        tally = _Progress()
        if batch.messages:
            tally.todo.append(_Try(tuple(batch.messages)))
        while tally.todo:
            attempt = tally.todo.popleft()
            wanted = ScoreBatch(attempt.messages, attempt.suspected, attempt.data_type)
            reply = await self._client.request(self._manager, wanted)
            try:
                routed = await self._client.answer(reply)
            except ActorFailed as error:
                _again(attempt, error, tally)
            else:
                await self._gather(routed, attempt, tally)
        return _put_together(batch, tally.answers)

    async def _gather(self, routed: Routed, attempt: _Try, tally: _Progress) -> None:
        tally.answers.append(routed.here)
        for part in routed.parts:
            data_type = part.data_type or attempt.data_type
            await self._gather_part(part, replace(attempt, messages=part.messages, data_type=data_type), tally)

    async def _gather_part(self, part: Part, attempt: _Try, tally: _Progress) -> None:
        if part.reply is None:
            await self._client.while_waiting()
            tally.todo.append(attempt)
            return
        try:
            answer = await self._client.answer(part.reply)
        except ActorFailed as error:
            _again(attempt, error, tally)
        except ActorStopped as error:
            tally.add_dead(part.messages, error)
        else:
            if isinstance(answer, Routed):
                await self._gather(answer, attempt, tally)
            else:
                tally.answers.append(answer)


def _again(attempt: _Try, error: ActorFailed, tally: _Progress) -> None:
    """Many messages: a tenth at a time, to find the one that kills. One message: once more, it may be innocent."""
    if len(attempt.messages) > 1:
        singles, rest = ((), attempt.messages) if attempt.suspected else _draw_samples(attempt.messages)
        size = -(-len(rest) // _PIECES) or 1
        pieces = (rest[start : start + size] for start in range(0, len(rest), size))
        tally.todo.extend(replace(attempt, messages=piece, failed=0, suspected=True) for piece in (*singles, *pieces))
    elif attempt.failed + 1 < _TRIES:
        tally.todo.append(replace(attempt, failed=attempt.failed + 1, suspected=True))
    else:
        tally.add_dead(attempt.messages, error)


def _draw_samples(messages: tuple[Message, ...]) -> tuple[tuple[tuple[Message, ...], ...], tuple[Message, ...]]:
    """Some messages, each by itself, and the rest.

    They are drawn by chance: what kills may come in a run, or in every tenth record. The same ones are drawn each time,
    so that what was seen once can be seen again.
    """
    count = len(messages)
    drawn = {*random.Random(count).sample(range(count), min(_SAMPLES, count))}
    rest = tuple(message for number, message in enumerate(messages) if number not in drawn)
    return tuple((messages[number],) for number in sorted(drawn)), rest


def _put_together(batch: Batch, answers: list[Answers]) -> Gathered:
    """One result. Pieces come in any order, and the answers to one partition go out in the order of its offsets."""
    scored, keys = _in_order([one for one in answers if one.scored])
    result = ScoredBatch(
        scored=scored,
        keys=keys,
        dead=(*batch.letters, *(letter for one in answers for letter in one.dead)),
        skipped=sum(one.skipped for one in answers),
        skipped_types=tuple({name: None for one in answers for name in one.skipped_types}),
        positions=batch.positions,
        group=batch.group,
    )
    return Gathered(result, tuple(work for one in answers for work in one.works))


def _in_order(answers: list[Answers]) -> tuple[tuple[ScoredRecord, ...], tuple[bytes | None, ...]]:
    """The answers by partition and offset, and their keys."""
    if len(answers) == 1:
        return answers[0].scored, answers[0].keys
    pairs = [pair for one in answers for pair in zip(one.scored, one.keys, strict=True)]
    pairs.sort(key=lambda pair: (pair[0].partition, pair[0].offset))
    return tuple(scored for scored, _ in pairs), tuple(key for _, key in pairs)
