"""The HTTP face of the heater's server: ask any instance.

::

    /                   the page for people
    /state/<sensor>     what is wanted there, of whichever instance has it
    /state/instances    who there is, with which partitions
    /healthz            whether it controls
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from modelserving.errors import ServerError
from modelserving.monitoring.metrics import EngineCollector, Exposition, JavaCollector
from modelserving.temperature.server import HeatingServer
from modelserving.web.app import add_errors, add_metrics, begin_app
from modelserving.web.page import PageState, PageTable, add_page
from modelserving.web.peer_client import AskPeer, UnknownToPeer, ask
from modelserving.web.schemas import AGAIN, HealthState, show_health


class ControlState(BaseModel):
    """What is wanted at a sensor. The first four fields are those of the messages."""

    sensorID: int
    desired: float = Field(description="°C")
    upDelta: float = Field(description="how far above is still well, K")
    downDelta: float = Field(description="how far below is still well, K")
    instance: str = Field(description="who has it")


class InstanceOfHeating(BaseModel):
    """An instance."""

    host: str
    port: int
    storeNames: list[str] = Field(description="stores that it holds some of")
    partitions: list[int] = Field(description="partitions of the sensors' topic that it works on")


def make_heating_app(server: HeatingServer, ask: AskPeer[ControlState] = ask) -> FastAPI:
    """Make the application.

    Args:
        server: this instance.
        ask: asks another one.
    """
    app = begin_app("Heater")
    add_errors(app)

    @app.get("/state/instances", summary="Who there is")
    def instances() -> list[InstanceOfHeating]:
        with _now():
            return [
                InstanceOfHeating(
                    host=each.host, port=each.port, storeNames=list(each.stores), partitions=list(each.partitions)
                )
                for each in server.instances()
            ]

    @app.get("/state/{sensor}", summary="What is wanted at a sensor")
    def state(sensor: int) -> ControlState:
        with _now():
            holder = server.holder(sensor)
            if holder.url != server.options.url:
                return ask(holder.url, f"/state/{sensor}/here", ControlState)
        return here(sensor)

    @app.get("/state/{sensor}/here", summary="The same, asked of this instance alone")
    def here(sensor: int) -> ControlState:
        with _now():
            found = server.control(sensor)
            # Whoever asked may know an older distribution: "nothing" is said by the one that would have it, no other.
            if found is None and (holder := server.holder(sensor).url) != server.options.url:
                raise ServerError(f"sensor {sensor} is at {holder}, not here. Ask there.")
        if found is None:
            raise HTTPException(404, f"nothing is wanted at sensor {sensor}: send a control to its topic first.")
        return ControlState(
            sensorID=sensor,
            desired=found.desired,
            upDelta=found.up,
            downDelta=found.down,
            instance=server.options.url,
        )

    @app.get("/healthz", summary="Whether it controls", responses={503: {"model": HealthState}})
    def healthz(response: Response) -> HealthState:
        return show_health(server.health(), response)

    add_page(app, lambda: _show(server))
    add_metrics(app, Exposition(JavaCollector(), EngineCollector(lambda: server.streams)))
    return app


def _show(server: HeatingServer) -> PageState:
    """What the page shows: who controls which rooms' partitions, as far as that is settled."""
    health, details = server.health(), []
    try:
        found = server.instances()
    except ServerError as error:
        found, details = (), [str(error)]
    return PageState(
        title="Heater",
        ok=health.ok,
        phase=str(health.phase),
        details=[*health.details, *details],
        numbers={
            "instances": len(found),
            "partitions": sum(len(one.partitions) for one in found),
            "unreadable": server.unreadable.total(),
        },
        tables=[
            PageTable(
                title="Instances",
                columns=["instance", "partitions of the sensors", "stores"],
                rows=[
                    [f"{one.host}:{one.port}", ", ".join(map(str, sorted(one.partitions))), ", ".join(one.stores)]
                    for one in found
                ],
            )
        ],
    )


@contextmanager
def _now() -> Iterator[None]:
    """While tasks move from one instance to another there is no right answer: so there is none, but a reason."""
    try:
        yield
    except UnknownToPeer as error:
        raise HTTPException(404, str(error)) from error
    except ServerError as error:
        raise HTTPException(503, str(error), dict(AGAIN)) from error
