"""``modelserving setup | lab | doctor | lesson reset``: what an attendee needs besides the lessons themselves."""

from __future__ import annotations

from typing import Annotated

import typer

lesson_app = typer.Typer(help="The lessons' topics and local state.", no_args_is_help=True)
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(setup)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab)
    app.command()(doctor)
    app.add_typer(lesson_app, name="lesson")


def setup() -> None:
    """Bring the Java libraries (Kafka, Kafka Streams) that are not there yet, and have all start fast."""
    from modelserving import broker, jars
    from modelserving.workshop.lab import training_run

    jars.install(typer.echo)
    broker.prepare(typer.echo)
    training_run.prepare(typer.echo)


def lab(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where that is taken, the next free port.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open the workbook: JupyterLab on its home page, with the broker running. Ctrl-C ends both.

    Options that are not listed here, such as --allow-root, are JupyterLab's own, and handed on to it.
    """
    from modelserving.workshop.lab.lab import run_lab

    run_lab(typer.echo, port=port, browser=browser, extra=context.args)


def doctor() -> None:
    """Check this machine, and print the exact fix for each problem."""
    from modelserving.workshop.lab.doctor import run_doctor

    raise typer.Exit(run_doctor(typer.echo))


@lesson_app.command("reset")
def reset(
    number: Annotated[
        str | None, typer.Argument(help="Number of the lesson, for example 02; none: all of them.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Delete a lesson's topics and local state, or those of all lessons; says first what goes."""
    from modelserving.config import load_settings
    from modelserving.workshop.lesson.reset import Reset, reset_lesson, reset_workbook

    def agree(plan: Reset) -> bool:
        typer.echo(str(plan))
        return yes or typer.confirm("Delete it?")

    settings = load_settings()
    done = reset_lesson(number, settings, agree) if number else reset_workbook(settings, agree)
    typer.echo("Done." if done else "Nothing was deleted.")
