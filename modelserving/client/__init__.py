"""The client: publishes records and models, and reads back what is on the topics."""

from modelserving.client.faults import FAULTS, break_record
from modelserving.client.publisher import DATA_FILES, Dataset, Publisher, Rate, load_dataset
from modelserving.client.reader import Seen, read_decoded, read_topics

__all__ = [
    "DATA_FILES",
    "FAULTS",
    "Dataset",
    "Publisher",
    "Rate",
    "Seen",
    "break_record",
    "load_dataset",
    "read_decoded",
    "read_topics",
]
