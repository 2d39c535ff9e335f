"""The server's API page, in a real browser, with no network."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from modelserving.broker import EmbeddedKafka
from modelserving.workshop.processes.process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.broker]


@pytest.fixture(scope="module")
def url(kafka: EmbeddedKafka) -> Iterator[str]:
    """A real server's address."""
    broker = {"KAFKA_BOOTSTRAP_SERVERS": kafka.start().bootstrap_servers}
    prefix = f"t{secrets.token_hex(4)}"
    with ServerProcess.start("stage", prefix, ("--port", "0"), broker) as server:
        yield server.url


def test_the_api_page_needs_no_network(url: str, page: Page, complaints: list[str], hosts: set[str]) -> None:
    """Everything that the page is made of comes from the server itself, and nothing of it fails."""
    page.goto(f"{url}/docs")
    expect(page.get_by_role("heading", name="Model server").first).to_be_visible()
    for path in ("/state", "/state/{data_type}", "/models", "/healthz"):
        expect(page.locator(f'[data-path="{path}"]')).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert complaints == []
    assert hosts <= {"127.0.0.1", ""}


def test_the_api_can_be_tried_out(url: str, page: Page) -> None:
    """A click on the page asks the server, and shows its answer."""
    page.goto(f"{url}/docs")
    operation = page.locator(".opblock", has=page.locator('[data-path="/models"]'))
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer).to_contain_text('"models": []')


def test_a_wrong_address_says_what_to_try(url: str, page: Page) -> None:
    """A typing error in the address is answered with the right ones."""
    answer = page.goto(f"{url}/stat")
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("body")).to_contain_text("Try: /state")
