"""What lessons stand on: the ground of a lesson, boxes to show things in, exercises that check themselves."""

from modelserving.workshop.display.boxes import happened, table
from modelserving.workshop.display.reading import lag, records_table, take, topic_setting
from modelserving.workshop.display.show import show
from modelserving.workshop.lesson.lesson import Lesson, start
from modelserving.workshop.processes.member import GroupMember

__all__ = [
    "GroupMember",
    "Lesson",
    "happened",
    "lag",
    "records_table",
    "show",
    "start",
    "table",
    "take",
    "topic_setting",
]
