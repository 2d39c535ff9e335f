"""From messages to columns and back, for any schema: Protocol Buffers, Avro, JSON.

::

    codec.py ◀── factory.py                    what a codec is, and the one of a schema
    protobuf.py ◀── proto_text.py              descriptors made at run time, of a .proto text or a FileDescriptorSet
    avro.py · json_text.py ──▶ columns.py      values of rows to columns, checked value by value
    framing.py ─▶ written.py                   Confluent's prefix; reading by the schema of who wrote

Each name is imported when it is first used: who reads plain answers has none of the libraries that the codecs need.
"""

from typing import TYPE_CHECKING

from modelserving.system.lazy import lazy_imports

if TYPE_CHECKING:
    from modelserving.records.codecs.avro import AvroCodec
    from modelserving.records.codecs.codec import Codec, DecodedRecords
    from modelserving.records.codecs.framing import FramedMessage, read_frames, write_frame
    from modelserving.records.codecs.json_text import JsonCodec
    from modelserving.records.codecs.protobuf import ProtobufCodec

__all__ = [
    "AvroCodec",
    "Codec",
    "DecodedRecords",
    "FramedMessage",
    "JsonCodec",
    "ProtobufCodec",
    "read_frames",
    "write_frame",
]

__getattr__ = lazy_imports(
    __name__,
    {
        "avro": ("AvroCodec",),
        "codec": ("Codec", "DecodedRecords"),
        "framing": ("FramedMessage", "read_frames", "write_frame"),
        "json_text": ("JsonCodec",),
        "protobuf": ("ProtobufCodec",),
    },
)
