"""``modelserving slides | present``: the presentation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Half = Annotated[bool, typer.Option("--half", help="The half day: without the slides that only the full day has.")]
Out = Annotated[Path, typer.Option(help="The folder for them.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(slides)
    app.command()(present)


def slides(
    half: Half = False,
    out: Out = Path("build/slides"),
    pdf: Annotated[bool, typer.Option(help="Print them too, with and without notes; needs Chromium.")] = True,
) -> None:
    """Build the presentation: one folder that works from disk, with no network."""
    from modelserving.workshop.slides.build import build, find_browser, print_pdfs

    index = build(out.absolute(), "half" if half else "full", typer.echo)
    browser = find_browser()
    if pdf and browser:
        print_pdfs(index, browser, typer.echo)
    elif pdf:
        typer.echo("No PDF: there is no Chromium here to print it (--no-pdf says nothing of it).")


def present(
    half: Half = False,
    out: Out = Path("build/slides"),
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Show the presentation from this machine's own address, so that the pages of its servers can be in it.

    The first key or click opens the notes with a clock, too (and S does), F fills the screen, Esc shows all slides.
    Ctrl-C ends it.
    """
    from modelserving.workshop.slides.build import build
    from modelserving.workshop.slides.present import serve_folder

    index = build(out.absolute(), "half" if half else "full", typer.echo)
    serve_folder(index.parent, typer.echo, browser=browser)
