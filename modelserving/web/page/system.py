"""The picture of the running system: who reads which topics, and writes which, as servers and broker say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from modelserving.monitoring.overview import AnnouncedServer, ClusterState, GroupState, TopicState
from modelserving.web.page.picture import Arrow, Mark, Picture, PictureBox, columns_of
from modelserving.web.page.state import PageState

ServerAnswer = tuple[AnnouncedServer, PageState | None]
"""A server, and what it shows; ``None``: it does not answer."""

_MOST_GROUPS = 12
_MOST_TOPICS = 24
_MOST_LINES = 4
_INTERNAL = ("-repartition", "-changelog")
"""How the names of topics end that Kafka Streams keeps for one application, after the name of that."""


@dataclass(frozen=True, slots=True)
class _Flow:
    """What goes through one consumer group.

    Args:
        name: the group; of a server that names none, where that listens.
        answers: of its servers.
        group: as the broker sees it; ``None``: it does not.
        reads: the topics, with what waits where that is known.
        writes: the topics.
        own: topics that Kafka Streams keeps for the group alone: told, not drawn.
    """

    name: str
    answers: tuple[ServerAnswer, ...]
    group: GroupState | None
    reads: Mapping[str, int | None]
    writes: tuple[str, ...]
    own: frozenset[str]


def draw_system(answers: Sequence[ServerAnswer], cluster: ClusterState) -> Picture:
    """Draw it. What a server reads and writes is what it announced; what a group reads, the broker says.

    Groups without members that have dealt with all are left out, and what is too much, with a word.

    Args:
        answers: of the servers.
        cluster: what the broker has.
    """
    flows = list(_flows(answers, cluster))
    own = frozenset[str]().union(*(flow.own for flow in flows))
    shown, topics = flows[:_MOST_GROUPS], {topic.name: topic for topic in cluster.topics if topic.name not in own}
    touched = dict.fromkeys(name for flow in shown for name in (*flow.reads, *flow.writes))
    names = [*touched, *(name for name in topics if name not in touched)][:_MOST_TOPICS]
    indices = {name: len(shown) + number for number, name in enumerate(names)}
    arrows = [arrow for number, flow in enumerate(shown) for arrow in _arrows(number, flow, indices)]
    boxes = [*map(_group_box, shown), *(_topic_box(name, topics.get(name), cluster.away) for name in names)]
    columns = columns_of(len(boxes), ((arrow.source, arrow.target) for arrow in arrows))
    return Picture(
        title="Who reads and writes what",
        boxes=[box.model_copy(update={"column": column}) for box, column in zip(boxes, columns, strict=True)],
        arrows=arrows,
        says=[_sentence(flow) for flow in shown],
        left_out=_left_out(len(flows) - len(shown), len(touched.keys() | topics.keys()) - len(names)),
    )


def _flows(answers: Sequence[ServerAnswer], cluster: ClusterState) -> Iterator[_Flow]:
    """Servers first, in the order in which they are known; then groups whose servers are not known."""
    of_group: dict[str, list[ServerAnswer]] = {}
    for answer in answers:
        of_group.setdefault(answer[0].group or answer[0].url, []).append(answer)
    seen = {group.name: group for group in cluster.groups}
    for name, servers in of_group.items():
        yield _flow(name, servers, seen.get(name), cluster.topics)
    for group in cluster.groups:
        if group.name not in of_group and (group.members or any(group.lag.values())):
            yield _flow(group.name, (), group, cluster.topics)


def _flow(name: str, answers: Sequence[ServerAnswer], group: GroupState | None, topics: Sequence[TopicState]) -> _Flow:
    own = frozenset(one.name for one in topics if one.name.startswith(f"{name}-") and one.name.endswith(_INTERNAL))
    reads: dict[str, int | None] = dict.fromkeys(topic for server, _ in answers for topic in server.reads)
    reads.update({topic: lag for topic, lag in group.lag.items() if topic not in own} if group else {})
    writes = dict.fromkeys(topic for server, _ in answers for topic in server.writes)
    return _Flow(name, tuple(answers), group, reads, tuple(writes), own)


def _arrows(number: int, flow: _Flow, indices: Mapping[str, int]) -> Iterator[Arrow]:
    for name, lag in flow.reads.items():
        if name in indices:
            yield Arrow(source=indices[name], target=number, text=f"{lag:,} waiting" if lag else "")
    for name in flow.writes:
        if name in indices:
            yield Arrow(source=number, target=indices[name])


def _group_box(flow: _Flow) -> PictureBox:
    more = [f"and {len(flow.answers) - _MOST_LINES} more servers"] if len(flow.answers) > _MOST_LINES else []
    models = list(dict.fromkeys(model for _, found in flow.answers for model in _models(found)))
    lines = [*more, *models[:_MOST_LINES], *_group_lines(flow)]
    return PictureBox(
        kind="group", name=flow.name, marks=[_mark(one) for one in _worst_first(flow)][:_MOST_LINES], lines=lines
    )


def _worst_first(flow: _Flow) -> list[ServerAnswer]:
    return sorted(flow.answers, key=lambda answer: answer[1] is not None and answer[1].ok)


def _mark(answer: ServerAnswer) -> Mark:
    server, found = answer
    word = "does not answer" if found is None else found.phase
    return Mark(text=f"{server.kind} :{urlsplit(server.url).port or ''} {word}", ok=found is not None and found.ok)


def _models(found: PageState | None) -> Iterator[str]:
    """The models in use, from the table that a server of models shows."""
    for table in found.tables if found is not None else ():
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=False))
            if cells.get("place") == "current":
                yield f"{cells.get('data type')}: {cells.get('model')}"


def _group_lines(flow: _Flow) -> list[str]:
    own = [f"{_counted(len(flow.own), 'topic')} of its own"] if flow.own else []
    group = flow.group
    if group is None:
        return own
    return [f"{group.state}, {_counted(len(group.members), 'member')}", f"{sum(group.lag.values()):,} waiting", *own]


def _topic_box(name: str, topic: TopicState | None, away: str) -> PictureBox:
    if topic is None:
        return PictureBox(kind="topic", name=name, lines=["not known" if away else "not there"])
    ends = [f"{number}: {end:,}" for number, end in topic.ends.items()]
    left = list(topic.ends.values())[_MOST_LINES:]
    more = [f"and {len(left)} more: {sum(left):,}"] if left else []
    return PictureBox(kind="topic", name=name, lines=[*ends[:_MOST_LINES], *more])


def _sentence(flow: _Flow) -> str:
    marks = ", ".join(_mark(one).text for one in flow.answers) or "servers not known"
    state = "; ".join([marks, *_group_lines(flow)])
    reads = ", ".join(f"{name} ({lag:,} waiting)" if lag else name for name, lag in flow.reads.items())
    return f"{flow.name} ({state}) reads {reads or 'no topic'} and writes {', '.join(flow.writes) or 'no topic'}."


def _left_out(groups: int, topics: int) -> str:
    told = " and ".join(_counted(count, what) for count, what in ((groups, "group"), (topics, "topic")) if count)
    return f"Too much to draw: {told} more, in the tables." if told else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
