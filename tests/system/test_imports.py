"""pyarrow without pandas: nothing that nobody wants is imported, and who wants it has it."""

import subprocess
import sys

import pytest

pytest.importorskip("pandas")

ARRAY = """
import sys
import pyarrow as pa
from modelserving.system.imports import leave_pandas_out
leave_pandas_out()
array = pa.array([1.0, None])
assert "pandas" not in sys.modules
"""
FRAMES = """
import pandas
frame = pandas.DataFrame({"a": [1.5, None], "b": ["x", None]})
table = pa.Table.from_pandas(frame)
assert table.column("a").null_count == table.column("b").null_count == 1
assert table.to_pandas().equals(frame)
assert array.to_pandas().isna().tolist() == [False, True]
assert pa.array(frame["a"], from_pandas=True).null_count == 1
"""


def test_an_array_imports_no_pandas_and_who_imports_it_has_all_of_it() -> None:
    """A command that makes an array does without; frames are taken to and fro as ever, in the same process."""
    subprocess.run([sys.executable, "-c", ARRAY + FRAMES], check=True, timeout=60)


def test_pandas_that_is_there_already_stays() -> None:
    """Who had imported it goes on with the same one, and arrays are made of its columns."""
    series = "assert pa.array(pandas.Series([1.0, None])).null_count == 1"
    code = "import pandas" + ARRAY.replace("not in", "in") + series
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_command_does_without_pandas() -> None:
    """The commands are such programs."""
    code = """
import sys
from modelserving import cli
import pyarrow as pa
cli.leave = lambda status: None
sys.argv = ["modelserving", "--help"]
cli.main()
pa.array([0.0])
sys.exit("pandas" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL)
