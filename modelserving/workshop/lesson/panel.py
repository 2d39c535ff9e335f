"""What a check shows: the verdict, the buttons beside it, and after a pass one's own code beside the reference."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelserving.workshop.display.boxes import Box, Tone, highlight
from modelserving.workshop.lesson.exercise import Outcome, Verdict

_WIDGET = "application/vnd.jupyter.widget-view+json"
_COLUMN = "flex:1 1 20em;min-width:0;overflow-x:auto"
_TITLES = {
    Outcome.PASSED: ("Passed", Tone.GOOD),
    Outcome.FAILED: ("Not yet", Tone.WARN),
    Outcome.NOT_ATTEMPTED: ("Not attempted", Tone.QUIET),
    Outcome.CANNOT_CHECK: ("Cannot check", Tone.QUIET),
}


def verdict_box(verdict: Verdict) -> Box:
    """The box for what a check found."""
    title, tone = _TITLES[verdict.outcome]
    return Box(f"{title}: {verdict.exercise}", verdict.message, tone)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One's own code and the reference, folded until it is clicked.

    Args:
        mine: the attendee's cell.
        reference: one right answer.
    """

    mine: str
    reference: str

    def _repr_html_(self) -> str:
        columns = "".join(
            f'<div style="{_COLUMN}"><div>{html.escape(title)}</div>{highlight(code)}</div>'
            for title, code in (("Yours", self.mine), ("Ours", self.reference))
            if code.strip()
        )
        return (
            '<details style="margin:.3em 0"><summary style="cursor:pointer">Your code beside ours</summary>'
            f'<div style="display:flex;gap:1em;flex-wrap:wrap">{columns}</div></details>'
        )


@dataclass(frozen=True, slots=True)
class Button:
    """A button beside an exercise.

    Args:
        label: what stands on it.
        says: what its tooltip says, and a screen reader.
        press: does it, and returns what is shown below; ``CheckResult`` takes the place of the one with the button.
    """

    label: str
    says: str
    press: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What ``lesson.check`` shows. Without widgets it is its box.

    Args:
        verdict: what was found.
        beside: after a pass, the two pieces of code.
        buttons: none where nobody watches.
    """

    verdict: Verdict
    beside: SideBySide | None = None
    buttons: tuple[Button, ...] = ()

    def __repr__(self) -> str:
        return repr(verdict_box(self.verdict))

    def _repr_html_(self) -> str:
        return verdict_box(self.verdict)._repr_html_() + (self.beside._repr_html_() if self.beside else "")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Mapping[str, Any]:  # noqa: ARG002
        plain = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return {**plain, **_view(self)} if self.buttons else plain


def _view(result: CheckResult) -> Mapping[str, Any]:
    """The same with its buttons, for a front end that shows widgets."""
    import ipywidgets

    verdict, more = ipywidgets.HTML(result._repr_html_()), ipywidgets.HTML()
    made = [_button(button, verdict, more) for button in result.buttons]
    view = ipywidgets.VBox([verdict, ipywidgets.HBox(made, layout={"flex_flow": "row wrap"}), more])
    bundle = view._repr_mimebundle_()
    return {_WIDGET: bundle[_WIDGET]} if bundle and _WIDGET in bundle else {}


def _button(button: Button, verdict: Any, more: Any) -> Any:
    import ipywidgets

    made = ipywidgets.Button(description=button.label, tooltip=button.says)

    def press(_: Any) -> None:
        made.disabled = True
        try:
            shown = button.press()
        except Exception as error:  # noqa: BLE001, what a button cannot do is said beside it, and not in a log
            shown = Box(f"{button.label} failed", f"{type(error).__name__}: {error}", Tone.WARN)
        finally:
            made.disabled = False
        if isinstance(shown, CheckResult):
            verdict.value, more.value = shown._repr_html_(), ""
        else:
            more.value = shown._repr_html_()

    made.on_click(press)
    return made
