"""``modelserving serve temperature`` and ``modelserving temperature simulate | set``: the heater."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.console import make_console
from modelserving.commands.options import Prefix, UntilStdinCloses
from modelserving.commands.serve.launch import GroupServer, LaunchedServer, launch
from modelserving.commands.serve.options import ListenOptions, with_options
from modelserving.commands.serve.servers import serve_app as servers
from modelserving.config import load_settings

if TYPE_CHECKING:
    from modelserving.kafka import Connection

temperature_app = typer.Typer(
    help="The dynamically controlled heater: rooms, and what is wanted.", no_args_is_help=True
)

_PARTITIONS = "How many partitions the topics get where they are made now; several instances share them."
Partitions = Annotated[int, typer.Option(min=1, max=64, help=_PARTITIONS)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(temperature_app, name="temperature")


@servers.command()
@with_options(ListenOptions, port=5700)
def temperature(said: ListenOptions, partitions: Partitions = 4) -> None:
    """Control heaters with Kafka Streams. Ctrl-C ends it."""
    from modelserving.temperature import HEATING_TOPICS, HeatingOptions, HeatingServer
    from modelserving.temperature.faces import make_heating_app
    from modelserving.temperature.topics import create_heating_topics

    topics = HEATING_TOPICS.prefixed(said.prefix) if said.prefix else HEATING_TOPICS

    def make(connection: Connection, member: GroupServer) -> LaunchedServer:
        create_heating_topics(connection, topics, partitions)
        folder = load_settings().home / "heating" / member.group / member.instance
        options = HeatingOptions(folder, topics, member.group, member.instance, member.url)
        server = HeatingServer(connection, options)
        about = f"Controlling {topics.heater} by {topics.sensor} and {topics.control}"
        look = f"What is wanted: {member.url}/state/1"
        reads, writes = (topics.sensor, topics.control), (topics.heater, topics.dead_letters)
        return LaunchedServer(server.run, make_heating_app(server), about, look, reads=reads, writes=writes)

    launch("heating", said, make)


@temperature_app.command("simulate")
def simulate(
    rooms: Annotated[int, typer.Option(min=1, max=100, help="How many rooms.")] = 3,
    speed: Annotated[float, typer.Option(min=0.001, help="Seconds in the rooms for each second here.")] = 600.0,
    every_ms: Annotated[float, typer.Option(min=1, help="How often each sensor says something, milliseconds.")] = 250.0,
    max_readings: Annotated[int | None, typer.Option(min=1, help="Stop after so many readings.")] = None,
    prefix: Prefix = "",
    partitions: Partitions = 4,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Rooms that heat and cool: sensors publish, heaters obey. Ctrl-C ends it."""
    from modelserving.broker import use_broker
    from modelserving.commands.stopping import stop_event
    from modelserving.temperature import HEATING_TOPICS, Room, Simulator
    from modelserving.temperature.topics import create_heating_topics

    console = make_console()
    topics = HEATING_TOPICS.prefixed(prefix) if prefix else HEATING_TOPICS
    with use_broker() as connection, stop_event(until_stdin_closes) as stop:
        create_heating_topics(connection, topics, partitions)
        made = [Room(sensor, temperature=12.0 + sensor) for sensor in range(1, rooms + 1)]
        living = Simulator(connection, made, topics, speed, every_ms / 1000)
        console.print(f"{rooms} rooms publish to {topics.sensor}; a minute there is {60 / speed:g} s here.")
        console.print("Nobody has said how warm it should be? `modelserving temperature set 1 21`.")
        living.run(stop, max_readings)
        console.print(f"{living.sent} readings published, {living.commands} commands obeyed.")


@temperature_app.command("set")
def set_control(
    sensor: Annotated[int, typer.Argument(help="At which sensor.")],
    desired: Annotated[float, typer.Argument(help="How warm it should be, °C.")],
    up: Annotated[float, typer.Option(min=0, help="How far above is still well, K.")] = 0.5,
    down: Annotated[float, typer.Option(min=0, help="How far below is still well, K.")] = 0.5,
    prefix: Prefix = "",
) -> None:
    """Say how warm it should be at a sensor."""
    from modelserving.broker import use_broker
    from modelserving.records import TemperatureControl
    from modelserving.temperature import HEATING_TOPICS
    from modelserving.temperature.simulator import send_control
    from modelserving.temperature.topics import create_heating_topics

    topics = HEATING_TOPICS.prefixed(prefix) if prefix else HEATING_TOPICS
    with use_broker() as connection:
        create_heating_topics(connection, topics, 4)
        send_control(connection, TemperatureControl(sensor, desired, up, down), topics)
    low, high = desired - down, desired + up
    make_console().print(f"Sensor {sensor}: from {low:g} to {high:g} °C from now on.")
