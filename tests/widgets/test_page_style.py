"""Rules for the page around a lesson."""

from __future__ import annotations

import pytest

from modelserving.widgets.page_style import ON_LIGHT, style_page
from tests.widgets.test_colours import contrast

_ERRORS_GROUND = "#ffdddd"


@pytest.mark.parametrize("colour", ON_LIGHT.values(), ids=ON_LIGHT)
def test_the_words_of_an_error_can_be_read_on_its_ground(colour: str) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 1.4.3)."""
    assert contrast(colour, _ERRORS_GROUND) >= 4.5


def test_nothing_is_shown_where_no_notebook_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lesson that papermill runs has no page."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    style_page()
    assert capsys.readouterr().out == ""
