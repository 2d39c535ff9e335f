"""The picture of the running system: the data behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.monitoring.overview import AnnouncedServer, ClusterState, GroupState, TopicState
from modelserving.web.page import Arrow, Mark, PageState, PageTable, Picture, PictureBox
from modelserving.web.page.picture import BESIDE, columns_of
from modelserving.web.page.system import draw_system

STAGE = AnnouncedServer("http://127.0.0.1:5500", "stage", "wine-stage", 1, ("records", "models"), ("scored",))
MONITOR = AnnouncedServer(
    "http://127.0.0.1:5600", "monitor", "wine-monitor", 2, ("records", "scored", "judged"), ("judged",)
)
MODELS = PageTable(title="Models", columns=["data type", "place", "model"], rows=[["wine", "current", "tree"]])
SERVING = PageState(title="Model server", ok=True, phase="serving", tables=[MODELS])
TOPICS = tuple(TopicState(name, {0: 1}) for name in ("judged", "models", "other", "records", "scored"))
GROUPS = (
    GroupState("away", "Empty", (), {"scored": 0}),
    GroupState("elsewhere", "Empty", (), {"scored": 3}),
    GroupState("wine-stage", "Stable", ("here-5500",), {"records": 1200}),
)
CLUSTER = ClusterState(TOPICS, GROUPS)


def box(picture: Picture, name: str) -> PictureBox:
    """The box of that name."""
    return next(one for one in picture.boxes if one.name == name)


def arrows(picture: Picture) -> dict[tuple[str, str], str]:
    """What is written at each arrow, by the names of its ends."""
    names = [one.name for one in picture.boxes]
    return {(names[arrow.source], names[arrow.target]): arrow.text for arrow in picture.arrows}


def test_arrows_are_what_servers_say_and_what_the_broker_knows() -> None:
    """What a server announced, with what waits; a group whose servers are not known, if it has read and not all."""
    picture = draw_system([(STAGE, SERVING), (MONITOR, None)], CLUSTER)
    assert arrows(picture) == {
        ("records", "wine-stage"): "1,200 waiting",
        ("models", "wine-stage"): "",
        ("wine-stage", "scored"): "",
        ("records", "wine-monitor"): "",
        ("scored", "wine-monitor"): "",
        ("judged", "wine-monitor"): "",
        ("wine-monitor", "judged"): "",
        ("scored", "elsewhere"): "3 waiting",
    }
    assert [one.name for one in picture.boxes if one.kind == "group"] == ["wine-stage", "wine-monitor", "elsewhere"]


def test_a_pipeline_goes_from_left_to_right() -> None:
    """A topic that is only read stands before its reader; one that nobody here touches, beside."""
    picture = draw_system([(STAGE, SERVING), (MONITOR, None)], CLUSTER)
    columns = {one.name: one.column for one in picture.boxes}
    assert [columns[name] for name in ("records", "models", "wine-stage", "scored", "wine-monitor")] == [0, 0, 1, 2, 3]
    assert columns["other"] == BESIDE


def test_a_box_tells_how_its_servers_are() -> None:
    """By word and by mark; with the models in use, and how the broker sees the group. A killed server is seen."""
    picture = draw_system([(STAGE, SERVING), (MONITOR, None)], CLUSTER)
    stage = box(picture, "wine-stage")
    assert stage.marks == [Mark(text="stage :5500 serving", ok=True)]
    assert stage.lines == ["wine: tree", "Stable, 1 member", "1,200 waiting"]
    assert box(picture, "wine-monitor").marks == [Mark(text="monitor :5600 does not answer", ok=False)]


def test_it_is_told_in_words_too() -> None:
    """A sentence for each group, which a screen reader says, and a narrow screen shows instead."""
    picture = draw_system([(STAGE, SERVING)], CLUSTER)
    stage = "wine-stage (stage :5500 serving; Stable, 1 member; 1,200 waiting)"
    assert picture.says == [
        f"{stage} reads records (1,200 waiting), models and writes scored.",
        "elsewhere (servers not known; Empty, 0 members; 3 waiting) reads scored (3 waiting) and writes no topic.",
    ]


def test_topics_that_the_engine_keeps_are_counted_not_drawn() -> None:
    """Kafka Streams' own: they belong to one group, and nobody else reads them. What waits there is waiting."""
    own = "app-KSTREAM-1-repartition"
    topics = (TopicState(own, {0: 5}), TopicState("app-store-changelog", {0: 5}), TopicState("app-records", {0: 5}))
    picture = draw_system([], ClusterState(topics, (GroupState("app", "Stable", ("m",), {own: 2, "app-records": 1}),)))
    assert [one.name for one in picture.boxes] == ["app", "app-records"]
    assert box(picture, "app").lines == ["Stable, 1 member", "3 waiting", "2 topics of its own"]
    assert picture.left_out == ""


def test_partitions_are_counted_where_they_are_many() -> None:
    """The first four with their ends, the others together."""
    many = ClusterState((TopicState("t", dict.fromkeys(range(9), 10)),))
    assert box(draw_system([], many), "t").lines == ["0: 10", "1: 10", "2: 10", "3: 10", "and 5 more: 50"]


@pytest.mark.parametrize(("away", "told"), [("", "not there"), ("the broker is away", "not known")])
def test_a_topic_that_the_broker_does_not_tell_of_is_drawn(away: str, told: str) -> None:
    """The server says that it reads it."""
    assert box(draw_system([(STAGE, None)], ClusterState(away=away)), "records").lines == [told]


def test_what_is_too_much_is_told() -> None:
    """Thirteen groups, thirty topics: the rest is counted, and no arrow goes to what is not there."""
    servers = [
        (AnnouncedServer(f"http://127.0.0.1:{number}", "stage", f"g{number}", 1, (f"t{number}",)), SERVING)
        for number in range(13)
    ]
    topics = tuple(TopicState(f"t{number}", {0: 1}) for number in range(30))
    picture = draw_system(servers, ClusterState(topics))
    assert (len(picture.boxes), len(picture.arrows)) == (12 + 24, 12)
    assert picture.left_out == "Too much to draw: 1 group and 6 topics more, in the tables."


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30))
def test_columns_are_made_of_any_arrows(drawn: list[tuple[int, int]]) -> None:
    """Circles, loops and doubles too: a box with an arrow has a column, and no column before the last is empty."""
    columns = columns_of(8, drawn)
    touched = {box for arrow in drawn for box in arrow}
    assert {box for box, column in enumerate(columns) if column != BESIDE} == touched
    assert sorted({columns[box] for box in touched}) == list(range(len({columns[box] for box in touched})))


def test_an_arrow_names_boxes_by_index() -> None:
    """So two boxes may have one name: a group and a topic."""
    same = AnnouncedServer("http://127.0.0.1:1", "stage", "same", 1, ("same",))
    picture = draw_system([(same, SERVING)], ClusterState((TopicState("same", {0: 1}),)))
    assert picture.arrows == [Arrow(source=1, target=0)]
