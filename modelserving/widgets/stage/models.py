"""The table of a server's models, with buttons for what one may want of them: each sends a command about models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets

from modelserving.records import Action
from modelserving.svg import Markup, element, escape, join, shorten
from modelserving.widgets.sliders import say_what_came
from modelserving.widgets.stage.snapshot import ServerReport, SlotReport

Send = Callable[[Action, str, str, float], object]
"""Sends a command: what is wanted, whose models, which model (its digest), and of how many records, percent."""

_HEADS = ("place", "model", "digest")
_SHORT = 12
_PERCENT = 50.0
_STYLE = "padding:.1em .8em .1em 0;text-align:left;line-height:1.3"


@dataclass(frozen=True, slots=True)
class _Command:
    """What a button is for.

    Args:
        words: on the button.
        says: what a click does, as a tooltip.
        action: what the command wants,
        percent: and of how many records.
        target: the model that is meant, if there is one to be meant.
    """

    words: str
    says: str
    action: Action
    percent: float
    target: Callable[[ServerReport], SlotReport | None]


_COMMANDS = (
    _Command("Roll back", "The previous model serves again", Action.ROLL_BACK, 0.0, lambda said: said.previous),
    _Command(
        "Shadow the previous",
        f"The previous model scores {_PERCENT:g} % of the records beside the one in use; its answers go nowhere",
        Action.SHADOW,
        _PERCENT,
        lambda said: None if said.shadow else said.previous,
    ),
    _Command("Promote the shadow", "The shadow serves from now on", Action.PROMOTE, 0.0, lambda said: said.shadow),
    _Command("End the shadow", "The shadow scores no more", Action.SHADOW, 0.0, lambda said: said.shadow),
)


class ModelTable:
    """Which models the server has, and buttons to roll back, and to begin, promote and end a shadow.

    A command names the model that the table showed, so a click too many changes nothing.

    Args:
        send: sends a command.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._said: ServerReport | None = None
        self._table = ipywidgets.HTML(layout={"width": "100%"})
        self._answer = ipywidgets.HTML()
        self.buttons: Mapping[str, Any] = {command.words: self._button(command) for command in _COMMANDS}
        row = ipywidgets.HBox([*self.buttons.values(), self._answer], layout={"flex_flow": "row wrap"})
        self.widget = ipywidgets.VBox([self._table, row], layout={"width": "100%"})
        self.show(None)

    def show(self, said: ServerReport | None) -> None:
        """Show these models.

        Args:
            said: by the server; ``None``: nothing yet.
        """
        self._said = said
        table = _table(said)
        if self._table.value != table:  # each value goes to the browser
            self._table.value = table
        for command in _COMMANDS:
            self.buttons[command.words].disabled = said is None or command.target(said) is None

    def _button(self, command: _Command) -> Any:
        button = ipywidgets.Button(
            description=command.words, tooltip=command.says, disabled=True, layout={"width": "auto"}
        )
        button.on_click(lambda _: self._press(command))
        return button

    def _press(self, command: _Command) -> None:
        """Send the command, and say beside the buttons what came of it."""
        said = self._said
        meant = None if said is None else command.target(said)
        if said is None or meant is None:
            return

        def send() -> str:
            sent = self._send(command.action, said.data_type, meant.digest, command.percent)
            return f"{command.words}: sent to {sent}."

        say_what_came(self._answer, send, f"{command.words} failed")


def _table(said: ServerReport | None) -> Markup:
    slots = [] if said is None else [("in use", said.current), ("previous", said.previous), ("shadow", said.shadow)]
    rows = [_row(slot, model) for slot, model in slots if model is not None]
    if not rows:
        knows = said is not None and said.serves_none
        why = "The server has no model." if knows else "The server has said nothing of its models yet."
        return element("p", escape(why))
    heads = join(element("th", escape(head), scope="col", style=_STYLE) for head in _HEADS)
    table = element("table", element("tr", heads), *rows, aria_label="Models of the server", style="margin:0")
    return element("div", table, style="overflow-x:auto")


def _row(slot: str, model: SlotReport) -> Markup:
    """A model's row, and below it how it compares, if it does: beside it a narrow panel has no room for that."""
    named = f"{shorten(model.name, 40)} {shorten(model.version, 20)}"
    cells = (element("td", escape(cell), style=_STYLE) for cell in (named, model.digest[:_SHORT]))
    row = element("tr", element("th", escape(slot), scope="row", style=_STYLE), *cells)
    if not model.compares:
        return row
    return join((row, element("tr", element("td", escape(model.compares), colspan=len(_HEADS), style=_STYLE))))
