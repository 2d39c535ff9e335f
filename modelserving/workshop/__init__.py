"""What lessons stand on: the environment of a lesson, boxes to show things in, exercises that check themselves.

::

    lesson/        a lesson in a kernel: environment, exercises, progress, reset
    exercises/     the exercises, a file each
    display/       what lessons show
    processes/     servers, members of groups, commands: child processes
    authoring/     from the text of a lesson to its notebooks
    lab/           JupyterLab, the doctor, the home page
    slides/        the presentation

Each name is imported when it is first used: children of a lesson (``processes/``) are of this package, too, and would
wait for widgets and figures that they never show. In a notebook ■ leaves no module half imported from here on, so a
lesson imports this package before others.
"""

from typing import TYPE_CHECKING

from modelserving.system.lazy import lazy_imports
from modelserving.workshop.lesson.stopping import stop_code_only

if TYPE_CHECKING:
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

__getattr__ = lazy_imports(
    __name__,
    {
        "display.boxes": ("happened", "table"),
        "display.reading": ("lag", "records_table", "take", "topic_setting"),
        "display.show": ("show",),
        "lesson.lesson": ("Lesson", "start"),
        "processes.member": ("GroupMember",),
    },
)

stop_code_only()
