"""Tools of others that a machine may have or not."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import httpx
import pytest


def tool(name: str) -> str:
    """Where a tool is; a test that needs it is skipped where it is not."""
    if (found := shutil.which(name)) is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install prometheus influxdb)")
    return found


def lint(promtool: str, page: bytes) -> str:
    """What promtool finds wrong with a page of metrics; empty for nothing."""
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode()


def answers(url: str) -> bool:
    """Whether an InfluxDB is there."""
    try:
        return httpx.get(f"{url}/ping").status_code == 204
    except httpx.HTTPError:
        return False


def select(url: str, query: str) -> list[Any]:
    """The rows that a query gives."""
    found = httpx.get(f"{url}/query", params={"db": "wine", "q": query}).raise_for_status().json()["results"][0]
    return [row for series in found.get("series", []) for row in series["values"]]
