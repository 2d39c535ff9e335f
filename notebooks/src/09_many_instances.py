# %% [markdown]
# # 09 · Many instances: queries, scaling, failing over
#
# You let several processes share one topic, ask any of them for the whole, kill one under load, and prove that every wine was answered exactly once.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | start two instances of the Kafka Streams server, and a third · find out who holds what, and ask one of them for what another one has · follow a key to its partition by hand · kill an instance with `kill -9` while wines pour in · do the same job in Quix Streams |
# | **You learn** | how state is spread and put together, what moves when an instance comes or goes, why a good server sometimes refuses to answer, and what a copy of the state is worth |
# | **You need** | lesson 01 for partitions and keys, lesson 04 for the audit; lesson 07 for stores and changelogs helps |
# | **Time** | 35 minutes, and the exercises as long as you like |
# | **Plan** | half day: queries, and the kill; full day: all of it |

# %%
# pipeline: streams statistics views

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import json
from collections import Counter
from functools import partial
from itertools import cycle, islice

from modelserving.workshop import show, start, table

import httpx

from modelserving.config import data_folder
from modelserving.kafka import end_offsets, read_topic
from modelserving.records import decode_scored, encode_descriptor, encode_wine, read_wines
from modelserving.widgets import TopicView
from modelserving.workshop.display.pictures.rebalance import rebalance

lesson = start("09", fast=fast)

# %% [markdown]
# ## Four partitions
#
# When wines come faster than one server can score them, you start another one beside it: another **instance** of the same
# application. What they share out among themselves is partitions. So first of all, there must be some:

# %%
for name in ("wine-records", "wine-scored"):
    lesson.topic(name, partitions=4)
end_offsets(lesson.connection, lesson.topics.records)

# %% [markdown]
# Four partitions, and nothing in them. A model goes onto the models topic, as always. (This one is a random forest, in ONNX.)

# %%
from modelserving.models.store.bundled import read_catalog

catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
forest = catalog["wine-random-forest-onnx"]
producer = lesson.producer()
sent = producer.send(lesson.topics.models, key=forest.key, value=encode_descriptor(forest))
f"The model is at offset {sent.get(timeout=60).offset}."

# %% [markdown]
# ## Two instances
#
# An instance is the command `modelserving serve streams`, in a process of its own, with a name of its own. With `--standbys 1`
# each state is kept twice; more of that later. We start both at once, which takes some seconds:

# %%
from modelserving.workshop.processes.process import ServerProcess, wait_until_all_serve

fleet = {}
own = {"MODELSERVING_REPOSITORY": str(lesson.folder / "repository")}

def launch(*names):
    begun = {}
    for name in names:
        options = ("--port", "0", "--instance", name, "--standbys", "1", "--no-preload")
        make = partial(ServerProcess, "streams", lesson.prefix, options, own)
        fleet.pop(name, None)  # a former one of that name ends now
        begun[name] = lesson.manage(make, name=name)
    wait_until_all_serve(begun.values())  # or none is left
    fleet.update(begun)

launch("one", "two")

# %% [markdown]
# The view has a lane for each partition, and beside it who reads it, as the group says. It is live: leave it open.

# %%
watched = lesson.topics.records
servers = f"{lesson.prefix}-streams"  # their group
lesson.manage(lambda: TopicView(lesson.connection, watched, servers), name="view")

# %% [markdown]
# Each of them answers questions over HTTP. `/state/instances` says who there is, and who has which partitions. A server that
# cannot tell says so, with status 503; then we get `None` here.

# %%
web = lesson.manage(lambda: httpx.Client(timeout=60, trust_env=False), name="web")

def ask(name, path):
    return web.get(fleet[name].url + path)

def instances(name):
    answer = ask(name, "/state/instances")
    return answer.json() if answer.is_success else None

# %% [markdown]
# They need a moment to agree. They have agreed when all say the same, and all four partitions have somebody:

# %%
def agreed():
    """What all instances say, if they say the same."""
    said = [instances(name) for name in fleet]
    if None in said or any(one != said[0] for one in said) or len(said[0]) != len(fleet):
        return None
    held = sorted(partition for one in said[0] for partition in one["partitions"])
    return said[0] if held == [0, 1, 2, 3] else None

def called(port):
    ends = {name: server.url.rpartition(":")[2] for name, server in fleet.items()}
    return next((name for name, end in ends.items() if end == str(port)), "?")

# %%
said = lesson.wait_for(agreed, "two instances that agree", 90)  # the same, whoever is asked
rows = [
    (name, called(one["port"]), one["partitions"], one["standbyPartitions"])
    for name in fleet
    for one in said
]
table("Who has what, as each of them says", rows, "asked", "says of", "works on", "keeps a copy of")

# %%
lesson.tell("both-agree")

# %% [markdown]
# ## Each has its share
#
# Now 400 wines, from forty barrels. The barrel is the key, and it decides on the partition (lesson 01).

# %%
wines = [encode_wine(wine) for wine, _ in read_wines(data_folder() / "wine_red.csv")]
barrels = [b"barrel-%d" % number for number in range(40)]
supply = zip(cycle(barrels), cycle(wines))

def written():
    return sum(end_offsets(lesson.connection, lesson.topics.records).values())

for barrel, wine in islice(supply, max(0, 400 - written())):  # none when this runs twice
    producer.send(lesson.topics.records, key=barrel, value=wine)
producer.flush()
end_offsets(lesson.connection, lesson.topics.records)

# %% [markdown]
# The same number of barrels for each would be nice; a hash shares them out as it likes. How many wines a server has scored is
# its `usage`. `/state/value` is what an instance has **itself**; `/state/wine` is what you get when you ask it for wine.

# %%
def usage(name, path="/state/wine"):
    answer = ask(name, path)
    return answer.json()["usage"] if answer.is_success else 0

def all_scored():
    own = [usage(name, "/state/value") for name in fleet]
    return sum(own) == written() and all(map(usage, fleet))  # and each answers to both

# %%
lesson.wait_for(all_scored, "all wines to be scored and counted", 90)

# %%
rows = [(name, usage(name, "/state/value"), usage(name)) for name in fleet]
table("The same question to both", rows, "asked", "/state/value", "/state/wine")

# %%
lesson.tell("both-asked")

# %%
# predict: shares

# %%
answer = ask("one", "/state/wine").json()
parts = [(part["instance"].rpartition(":")[2], part) for part in answer["parts"]]
rows = [(part["partition"], called(port), part["usage"]) for port, part in parts]
table("What one told you, and from whom it had that", rows, "partition", "held by", "wines")

# %%
lesson.tell("shares")

# %% [markdown]
# Adding up is easy. To know when one must **not** add up is the difficult part: a share may be missing, or be there twice,
# while partitions are being moved.

# %% [markdown]
# ## Exercise: the whole, or nothing

# %%
# exercise: instances-whole

# %% [markdown]
# The server's own, for comparison. It does not return `None`: it raises an error that says why.

# %%
from modelserving.streams_server import add_up

show(add_up)

# %%
# diagram: query

# %% [markdown]
# ## A third one comes

# %%
# predict: third

# %%
def holders(what="partitions"):
    """Who works on each partition; or who has a copy of it."""
    now = lesson.wait_for(agreed, "instances that agree", 90)
    said = {part: called(one["port"]) for one in now for part in one[what]}
    return dict(sorted(said.items()))

if "three" not in fleet:  # or else this runs for the second time
    before = holders()
    launch("three")

# %%
now = holders()
rebalance(("two instances", before), ("a third one", now))

# %%
moved = [partition for partition in now if now[partition] != before[partition]]
lesson.tell("third")

# %% [markdown]
# Kafka Streams sees to it that, in the end, nobody has two more than another one. Which ones move is its own choice, and it may move
# more than you would. A fifth instance would get no partition at all: it could only keep copies, and wait. **The number of partitions is
# the limit of scaling**, and it is chosen when the topic is made.

# %% [markdown]
# ## Where does a key go?
#
# In our topic, the key of a wine is its barrel. The producer computes a hash of the key, takes away the highest bit (in Java it
# is a sign), and divides by the number of partitions. The rest is the partition. By hand:

# %%
from kafka.partitioner.default import murmur2

hashed = murmur2(b"barrel-7")
positive = hashed & 0x7FFFFFFF  # without the highest of 32 bits
rows = [(f"{hashed:,}", f"{positive:,}", positive % 4)]
table("barrel-7", rows, "hash", "without its highest bit", "divided by 4, the rest")

# %% [markdown]
# The engine is written in Java, so it computes that with code of its own:

# %%
from modelserving.jvm import java_class

engine = java_class("org.apache.kafka.clients.producer.internals.BuiltInPartitioner")
by_hand = {barrel: (murmur2(barrel) & 0x7FFFFFFF) % 4 for barrel in barrels}
by_engine = {barrel: int(engine.partitionForKey(barrel, 4)) for barrel in barrels}
records = read_topic(lesson.connection, lesson.topics.records)
found = {record.key: record.partition for record in records}

# %%
lesson.tell("three-times-the-same")

# %% [markdown]
# ## A way that does not scale
#
# So far, models went to all instances, and wines anywhere. There is another way: `--models co-partitioned`. There, the key of
# every message is the **data type**, so a model and its records meet in the same partition, at the same instance; no other one
# needs that model. A question about a type needs no sum there: it goes to the one instance that has the key.

# %%
# predict: types

# %%
rows = [(key.decode(), (murmur2(key) & 0x7FFFFFFF) % 4) for key in (b"wine", b"white")]
table("Partitions of the types", rows, "data type, the key", "partition")

# %%
lesson.tell("types")

# %% [markdown]
# ## Exercise: whom to ask?

# %%
# exercise: instances-partition

# %% [markdown]
# ## Break it: kill one under load
#
# A client sends wines without a pause. Somebody asks for the number of wines all the time, and writes down each answer. And then
# we kill the instance that has most to do.

# %%
def pour(stop):
    for barrel, wine in supply:
        producer.send(lesson.topics.records, key=barrel, value=wine)
        if stop.wait(0.005):
            return

heard = []

def watch(stop):
    for name in cycle(others):
        heard.append(ask(name, "/state/wine"))
        if stop.wait(0.1):
            return

# %%
def answers(isolation="read_committed"):
    records = read_topic(lesson.connection, lesson.topics.scored, isolation)
    return [decode_scored(record.value) for record in records]

client = lesson.background(pour, name="client")
lesson.wait_for(lambda: len(answers()) >= 500, "some load", 90)
before = holders()
victim, load = Counter(before.values()).most_common(1)[0]
others = [name for name in fleet if name != victim]
f"{victim} is the one: it has {load} of the four partitions."

# %% tags=["breaks"]
if victim in fleet:
    copies = holders("standbyPartitions")
    committed = len(answers())
    heard.clear()
    watcher = lesson.background(watch, name="watcher")
    lesson.wait_for(lambda: len(heard) >= 5, "a few answers before", 90)
    fleet.pop(victim).kill()
f"{victim} is dead; alive: {', '.join(others)}"

# %%
def all_know():  # a wine is counted a moment before its answer is committed
    return {usage(name) for name in fleet} == {written()} and len(answers()) >= written()

now = holders()  # waits until the others have taken over
client.stop()
lesson.wait_for(all_know, "all wines to be counted and answered", 90)
lesson.wait_for(lambda: heard[-1].is_success, "a number", 90)
watcher.stop()
said = Counter(answer.json().get("detail", "a number") for answer in heard)
table("What the others said, before and after", list(said.items()), "answer", "times")

# %%
numbers = [answer.json()["usage"] for answer in heard if answer.is_success]
lesson.tell("too-few")

# %% [markdown]
# ## Exactly one answer for each
#
# The audit of lesson 04, now by partition **and** offset: each partition has an offset 0.

# %%
positions = [(r.partition, r.offset) for r in read_topic(lesson.connection, lesson.topics.records)]
times = Counter((answer.partition, answer.offset) for answer in answers())
missing = [position for position in positions if not times[position]]
doubled = [position for position in times if times[position] > 1]
rows = [(len(positions), len(missing), len(doubled))]
table("The audit", rows, "wines", "without an answer", "with two")

# %%
lesson.tell("each-once")

# %%
# predict: unfinished

# %%
from contextlib import suppress

from kafka.errors import KafkaError
from modelserving.kafka import make_producer

named = {"transactional_id": lesson.group("unfinished"), "linger_ms": 0}
writer = lesson.manage(lambda: make_producer(lesson.connection, **named), name="writer")
writer.init_transactions()
writer.begin_transaction()
copied = next(iter(read_topic(lesson.connection, lesson.topics.scored)))
sent = writer.send(lesson.topics.scored, value=copied.value, partition=copied.partition)
sent.get(timeout=60);

# %%
clean, dirty = len(answers()), len(answers("read_uncommitted"))
extra = dirty - clean
times = Counter((answer.partition, answer.offset) for answer in answers())
twice = [position for position in times if times[position] > 1]
with suppress(KafkaError):  # when this runs twice, there is none to abort
    writer.abort_transaction()
lesson.tell("unfinished")

# %% [markdown]
# ## What a copy is worth
#
# Who took over, and who had had a copy?

# %%
rows = [(part, before[part], copies.get(part, "nobody"), now[part]) for part in sorted(now)]
table("Four partitions", rows, "partition", "who had it", "who had a copy", "who has it now")

# %%
rebalance(("before", before), (f"{victim} is dead", now))

# %% [markdown]
# How long was nobody there? As long as the wine had to wait that waited longest, from when it was published to its answer:

# %%
# predict: longest

# %%
def waited_s(record):
    return (record.timestamp - decode_scored(record.value).published_ms) / 1000

longest_s = max(map(waited_s, read_topic(lesson.connection, lesson.topics.scored)))
lesson.tell("longest")

# %% [markdown]
# That is one of three things that take time. The others must **agree**, too, and the state must be **restored**. Only the last
# one is shortened by a copy. Without one, the new holder has to read this:

# %%
log = list(read_topic(lesson.connection, f"{lesson.prefix}-streams-statistics-changelog"))
last = {(entry.partition, entry.key): entry for entry in log}
sizes = [sum(len(entry.value or b"") for entry in entries) for entries in (log, last.values())]
rows = [("all entries", len(log), sizes[0]), ("the last of each key", len(last), sizes[1])]
table("The changelog of the counts", rows, "", "entries", "bytes")

# %%
lesson.tell("changelog-size")

# %% [markdown]
# Did the partitions go to where the copies were? They need not: an instance that lacks less than 10,000 entries is as good to
# Kafka Streams as one that has a copy (its setting `acceptable.recovery.lag`). `benchmarks/failover.py` measures how long each of the
# three takes, with copies and without, on a changelog that is long enough for it.

# %% [markdown]
# ## The same job in Quix Streams
#
# [Quix Streams](https://github.com/quixio/quix-streams) is a library for streams in Python: no Java, and no bridge to it. This is
# the whole job, with the same model:

# %%
show("examples/quix/job.py")

# %% [markdown]
# It is an extra, since it does not get on with other libraries of the workbook: `make setup-quix` in a terminal gives it an
# environment of its own. If it is there, it now scores all the wines of this lesson, in a process of its own.

# %%
# predict: quix

# %%
from modelserving.workshop.processes.quix import run_quix, why_no_quix

model = data_folder() / "models" / "wine-random-forest-onnx.onnx"
topics = {"records": lesson.topics.records, "scored": lesson.topic("quix-scored", partitions=4)}
not_here = why_no_quix(lesson)
if not not_here:
    run_quix(lesson, model, **topics, count=len(positions))
not_here or "It is here, and it ran."

# %%
answered = list(read_topic(lesson.connection, topics["scored"]))
theirs = [json.loads(record.value) for record in answered]
ours = {(answer.partition, answer.offset): answer.prediction for answer in answers()}
same = sum(ours[one["partition"], one["offset"]] == one["prediction"] for one in theirs)
lesson.tell("quix")

# %% [markdown]
# What is the same, and what you do not get, in the version that was tried here, Quix Streams 3.28.1:
#
# | | Kafka Streams, as in this lesson | Quix Streams 3.28.1 |
# |---|---|---|
# | answers, state and positions in one transaction | yes: our server asks for it; the engine itself begins with `at_least_once` | yes, if you ask for it, as this program does; or else `at-least-once` |
# | the state that your code sees | all of its partition | that of the record's own key |
# | kinds of store | memory, RocksDB, and your own | memory and RocksDB; a class of your own is refused |
# | questions from outside, and to other instances | any instance, for the whole | none: write to a topic what others are to know |
# | copies of the state at other instances | standby replicas | none: whoever takes over reads the changelog first |
# | a topic that every instance reads as a whole | global stores: so our models travel | only for its lookups of settings; this program reads its model from a file, once |
# | when an instance joins or leaves | who keeps a partition goes on working | all give up all partitions, and get them anew |
# | it needs | Java, and a bridge to it | Python packages only |

# %% [markdown]
# So nobody can be asked how many wines there were. It can be put together from the answers, though: each of them has the count
# of its own barrel, and the last one of a barrel is what we want.

# %%
by_barrel = {record.key: json.loads(record.value)["usage"] for record in answered}
counted = sum(by_barrel.values())
lesson.tell("added-up")

# %% [markdown]
# ## Recap
#
# * Instances of one application share partitions out among themselves; their number is the limit. Each knows who has what.
# * State is where its partition is. A question is answered by the whole: all shares, each partition once, or else a refusal.
# * A key is found by its hash. Reader and writer must hash alike.
# * When an instance dies, others take its partitions, restore the state from the changelog, and go on. No wine is lost, and none
#   is answered twice, for whoever reads only what is committed.
# * A copy shortens the restoring. It shortens neither the noticing nor the agreeing.
#
# You can now run a stream server in several instances, ask them, lose one, and prove that nothing is missing.
#
# **In practice** make more partitions than you have instances today: changing their number moves the keys. Keep the session's
# timeout longer than your longest pause, and shorter than your patience. Let a client that gets a 503 wait a second and ask again.
#
# **Source**: [queries.py](../modelserving/web/queries.py) for the questions,
# [shares.py](../modelserving/streams_server/shares.py) and [instances.py](../modelserving/streams_server/instances.py) for the
# answers, [distribution.py](../modelserving/streams_server/distribution.py) for how models travel, [job.py](../examples/quix/job.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [10 · Your own records](10_own_records.ipynb)
