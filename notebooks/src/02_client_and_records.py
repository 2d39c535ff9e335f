# %% [markdown]
# # 02 · The client, and records as bytes
#
# You read a wine byte by byte, let the client publish wines and models, and find the broken ones among them.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | take a record apart, add a field that nobody knows, run the client, look at a model as data, find broken records |
# | **You learn** | why programs agree on bytes, how protobuf writes them, and what a model needs in order to travel |
# | **You need** | lesson 01 |
# | **Time** | 25 minutes, and the exercises as long as you like |
# | **Plan** | half day: the second lesson; full day: before the first break |

# %%
# pipeline: client topics

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False
max_records = 40

# %% tags=["setup"]
import hashlib, json, math, struct
from dataclasses import asdict, replace
from statistics import pstdev
from xml.etree import ElementTree

from modelserving.workshop import show, start, table
from modelserving.client import Rate, Publisher, load_dataset, read_topics
from modelserving.config import data_folder
from modelserving.errors import RecordError
from modelserving.kafka import read_topic
from modelserving.records import decode_descriptor, decode_wine, encode_wine
from modelserving.workshop.display.byte_map import byte_map

lesson = start("02", fast=fast)

# %% [markdown]
# ## Why not just text?
#
# A wine, in this workbook, is eleven measurements and a data type:

# %% tags=["nbval-check-output"]
dataset = load_dataset(data_folder())
wine = dataset.records[0]
table("One wine", list(asdict(wine).items()), "field", "value")

# %% [markdown]
# Kafka carries bytes, so somebody has to turn this into bytes, and somebody else, perhaps in another language, has to turn them back.
# Text would do. How much of it?

# %%
# diagram: bytes

# %%
# predict: json

# %%
as_json = json.dumps(asdict(wine)).encode()
value = encode_wine(wine)
sizes = [("eleven bare numbers", 11 * 8), ("JSON", len(as_json)), ("protobuf", len(value))]
table("The same wine, in bytes", sizes, "written as", "bytes")

# %%
lesson.tell("json")

# %% [markdown]
# Here is that file:

# %%
show("protos/winerecord.proto")

# %% [markdown]
# Each field has a **number**, and only the number travels.

# %% [markdown]
# ## Byte by byte
#
# Let us not take that on trust. A byte is a number from 0 to 255, and is written here as two **hexadecimal** digits: they count 0 to 9 and then
# a to f, so `0a` is 10, `10` is 16 and `ff` is 255. This is the beginning of the wine:

# %% tags=["nbval-check-output"]
value[:9].hex(" ")

# %% [markdown]
# The first byte is a **tag**. Its last three bits say what kind of value follows (1: eight bytes; 2: a length and so many bytes), and the
# other bits are the field's number. A tiny function: `byte >> 3` drops the last three bits, `byte & 7` keeps only these.

# %% tags=["nbval-check-output"]
def tag(byte):
    return byte >> 3, byte & 7


tag(value[0])

# %% [markdown]
# Field 1, and eight bytes follow. Field 1 is `fixed_acidity`, a double. `struct.unpack("<d", ...)` makes a number (`d`, a double) of eight bytes, of
# which the first counts least (`<`):

# %%
(first,) = struct.unpack("<d", value[1:9])

lesson.tell("first-byte")

# %%
# predict: second-tag

# %%
lesson.tell("second-tag")

# %% [markdown]
# And so on through the whole message, tag after tag. The last field is another kind: two bytes, then text.

# %%
byte_map(value)

# %% [markdown]
# ### A wine without citric acid

# %%
# predict: zero

# %%
without = encode_wine(replace(wine, citric_acid=0.0))
lesson.tell("zero")

# %% [markdown]
# ## Exercise: by hand

# %%
# exercise: protobuf-alcohol

# %% [markdown]
# ## A field from the future
#
# Next year somebody measures the vintage too, as field 13, and publishes to the same topic: `lesson.topics.records`, the topic of this lesson's wines. All servers are still the old ones.

# %%
# predict: vintage

# %%
newer = value + bytes([13 << 3 | 1]) + struct.pack("<d", 2027.0)
receipt = lesson.producer().send(lesson.topics.records, value=newer).get(timeout=10)
record = list(read_topic(lesson.connection, lesson.topics.records))[-1]
decoded = decode_wine(record.value)
lesson.tell("vintage")

# %% [markdown]
# ## The client
#
# Enough by hand. The **client** publishes a wine every second and a model every minute; here it hurries. It works behind the cells, so the
# cell returns at once. (In a terminal: `modelserving client --prefix lesson-02`.)

# %%
rate = Rate(record_interval_ms=50, model_interval_ms=200, max_records=max_records)
client = Publisher(lesson.connection, dataset, rate, lesson.topics)
task = lesson.background(client.run, "client")
task

# %%
lesson.wait_for(lambda: not task.running, "the client to publish all its records")

lesson.tell("client-sent")

# %% [markdown]
# Do not believe the sender: ask the broker. This is what `modelserving reader --prefix lesson-02` does in a terminal.

# %% tags=["nbval-check-output"]
def messages(topic):
    return [seen for seen in read_topics(lesson.connection, lesson.topics) if seen.topic == topic]


wines = messages(lesson.topics.records)
read = [decode_wine(r.value) for r in read_topic(lesson.connection, lesson.topics.records)]
seen = zip(wines[:5], read)
rows = [(m.offset, m.key, m.size, m.first.hex(" "), w.fixed_acidity, w.alcohol) for m, w in seen]
columns = ("offset", "key", "bytes", "first bytes", "acidity", "alcohol")
table("The first wines on the topic", rows, *columns)

# %% [markdown]
# At offset 0 is the wine with the vintage, 9 bytes longer. Every record begins with `09`, and you know why.
#
# The wines have no key: each is scored by itself, so no order needs keeping.

# %% [markdown]
# ## A model is a record
#
# On the other topic, the client has put models. The whole model, not a word about it.

# %% tags=["nbval-check-output"]
arrived = list(read_topic(lesson.connection, lesson.topics.models))
models = [decode_descriptor(record.value) for record in arrived]
both = zip(arrived, models)
rows = [(r.offset, r.key.decode(), m.name, m.type.slug, len(m.data)) for r, m in both]
table("The first models on their topic", rows[:5], "offset", "key", "name", "format", "bytes")

# %% [markdown]
# The **key** is the data type, `wine`, and the topic is compacted. From lesson 01 you know what that means: in the end the newest model for
# `wine` is left, and a server that starts finds it without reading all that ever was.
#
# What is inside one? The format is **PMML**: a model written as XML, made by one program and understood by another. This one is a straight line: a
# number for the start, and a factor for each measurement.

# %%
model = models[0]
formula = ElementTree.fromstring(model.data).find(".//{*}RegressionTable")
start_at = float(formula.get("intercept"))
factors = {one.get("name"): float(one.get("coefficient")) for one in formula}
rows = [("start", f"{start_at:.4f}")]
rows += [(name, f"{factor:+.4f}") for name, factor in factors.items()]
table(f"All that {model.name} knows", rows, "measurement", "times")

# %% [markdown]
# Which of the eleven counts most, then? A measurement moves the score by its factor, as far as the measurement itself goes from wine to wine:

# %%
# predict: counts-most

# %%
def moves(name):
    """By how much of a grade: the factor, times how far wines are spread (standard deviation)."""
    return abs(factors[name]) * pstdev(getattr(one, name) for one in dataset.records)

strongest = sorted(factors, key=moves, reverse=True)
rows = [(name, f"{factors[name]:+.2f}", f"{moves(name):.2f}") for name in strongest[:5]]
table("From wine to wine", rows, "measurement", "times", "moves the score by")

# %%
lesson.tell("counts-most")

# %% [markdown]
# A model also brings **golden records**: a few wines whose right score is known. So we can see whether we have understood the file:

# %%
golden = model.golden[0]
by_hand = start_at
for name, factor in factors.items():
    by_hand += factor * getattr(golden.record, name)
lesson.tell("by-hand")

# %% [markdown]
# ### Did it arrive whole?
#
# A model with one wrong byte may still answer, only wrongly. So it travels with a **digest** of its bytes:

# %% tags=["nbval-check-output"]
def whole(model):
    return hashlib.sha256(model.data).hexdigest() == model.sha256


damaged = replace(model, data=model.data.replace(b"0", b"1", 1))
rows = [("as it was sent", whole(model)), ("with one other byte", whole(damaged))]
table("Is it whole?", rows, "the model", "its digest fits")

# %% [markdown]
# And with its golden records. A model that answers these wrongly never gets to serve.

# %% tags=["nbval-check-output"]
lesson.tell("golden-records")

# %% [markdown]
# ## Break it: a client that sends rubbish
#
# Every fourth record shall be broken. (In a terminal: `modelserving client --faults 0.25`.)

# %% tags=["breaks"]
rate = Rate(record_interval_ms=20, max_records=max_records, faults=0.25, seed=7)
faulty = Publisher(lesson.connection, replace(dataset, models=()), rate, lesson.topics)
task = lesson.background(faulty.run, "faulty client")
lesson.wait_for(lambda: not task.running, "the faulty client to end")
lesson.tell("rubbish")

# %% tags=["breaks"]
broken = [seen for seen in messages(lesson.topics.records) if not seen.good]
rows = [(seen.offset, seen.size, seen.decoded.partition(":")[0]) for seen in broken]
table("What decode_wine refuses", rows, "offset", "bytes", "why")

# %%
lesson.tell("still-there")

# %% [markdown]
# `decode_wine` has looked at each record that the client sent.

# %%
# predict: all-found

# %%
hopeless = {seen.offset for seen in broken}
readable = [record for record in read_topic(lesson.connection, lesson.topics.records)
            if record.offset not in hopeless]
lesson.tell("all-found")

# %%
[record.offset for record in readable if math.isnan(decode_wine(record.value).alcohol)]

# %% [markdown]
# ## Exercise: find the broken ones

# %%
# exercise: find-broken

# %% [markdown]
# ## Recap
#
# You can now read a protobuf message with a pencil, run the client and the reader, and say what a model brings along.
#
# * Only **field numbers** travel; the names stay at home, in the `.proto` file.
# * Unknown fields are skipped, missing ones read as 0: **new fields take new numbers**.
# * A **model is a record**: its bytes, a name and version, a digest, and golden records; its key is the data type.
# * The broker takes any bytes. **Readers must be ready for rubbish.**
#
# **In practice**, a *schema registry* keeps the `.proto` files of a company, and refuses a change that would break old readers. Models that
# are too big for a record travel by reference: the record says where to fetch them.
#
# **Source**: [protos/winerecord.proto](../protos/winerecord.proto), [modelserving/records/wine.py](../modelserving/records/wine.py), [modelserving/records/descriptor.py](../modelserving/records/descriptor.py), [modelserving/client/publisher.py](../modelserving/client/publisher.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [03 · Streams in a nutshell](03_streams.ipynb)
