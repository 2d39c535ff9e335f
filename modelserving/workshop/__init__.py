"""What lessons stand on: the ground of a lesson, boxes to show things in, exercises that check themselves."""

from modelserving.workshop.boxes import happened, table
from modelserving.workshop.lesson import Lesson, start
from modelserving.workshop.member import GroupMember
from modelserving.workshop.reading import lag, records_table, take, topic_setting
from modelserving.workshop.show import show

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
