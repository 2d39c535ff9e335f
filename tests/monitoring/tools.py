"""Tools of others that a machine may have or not."""

from __future__ import annotations

import shutil
import subprocess

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
