"""The Keras model, as both TensorFlow formats."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from modelserving.errors import SetupError
from modelserving.models.training.network import ANSWERS, FROZEN, SAVED, SETTINGS
from modelserving.models.training.sample import Sample
from modelserving.models.training.trained import Trained
from modelserving.records import FEATURES, ModelType

_LONGEST_S = 600
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644


def train_network(sample: Sample) -> tuple[Trained, ...]:
    """Train the Keras network in a process of its own.

    Returns:
        The same network twice: as a SavedModel in an archive, and as a frozen graph.

    Raises:
        SetupError: the process failed; the message has its last lines.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run_training(sample, folder)
        ranked = np.sort(probabilities := np.load(folder / ANSWERS), axis=1)
        predictions = probabilities.argmax(axis=1).astype(np.float64)
        certainty = (ranked[:, -1] - ranked[:, -2]).astype(np.float64)
        parameters = _parameters()
        return (
            Trained(ModelType.TENSORFLOWSAVED, pack_folder(folder / SAVED), predictions, certainty, parameters),
            Trained(ModelType.TENSORFLOW, (folder / FROZEN).read_bytes(), predictions, certainty, parameters),
        )


def pack_folder(folder: Path) -> bytes:
    """Pack a folder into a zip archive; equal folders are equal bytes on every system.

    Nothing is compressed, since versions of zlib compress the same bytes to different ones.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in sorted((p.relative_to(folder).as_posix(), p) for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(name, _FIXED_DATE)
            entry.create_system, entry.external_attr = 3, _MODE << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _parameters() -> Mapping[str, str]:
    """How it was trained; and ``inputs``, by which a server knows which field each of the graph's columns is."""
    settings = {name: str(value) for name, value in SETTINGS.items()}
    return {"algorithm": "neural network", **settings, "inputs": ",".join(FEATURES)}


def _run_training(sample: Sample, folder: Path) -> None:
    command = [sys.executable, "-m", "modelserving.models.training.network"]
    arguments = [str(sample.file), sample.records[0].data_type, str(folder)]
    try:
        ended = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, timeout=_LONGEST_S, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"training the neural network took longer than {_LONGEST_S} s and was ended.") from error
    if ended.returncode:
        last = "\n".join(ended.stderr.strip().splitlines()[-5:])
        raise SetupError(f"training the neural network failed with status {ended.returncode}:\n{last}")
