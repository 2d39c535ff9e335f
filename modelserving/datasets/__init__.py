"""The workbook's own wines, made by code; and the import of the original ones."""

from modelserving.datasets.uci import import_uci
from modelserving.datasets.wines import RED_WINES, WHITE_WINES, WINE_SETS, WineSet, draw_wines, make_datasets

__all__ = ["RED_WINES", "WHITE_WINES", "WINE_SETS", "WineSet", "draw_wines", "import_uci", "make_datasets"]
