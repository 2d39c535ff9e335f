"""The client: publishes records and models, and reads back what is on the topics.

::

    publisher.py ─▶ faults.py · drift.py    records and models, at a rate; some broken, or spread as never before
    files.py                                records of a file
    ask.py                                  one record, and the answer to it
    reader.py                               every message, byte by byte and decoded
    letters.py ─▶ replay.py                 dead letters; sent again, each at most once
"""

from modelserving.client.ask import Asker
from modelserving.client.faults import FAULTS, break_record
from modelserving.client.files import FileMessage, FilePublisher, Framing, message_of, read_messages
from modelserving.client.publisher import DATA_FILES, Dataset, Publisher, Rate, load_dataset
from modelserving.client.reader import ReadMessage, read_decoded, read_topics

__all__ = [
    "DATA_FILES",
    "FAULTS",
    "Asker",
    "Dataset",
    "FileMessage",
    "FilePublisher",
    "Framing",
    "Publisher",
    "Rate",
    "ReadMessage",
    "break_record",
    "load_dataset",
    "message_of",
    "read_decoded",
    "read_messages",
    "read_topics",
]
