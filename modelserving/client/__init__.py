"""The client: publishes records and models, and reads back what is on the topics."""

from modelserving.client.faults import FAULTS, break_record
from modelserving.client.provider import DATA_FILES, Pace, Provider, Supply, load_supply
from modelserving.client.reader import Seen, read_decoded, read_topics

__all__ = [
    "DATA_FILES",
    "FAULTS",
    "Pace",
    "Provider",
    "Seen",
    "Supply",
    "break_record",
    "load_supply",
    "read_decoded",
    "read_topics",
]
