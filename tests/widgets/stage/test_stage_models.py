"""The table of a server's models and its buttons: what they send, and when they rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelserving.errors import BrokerUnavailable
from modelserving.records import Action
from modelserving.widgets.stage.feed import _report
from modelserving.widgets.stage.models import ModelTable
from modelserving.widgets.stage.snapshot import ServerReport


def said(name: str, **more: object) -> dict[str, object]:
    """A model, as `/state` tells of it."""
    return {"name": name, "version": "1", "digest": name[0] * 64, **more}


BESIDE = said("shadow", percent=50.0, compared=1200, equal=1100)
BOTH = _report({"data_type": "wine", "current": said("now"), "previous": said("before"), "shadow": BESIDE})
NO_SHADOW = replace(BOTH, shadow=None)
Sent = list[tuple[Action, str, str, float]]


@pytest.fixture
def sent() -> Sent:
    """What was sent."""
    return []


@pytest.fixture
def table(sent: Sent) -> ModelTable:
    """A table whose commands go nowhere."""

    def send(*command: object) -> str:
        sent.append(command)  # type: ignore[arg-type]
        return "control, partition 0, offset 7"

    return ModelTable(send)


def awake(table: ModelTable) -> set[str]:
    """The buttons that can be pressed."""
    return {words for words, button in table.buttons.items() if not button.disabled}


def test_a_server_without_a_model_has_said_so(table: ModelTable) -> None:
    """After the last one was retired, the table does not say that the server is silent."""
    assert "said nothing" in table._table.value
    table.show(_report({"name": "None", "current": None}))
    assert "The server has no model." in table._table.value


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (None, set()),
        (ServerReport("", "", None, 0, 0), set()),
        (NO_SHADOW, {"Roll back", "Shadow the previous"}),
        (BOTH, {"Roll back", "Promote the shadow", "End the shadow"}),
        (replace(BOTH, previous=None), {"Promote the shadow", "End the shadow"}),
    ],
)
def test_a_button_rests_while_there_is_nothing_that_it_could_mean(
    table: ModelTable, report: ServerReport | None, words: set[str]
) -> None:
    """No previous model, no rollback; no shadow, none to promote."""
    table.show(report)
    assert awake(table) == words


@pytest.mark.parametrize(
    ("words", "report", "command"),
    [
        ("Roll back", BOTH, (Action.ROLL_BACK, "wine", "b" * 64, 0.0)),
        ("Shadow the previous", NO_SHADOW, (Action.SHADOW, "wine", "b" * 64, 50.0)),
        ("Promote the shadow", BOTH, (Action.PROMOTE, "wine", "s" * 64, 0.0)),
        ("End the shadow", BOTH, (Action.SHADOW, "wine", "s" * 64, 0.0)),
    ],
)
def test_a_button_sends_one_command_about_the_model_that_was_shown(
    table: ModelTable, sent: Sent, words: str, report: ServerReport, command: tuple[Action, str, str, float]
) -> None:
    """By its digest: what is clicked is what was seen."""
    table.show(report)
    table.buttons[words].click()
    assert sent == [command]
    assert f"{words}: sent to control, partition 0, offset 7." in table._answer.value


def test_a_command_that_cannot_be_sent_is_said_beside_the_buttons() -> None:
    """A click has nobody else to tell."""

    def send(*_: object) -> None:
        raise BrokerUnavailable("no <broker>")

    table = ModelTable(send)
    table.show(BOTH)
    table.buttons["Roll back"].click()
    assert "Roll back failed: no &lt;broker&gt;" in table._answer.value


def test_each_slot_has_a_row_and_names_are_text(table: ModelTable) -> None:
    """The shadow's says how it compares; a name from a stranger stays a name."""
    table.show(_report({"current": said("<b>now</b>"), "shadow": BESIDE}))
    shown = table._table.value
    assert shown.count('scope="row"') == 2
    assert "&lt;b&gt;now&lt;/b&gt;" in shown
    assert "scores 50 % of the records: 1,200 compared, 1,100 of them equal" in shown
