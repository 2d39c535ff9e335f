"""Generate the code for the messages in ``protos/``: ``make protos``."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from modelserving.config import checkout
from modelserving.errors import SetupError

_TARGET = Path(__file__).with_name("wire")


def generate(target: Path = _TARGET) -> None:
    """Run the protocol compiler.

    Args:
        target: folder for the generated modules.

    Raises:
        SetupError: the compiler is not installed, there is no checkout, or the compiler refuses a file.
    """
    if find_spec("grpc_tools") is None:
        raise SetupError("the protocol compiler is not installed. Run `make setup-dev`.")
    root = checkout()
    if root is None:
        raise SetupError("protos/ is part of the checkout, and this package is installed without one.")
    source = root / "protos"
    files = sorted(path.name for path in source.glob("*.proto"))
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    options = [f"--proto_path={source}", f"--python_out={target}", f"--mypy_out=quiet:{target}"]
    # In a process of its own: the compiler and TensorFlow bring two builds of one C++ library, which crash together.
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--plugin=protoc-gen-mypy={plugin}", *options, *files]
    if subprocess.run(command, check=False).returncode:
        raise SetupError("the protocol compiler refused a file; its message stands above.")


if __name__ == "__main__":
    generate()
