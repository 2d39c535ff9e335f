"""The HTTP face, asked without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import anyio
import httpx
import pytest
from fastapi import APIRouter

from modelserving.models.info import Slots, SlotsUpdate
from modelserving.serving import Counts, Phase
from modelserving.web import make_app
from tests.fakes import FakeServer, served_by

NONE = {"name": "None", "description": "None", "since": 0, "usage": 0, "duration": 0.0, "min": 0, "max": 0}
"""What the JVM tutorial answers before any model, field by field."""


@pytest.fixture
def view() -> Iterator[FakeServer]:
    """A server without a model."""
    made = FakeServer()
    yield made
    made.slots.close()


def get(view: FakeServer, path: str, *routers: APIRouter) -> httpx.Response:
    """Ask the face of a server; ``path`` as it goes over the wire."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(view, *routers))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.get(path)

    return anyio.run(ask)


class TestState:
    def test_before_any_model_it_is_the_none_object(self, view: FakeServer) -> None:
        """The first seven fields, in their order and with these values: a client of the original understands them."""
        response = get(view, "/state")
        assert response.status_code == 200
        assert list(response.json().items())[:7] == list(NONE.items())

    def test_with_a_model_it_says_who_and_how_fast(self, view: FakeServer) -> None:
        """Times in milliseconds where the original has them, in nanoseconds where they are ours."""
        view.slots.swap(served := served_by(name="tree"))
        served.statistics.record(2_000, 3)
        served.statistics.record(500_000)
        state = get(view, "/state").json()
        assert (state["name"], state["description"], state["usage"]) == ("tree", "about tree", 4)
        assert (state["duration"], state["min"], state["max"]) == (0.506, 0.002, 0.5)
        assert (state["data_type"], state["type"], state["version"]) == ("wine", "pmml", "1")
        assert (state["digest"], state["mean_ns"], state["swaps"]) == ("digest of tree", 126_500.0, 1)
        assert state["since"] > 1_700_000_000_000
        assert state["p50_ns"] == pytest.approx(2_000, rel=1e-3)
        assert state["p99_ns"] == pytest.approx(500_000, rel=1e-3)

    def test_a_person_can_read_it(self, view: FakeServer) -> None:
        """A field on each line; no model is null, and units are said where the names of the old fields do not.

        Only the two that the JVM tutorial has say so with a text.
        """
        empty = get(view, "/state").json()
        assert empty["current"] is None
        assert [name for name, value in empty.items() if value == "None"] == ["name", "description"]
        view.slots.swap(served_by(name="tree"))
        response = get(view, "/state")
        assert len(response.text.splitlines()) > len(response.json())
        told = response.json()
        assert told["units"] == {"since": "milliseconds since 1970", "duration": "ms", "min": "ms", "max": "ms"}
        assert told["current"]["name"] == told["name"] != "None"
        assert datetime.fromisoformat(told["since_utc"]).timestamp() * 1000 == pytest.approx(told["since"])

    def test_it_shows_the_model_that_was_put_in_its_place_last(self, view: FakeServer) -> None:
        """Of several data types, the one that changed last; each has an address of its own."""
        view.slots.swap(served_by(name="for red", data_type="red"))
        view.slots.swap(served_by(name="for white", data_type="white"))
        assert get(view, "/state").json()["name"] == "for white"
        assert get(view, "/state/red").json()["name"] == "for red"

    def test_it_counts_what_became_of_the_records(self, view: FakeServer) -> None:
        """Also while there is no model: that is when records are skipped."""
        view.counts = Counts(scored=1, skipped=2, dead_lettered=3)
        view.models_refused = 4
        state = get(view, "/state").json()
        assert [state[name] for name in ("scored", "skipped", "dead_lettered", "models_refused")] == [1, 2, 3, 4]

    def test_it_says_which_model_is_wanted_and_nowhere(self, view: FakeServer) -> None:
        """Beside the one that serves in its place; also where none does."""
        view.slots.swap(served_by())
        view.models_absent = {"wine": "it is nowhere.", "beer": "nor is it."}
        assert get(view, "/state").json()["absent"] == "it is nowhere."
        assert get(view, "/state/beer").json()["detail"].endswith("nor is it.")

    def test_it_shows_what_stands_beside(self, view: FakeServer) -> None:
        """The model that a rollback would bring back, and the shadow with its comparison; null where there is none."""
        assert [get(view, "/state").json()[name] for name in ("previous", "shadow")] == [None, None]
        first, second, beside = (served_by(name=name) for name in ("first", "second", "beside"))
        view.slots.apply(SlotsUpdate("wine", Slots(second, first, beside, 5.0)))
        state = get(view, "/state/wine").json()
        assert (state["name"], state["previous"]["name"], state["previous"]["type"]) == ("second", "first", "pmml")
        assert (state["shadow"]["name"], state["shadow"]["percent"], state["shadow"]["compared"]) == ("beside", 5.0, 0)

    def test_a_shadow_alone_is_shown_too(self, view: FakeServer) -> None:
        """Before any model serves: the fields of the original say so, and the shadow stands beside them."""
        view.slots.apply(SlotsUpdate("wine", Slots(shadow=served_by(name="beside"), percent=5.0)))
        state = get(view, "/state/wine").json()
        assert list(state.items())[:7] == list(NONE.items())
        assert state["shadow"]["name"] == "beside"

    def test_a_retired_data_type_has_no_state(self, view: FakeServer) -> None:
        """As before its first model."""
        view.slots.swap(served_by())
        view.slots.apply(SlotsUpdate("wine", Slots()))
        assert get(view, "/state/wine").status_code == 404
        assert list(get(view, "/state").json().items())[:7] == list(NONE.items())

    def test_an_unknown_data_type_is_told_the_known_ones(self, view: FakeServer) -> None:
        """404 with what there is, where the original answered 200 and an object full of nothing."""
        assert get(view, "/state/beer").json() == {
            "detail": "no model for data type 'beer'. Data types with a model: none yet."
        }
        for data_type in ("wine", "cider"):
            view.slots.swap(served_by(data_type=data_type))
        response = get(view, "/state/beer")
        assert response.status_code == 404
        assert "cider, wine" in response.json()["detail"]

    @pytest.mark.parametrize(
        "segment", ["%2e%2e%5Cx", "a%20b", "wine%0A", "wi%00ne", "%3Cscript%3E", "x" * 65, "%C3%A9", "-x"]
    )
    def test_a_hostile_data_type_is_a_bad_request(self, view: FakeServer, segment: str) -> None:
        """400 with the rule, whatever the percent signs hide."""
        response = get(view, f"/state/{segment}")
        assert response.status_code == 400
        assert "is not allowed: use 1 to 64 letters" in response.json()["detail"]

    @pytest.mark.parametrize(
        "path", ["/state/../healthz", "/state/%2e%2e", "/state/..%2f..%2fetc%2fpasswd", "/state/a%2Fb"]
    )
    def test_a_path_that_climbs_finds_no_state(self, view: FakeServer, path: str) -> None:
        """Nothing outside of /state is reached by a data type: it is refused, or there is nothing there."""
        response = get(view, path)
        assert response.status_code in {400, 404} or "status" in response.json()
        assert "passwd" not in response.headers.get("location", "")


class TestOtherPaths:
    def test_models_are_listed_by_data_type(self, view: FakeServer) -> None:
        """The original's path and form."""
        assert get(view, "/models").json() == {"models": []}
        view.slots.swap(served_by())
        assert get(view, "/models").json() == {"models": ["wine"]}

    @pytest.mark.parametrize("phase", list(Phase))
    def test_healthz_says_whether_it_serves(self, view: FakeServer, phase: Phase) -> None:
        """200 while serving, 503 before, after, and while the broker is away; with what the server is doing.

        The state, which is shown all the same, says whether its counts are those of now.
        """
        view.phase = phase
        assert get(view, "/state").json()["serving"] is (phase is Phase.SERVING)
        response = get(view, "/healthz")
        assert response.headers.get("Retry-After") == (None if phase is Phase.SERVING else "1")
        assert response.status_code == (200 if phase is Phase.SERVING else 503)
        assert response.json() == {
            "status": "ok" if phase is Phase.SERVING else "unavailable",
            "phase": phase.value,
            "details": ["all is well"],
        }

    @pytest.mark.parametrize("path", ["/stat", "/state/wine/x", "/metric"])
    def test_a_wrong_address_is_told_the_right_ones(self, view: FakeServer, path: str) -> None:
        """404 that helps."""
        response = get(view, path)
        assert response.status_code == 404
        assert response.json() == {
            "detail": f"nothing at {path}. Try: /state, /state/{{data_type}}, /models, /healthz, /snapshot, /metrics, "
            "/docs."
        }

    def test_the_front_door_leads_to_the_documentation(self, view: FakeServer) -> None:
        """Who types the plain address sees what the server does, and finds out what else there is."""
        response = get(view, "/")
        assert response.status_code == 200
        assert 'href="/docs"' in response.text

    def test_prometheus_reads_what_is_counted(self, view: FakeServer) -> None:
        """As text, with the process itself."""
        response = get(view, "/metrics")
        assert response.headers["content-type"].startswith("text/plain")
        assert "modelserving_records_scored_total 0.0" in response.text
        assert "process_resident_memory_bytes" in response.text

    def test_a_server_may_have_paths_of_its_own(self, view: FakeServer) -> None:
        """They stand beside the others, in the documentation too."""
        router = APIRouter()

        @router.get("/stores", summary="Its stores")
        async def stores() -> list[str]:
            return ["memory"]

        assert get(view, "/stores", router).json() == ["memory"]
        assert "/stores" in get(view, "/openapi.json", router).json()["paths"]


class TestDocumentation:
    def test_the_page_needs_no_other_host(self, view: FakeServer) -> None:
        """A workshop room may have no network: every file of the page comes from this server."""
        page = get(view, "/docs")
        assert page.status_code == 200
        linked = re.findall(r"""(?:href|src)=["']([^"']+)["']""", page.text)
        assert linked
        assert not re.search(r"""(["'(])(https?:)?//""", page.text)
        for path in [*linked, "/openapi.json"]:
            assert path.startswith("/")
            assert get(view, path).status_code == 200

    def test_the_description_is_complete(self, view: FakeServer) -> None:
        """Each path has a summary, each answer a schema, each reference leads somewhere, each field is explained."""
        api = get(view, "/openapi.json").json()
        assert api["openapi"].startswith("3.")
        assert set(api["paths"]) == {"/state", "/state/{data_type}", "/models", "/healthz", "/snapshot", "/metrics"}
        schemas = api["components"]["schemas"]
        for referred in re.findall(r"#/components/schemas/(\w+)", str(api)):
            assert referred in schemas
        for path in api["paths"].values():
            assert path["get"]["summary"]
            for answer in path["get"]["responses"].values():
                assert all(content["schema"] for content in answer["content"].values())
        assert all(one["description"] for one in schemas["ModelState"]["properties"].values())
        assert list(schemas["ModelState"]["properties"])[:7] == list(NONE)
        assert {"400", "404"} <= set(api["paths"]["/state/{data_type}"]["get"]["responses"])
        assert "503" in api["paths"]["/healthz"]["get"]["responses"]
