"""The alert rules, as Prometheus' own tool tries them."""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path

RULES = Path(str(files("modelserving.monitoring.metrics") / "files" / "alerts.yml"))


def test_each_alert_fires_when_it_should_and_is_silent_otherwise(promtool: str, tmp_path: Path) -> None:
    """Not serving, no model, a model that is nowhere, growing lag, dead letters, losses, drift."""
    told = (Path(__file__).parent / "alerts_test.yml").read_text(encoding="utf-8")
    (tmp_path / "test.yml").write_text(told.replace("RULES", str(RULES)), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_no_alert_is_untried() -> None:
    """A rule without a test would be a promise."""
    told = (Path(__file__).parent / "alerts_test.yml").read_text(encoding="utf-8")
    names = [
        line.split(":")[1].strip() for line in RULES.read_text(encoding="utf-8").splitlines() if "- alert:" in line
    ]
    assert len(names) > 5
    assert [name for name in names if f"alertname: {name}" not in told] == []
