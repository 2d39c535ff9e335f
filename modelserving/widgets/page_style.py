"""Rules for JupyterLab's page around a lesson: plain output is broken between words, and all can be read."""

from __future__ import annotations

from collections.abc import Mapping

from modelserving.config import in_jupyter_session

_WORDS = ".jp-OutputArea .jp-OutputArea-output pre { word-break: normal; overflow-wrap: anywhere; }"
# JupyterLab's own have a contrast of 1.6 to 2.7 to 1 on the red ground of an error, 3.3 to 4.1 in the dark theme, and
# IPython's numbered ones 2.3 to 3.9; these have 4.5 on it and on the page.
ON_LIGHT = {
    "red": "#b3261e",
    "green": "#00693a",
    "yellow": "#7a4f00",
    "blue": "#1a4fa0",
    "cyan": "#006470",
    "magenta": "#8a2a80",
}
"""Colours of errors in the light theme, by their names in a terminal."""
ON_DARK = {
    "red": "#ff9d98",
    "green": "#5ccf8a",
    "yellow": "#ddb62b",
    "blue": "#86bfff",
    "cyan": "#60c6c8",
    "magenta": "#e8a0e0",
}
"""The same in the dark theme."""
_NUMBERED = {"0,135,0": "green", "175,0,255": "magenta", "175,95,135": "magenta", "215,95,95": "red"}
"""IPython's for the code of a traceback: the terminal's 28, 129, 132 and 167, as JupyterLab writes them."""
COMMENTS = {"true": "#2e6e6e", "false": "#7ab5b5"}
"""Comments in cells, by whether the theme is light: JupyterLab's have 4.2 to 1 there, 3.5 in the dark one."""
BRIGHTER = 1.2
"""How much brighter the pipeline's picture is in the dark theme: no one grey has 4.5 to 1 on white and on black."""
_PICTURE = f'[data-jp-theme-light="false"] img[alt^="The pipeline,"] {{ filter: brightness({BRIGHTER}); }} '
# A tab that is opened again asks for two seconds whether a widget is known. Where the browser is busy for that long, it
# becomes known meanwhile, and is not looked for again: its place says so for good. Here that is drawn once more.
_REDRAW = """<script>{ const redraw = () => {
  for (const panel of window.jupyterapp?.shell.widgets('main') ?? []) {
    for (const { outputArea } of panel.content?.widgets ?? []) {
      if (!outputArea?.node.textContent.includes('Error displaying widget: model not found')) continue;
      const outputs = outputArea.model;
      for (let at = 0; at < outputs.length; at++) {
        const output = outputs.get(at).toJSON();
        const id = output.data?.['application/vnd.jupyter.widget-view+json']?.model_id;
        if (id && !window.modelservingRedrawn.has(id)) {
          window.modelservingRedrawn.add(id);
          outputs.set(at, output);
        }
      }
    }
  }
};
if (!window.modelservingRedrawn) { window.modelservingRedrawn = new Set(); setInterval(redraw, 1000); } }</script>"""
_HIDDEN = ".jp-OutputArea-child:has(.modelserving-page) { display: none; }"


def page_style() -> str:
    """The rules, and what draws a widget once more that was not found; neither takes any room."""
    errors = _of_errors("true", ON_LIGHT) + _of_errors("false", ON_DARK)
    comments = "".join(
        f'[data-jp-theme-light="{is_light}"] {{ --jp-mirror-editor-comment-color: {colour}; }} '
        for is_light, colour in COMMENTS.items()
    )
    return f'<style class="modelserving-page">{_WORDS} {errors}{comments}{_PICTURE}{_HIDDEN}</style>{_REDRAW}'


def _of_errors(is_light: str, colours: Mapping[str, str]) -> str:
    inside = f'[data-jp-theme-light="{is_light}"] .jp-OutputArea-output pre'
    named = (
        f"{inside} :is(.ansi-{name}-fg, .ansi-{name}-intense-fg) {{ color: {colour}; }} "
        for name, colour in colours.items()
    )
    numbered = (
        f'{inside} span[style*="rgb({numbers})"] {{ color: {colours[name]} !important; }} '
        for numbers, name in _NUMBERED.items()
    )
    return "".join((*named, *numbered))


def style_page() -> None:
    """Give the page its rules, as an output of the cell that runs; where no JupyterLab shows it, nothing."""
    if in_jupyter_session():
        from IPython.display import display

        display({"text/html": page_style(), "text/plain": ""}, raw=True)
