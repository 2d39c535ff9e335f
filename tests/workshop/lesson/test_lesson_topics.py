"""The ground of a lesson."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka.errors import TopicAlreadyExistsError

from modelserving.config import Settings
from modelserving.workshop.lesson.lesson_topics import delete_groups, local_folders, make_topic


class _Admin:
    """Answers of a broker that has only just started: first it does not know who is in charge of a group."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self._answers = {
            "old": ["NotCoordinatorError", "OK"],
            "new": ["GroupIdNotFoundError"],
            "busy": ["NonEmptyGroupError"],
        }

    def delete_groups(self, groups: list[str]) -> list[tuple[str, str]]:
        self.asked.append(groups)
        return [(group, self._answers[group].pop(0)) for group in groups]


def test_groups_are_forgotten_by_name_as_soon_as_the_broker_can() -> None:
    """What it cannot say yet is asked again; a group in use is named; one that never was is no error."""
    admin = _Admin()
    assert delete_groups(admin, ["old", "new", "busy"]) == ("busy",)
    assert admin.asked == [["busy", "new", "old"], ["old"]]


class _Late:
    """A broker that makes a topic only after it was asked what there is: a stopped cell had asked for it."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.done: list[str] = []

    def list_topics(self) -> list[str]:
        return list(self.topics)

    def create_topics(self, new: dict[str, object], **_: object) -> None:
        if not self.done:
            self.done.append("made late")
            self.topics.extend(new)
            raise TopicAlreadyExistsError("t")
        self.done.append("made")
        self.topics.extend(new)

    def delete_topics(self, topics: list[str], **_: object) -> None:
        self.done.append("deleted")
        self.topics = [topic for topic in self.topics if topic not in topics]


def test_a_topic_that_a_stopped_cell_had_asked_for_is_made_anew() -> None:
    """The stop button ends the wait, not the request; the cell can be run again at once."""
    broker = _Late()
    make_topic(broker, "t")  # type: ignore[arg-type,unused-ignore]
    assert broker.done == ["made late", "deleted", "made"]


@pytest.mark.broker
def test_a_group_of_a_lesson_has_read_nothing_yet(lesson: object) -> None:
    """Even where one of that name had, and was not seen when the lesson began."""
    from modelserving.workshop import Lesson, lag, take

    assert isinstance(lesson, Lesson)
    lesson.producer().send(lesson.topics.records, value=b"x").get(timeout=60)
    reader = lesson.consumer(lesson.topics.records, "r", group=lesson.group("again"))
    take(reader, 1)
    reader.commit()
    reader.close()
    name = lesson.group("again")
    assert lag(lesson.connection, name, lesson.topics.records) == {0: 1}


@pytest.mark.broker
def test_a_group_that_goes_on_is_the_same_one_when_a_cell_asks_for_it_again(lesson: object) -> None:
    """A server that is started anew by the same cell would else score all records a second time."""
    from modelserving.workshop import Lesson, lag, take

    assert isinstance(lesson, Lesson)
    lesson.producer().send(lesson.topics.records, value=b"x").get(timeout=60)
    name = lesson.group("server", goes_on=True)
    reader = lesson.consumer(lesson.topics.records, "r", group=name)
    take(reader, 1)
    reader.commit()
    assert lesson.group("server", goes_on=True) == name  # while the former reader is in it, and afterwards
    reader.close()
    assert lesson.group("server", goes_on=True) == name
    assert lag(lesson.connection, name, lesson.topics.records) == {0: 0}


def test_a_lessons_folders_are_its_own_and_those_of_its_servers(tmp_path: Path) -> None:
    """Of all kinds; those of another lesson are not among them."""
    mine = ("lessons/lesson-07", "state/lesson-07-actor", "streams/lesson-07-memory", "heating/lesson-07-heating")
    names = (*mine, "streams/lesson-08-memory")
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    found = local_folders(Settings(home=tmp_path), "lesson-07")
    assert [folder.relative_to(tmp_path).as_posix() for folder in found] == list(mine)
