"""The records that are meant where nobody says which: the workbook's main ones, named here and nowhere else.

Servers, models and commands take their records by a schema. What they assume without one, and the records that the
older tutorial's clients write, they have from here, so that another default is a change of this module.
"""

from __future__ import annotations

from modelserving.records.wine import WINE_SCHEMA, WineRecord, decode_wine, encode_wine, read_wines

DEFAULT_SCHEMA = WINE_SCHEMA
"""Their columns."""
DEFAULT_TYPE = DEFAULT_SCHEMA.name
"""Their data type; the topics' names begin with it."""
DefaultRecord = WineRecord
"""One of them as a dataclass, as golden records and the older tutorial's clients have it."""
decode_default = decode_wine
"""From the bytes of a message; raises as ``decode_wine``."""
encode_default = encode_wine
"""To the bytes of a message."""
read_default_rows = read_wines
"""From a CSV file, which needs no header; as ``read_wines``."""
