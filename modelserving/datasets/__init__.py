"""The workbook's own wines and bicycle hires, made by code; import of the original wines; the default schema.

::

    statistics.py ─▶ wines.py      what is published of real wines, and wines that are drawn from it
    hires.py                       bicycle hires, drawn in the same way
    uci.py                         the original wines, which attendees may fetch
    files.py · schemas.py          how wines are written to files; the schema that servers read by
"""

from modelserving.datasets.hires import HIRE_ANSWERS, HIRE_SCHEMA, HIRES_FILE, draw_hires, make_hires
from modelserving.datasets.schemas import default_schemas
from modelserving.datasets.uci import import_uci
from modelserving.datasets.wines import (
    RECORD_FILES,
    RED_WINES,
    WHITE_WINES,
    WINE_SETS,
    WineSet,
    draw_wines,
    make_datasets,
)

__all__ = [
    "HIRES_FILE",
    "HIRE_ANSWERS",
    "HIRE_SCHEMA",
    "RECORD_FILES",
    "RED_WINES",
    "WHITE_WINES",
    "WINE_SETS",
    "WineSet",
    "default_schemas",
    "draw_hires",
    "draw_wines",
    "import_uci",
    "make_datasets",
    "make_hires",
]
