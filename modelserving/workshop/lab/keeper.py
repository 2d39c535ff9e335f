"""What the lab does while it is up: it is among the users of the broker, whoever starts it, and keeps its page new."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event

from modelserving.broker import EmbeddedKafka, status
from modelserving.config import Settings
from modelserving.errors import ModelServingError
from modelserving.workshop.lab.home import write_home
from modelserving.workshop.lesson.progress import ExerciseStep, Progress

_LOOK_EVERY_S = 0.5


def keep_broker(settings: Settings, look_every_s: float = _LOOK_EVERY_S) -> Callable[[Event], None]:
    """Make the task that takes a lease on each broker of this home that it sees, and starts none.

    A lesson stops the broker and starts it again; when that lesson ends, the broker is still the lab's.

    Args:
        settings: whose broker.
        look_every_s: seconds between two looks.
    """

    def keep(stop: Event) -> None:
        mine: int | None = None
        with ExitStack() as lease:
            while not stop.wait(look_every_s):
                with suppress(ModelServingError, OSError):
                    found = status(settings.home)
                    if found is not None and found.pid != mine:
                        lease.close()
                        lease.enter_context(EmbeddedKafka(home=settings.home))
                        mine = found.pid

    return keep


def keep_home(work: Path, settings: Settings, look_every_s: float = _LOOK_EVERY_S) -> Callable[[Event], None]:
    """Make the task that writes the page again when an exercise was checked.

    Args:
        work: the attendee's folder.
        settings: whose progress.
        look_every_s: seconds between two looks.
    """
    progress = Progress.of(settings)

    def keep(stop: Event) -> None:
        seen: dict[str, ExerciseStep] | None = None  # whatever was written before may be old by now
        while not stop.wait(look_every_s):
            if (now := progress.steps()) != seen:
                with suppress(OSError):
                    write_home(work, progress)
                    seen = now

    return keep
