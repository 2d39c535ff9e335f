"""Sliders that send what they say, and a line beside them that says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
from kafka.errors import KafkaError as KafkaClientError

from modelserving.errors import ModelServingError
from modelserving.svg import escape


def say_what_came(said: Any, act: Callable[[], str], failed: str = "Not sent") -> None:
    """Do what a widget is for, and say what came of it: an error that leaves a widget's function is seen by nobody.

    Args:
        said: an ``ipywidgets.HTML``.
        act: does it, and returns a sentence; errors of ours and of the client's are said, too.
        failed: what is said before such an error.
    """
    try:
        answer = act()
    except (ModelServingError, KafkaClientError) as error:
        answer = f"{failed}: {error}"
    said.value = f'<span role="status">{escape(answer)}</span>'


class Sliders:
    """Several sliders.

    Args:
        send: is given all values when somebody has moved one, and returns a sentence.
        sliders: by name.
    """

    def __init__(self, send: Callable[..., str], **sliders: Any) -> None:
        self.by_name = sliders
        self.said = ipywidgets.HTML()
        self._send, self._shown = send, False
        for slider in sliders.values():
            slider.observe(self._moved, names="value")

    @property
    def widgets(self) -> tuple[Any, ...]:
        """What is shown, in order."""
        return (*self.by_name.values(), self.said)

    def show(self, **values: float) -> None:
        """Set them without sending anything."""
        self._shown = True
        try:
            for name, value in values.items():
                self.by_name[name].value = value
        finally:
            self._shown = False

    def _moved(self, _: object) -> None:
        if not self._shown:
            say_what_came(self.said, lambda: self._send(**{n: one.value for n, one in self.by_name.items()}))
