"""Rules for the page around a lesson."""

from __future__ import annotations

import linecache
import re

import pytest
from IPython.core.ultratb import FormattedTB

from modelserving.widgets.colours import DIM, LIT, LIT_TEXT
from modelserving.widgets.page_style import BRIGHTER, COMMENTS, ON_DARK, ON_LIGHT, page_style, style_page
from tests.widgets.test_colours import contrast

_ERRORS_GROUNDS = {"light": "#ffdddd", "dark": "#5c2b27"}
"""JupyterLab's red for errors; in the dark theme it is transparent, here over the lighter of its greys."""
_BLACK = "#111111"
_CODE = """
def f(x, y=3):
    class A(object): pass
    if x is not None and len([1.5]) > 0 and isinstance(x, int): raise ValueError("bad %s" % x, 0x1f, lambda: self)
    @staticmethod
    def g(): return KeyError
def h():
    for i in range(3): f(i)
h()
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ON_LIGHT)
def test_the_words_of_an_error_can_be_read_on_its_ground(theme: str, name: str) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 1.4.3)."""
    colour = {"light": ON_LIGHT, "dark": ON_DARK}[theme][name]
    assert contrast(colour, _ERRORS_GROUNDS[theme]) >= 4.5


def test_each_colour_of_a_traceback_has_one_of_ours() -> None:
    """IPython's code has names of a terminal's colours, and numbers, which JupyterLab writes into the element."""
    linecache.cache["<code>"] = (len(_CODE), None, _CODE.splitlines(True), "<code>")
    try:
        exec(compile(_CODE, "<code>", "exec"), {})
    except ValueError as error:
        shown = FormattedTB(mode="Context", theme_name="neutral").text(type(error), error, error.__traceback__)
    ink = ("39", "0", "30;43", "38;5;250")  # the page's own; black on yellow; a grey for spaces
    codes = {code for code in re.findall("\x1b\\[([0-9;]+)m", shown) if not code.startswith(ink)}
    assert len(codes) > 8
    names = {"31": "red", "32": "green", "33": "yellow", "34": "blue", "35": "magenta", "36": "cyan"}
    for code in codes:
        name, number = names.get(code[:2]), code.removeprefix("38;5;").removesuffix(";01")
        told = f".ansi-{name}-fg" if name else f"rgb({_rgb(int(number))})"
        assert page_style().count(told) == 2, "one for each theme"


@pytest.mark.parametrize(("is_light", "cell"), [("true", "#f5f5f5"), ("false", "#212121")])
def test_comments_in_cells_can_be_read(is_light: str, cell: str) -> None:
    """Many of ours say why a line is there; what JupyterLab has for them is too faint."""
    assert contrast(COMMENTS[is_light], cell) >= 4.5
    assert f"--jp-mirror-editor-comment-color: {COMMENTS[is_light]}" in page_style()


def test_the_grey_of_the_pipeline_can_be_read_on_black() -> None:
    """It is an image, which does not know its page's theme; what is lit is read as well as before."""
    assert contrast(_brighter(DIM), _BLACK) >= 4.5
    assert contrast(_brighter(LIT), LIT_TEXT) >= 4.5


def _brighter(colour: str) -> str:
    return "#" + "".join(f"{min(255, round(BRIGHTER * int(colour[at : at + 2], 16))):02x}" for at in (1, 3, 5))


def _rgb(number: int) -> str:
    """What a colour of the terminal's cube of 216 is made of."""
    steps = (0, 95, 135, 175, 215, 255)
    return ",".join(str(steps[(number - 16) // size % 6]) for size in (36, 6, 1))


def test_nothing_is_shown_where_no_notebook_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lesson that papermill runs has no page."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    style_page()
    assert capsys.readouterr().out == ""
