"""A small service of one's own: a folder with a schema, a model, records, settings, a test and a README.

::

    settings.py   service.toml: what a service is
    make.py       from a file of records and a model to such a folder
    check.py      whether the model still answers as it did when the folder was made
    texts.py      what is written into it
"""

from modelserving.service.check import check_service, golden_records
from modelserving.service.make import Ingredients, make_service
from modelserving.service.settings import ServiceSettings, read_settings

__all__ = ["Ingredients", "ServiceSettings", "check_service", "golden_records", "make_service", "read_settings"]
