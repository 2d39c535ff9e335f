# %% [markdown]
# # 07 · Kafka Streams: three stores
#
# You write processors and a state store of your own in Python for the real Kafka Streams, restart what uses them, and see which counts come back, from where, and at which price.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | draw a topology of three nodes, and run it without a broker · count in a store · kill a server that counts in memory only · bring a count back on a machine that never saw it · write a store of your own in Python · fail in the middle of a transaction |
# | **You learn** | what Kafka Streams does for you, what a changelog is, what each kind of store costs, and how models reach every instance |
# | **You need** | lesson 01 for topics and groups, lesson 04 for *exactly once*; no Java |
# | **Time** | 45 minutes, and the exercises as long as you like |
# | **Plan** | half day: a topology, and the three stores; full day: all of it |

# %%
# pipeline: streams

# %% tags=["parameters"]
fast = False  # True where nobody watches, as in automatic tests

# %% tags=["setup"]
import logging
import os
import traceback
from collections import Counter
from time import perf_counter

from modelserving.config import data_folder
from modelserving.errors import ServerError
from modelserving.kafka import read_topic
from modelserving.models.formats import factory
from modelserving.models.store.bundled import read_catalog
from modelserving.records import TOPICS, decode_descriptor, decode_wine
from modelserving.records import encode_descriptor, encode_wine, read_wines
from modelserving.workshop import happened, show, start, table

lesson = start("07", fast=fast)

# %% [markdown]
# ## The real engine, in this kernel
#
# In lesson 04 our own loop read records, kept count, and committed. **Kafka Streams** is a library that does this for you: you
# draw a **topology**, which says where records come from, what is done with them, and where they go. The library spreads the
# work over partitions and machines, keeps what you count, brings it back after a crash, and commits all of it together.
#
# It is part of Apache Kafka, and it is written in Java. We do not imitate it. We use it:

# %%
from modelserving.kstreams.java import Consumed, Materialized, Stores, StreamsBuilder, Topology

Topology

# %% [markdown]
# That is a Java class, and Python can use it. To find out where it runs, we ask Java for its process:

# %%
from modelserving.jvm import java_class

version = java_class("org.apache.kafka.common.utils.AppInfoParser").getVersion()
java = java_class("java.lang.ProcessHandle").current().pid()
assert java == os.getpid()
happened(
    f"Kafka Streams {version} runs in process {java}, and this kernel is process {os.getpid()}: "
    "**the same one**. A library called JPype has put a Java machine into your Python. There is no "
    "second program to start, and none to forget."
)

# %% [markdown]
# ## A topology of three nodes
#
# A **source** reads a topic, a **processor** does something, a **sink** writes to a topic. Sources and sinks are Kafka's. The
# processor is yours: a class, whose method `process` gets one record after the other and hands on what it likes.

# %%
from modelserving.kstreams import Processor, ProcessorSupplier, serde, text

class Label(Processor):
    def process(self, record):
        kind = "sweet" if record.value().residual_sugar > 4 else "dry"
        self.context.forward(record.withValue(kind))

# %% [markdown]
# Topics hold bytes. A **serde** is a pair of functions, to bytes and back. For wines we have had such a pair since lesson 02:

# %%
wines = serde(encode_wine, decode_wine)

topology = Topology()
topology.addSource("bottles", text().deserializer(), wines.deserializer(), "wine-bottles")
topology.addProcessor("label", ProcessorSupplier(Label), "bottles")
topology.addSink("labels", "wine-labels", text().serializer(), text().serializer(), "label");

# %%
from modelserving.kstreams import describe

describe(topology)

# %% [markdown]
# Kafka Streams comes with a way to try that without a broker. We put records in at one end, and read at the other. Six bottles,
# their colour as the key:

# %%
colours = {
    colour: [wine for wine, _ in read_wines(data_folder() / f"wine_{colour}.csv")]
    for colour in ("red", "white")
}
six = [(colour, wine) for colour, all_of_it in colours.items() for wine in all_of_it[:3]]
[(colour, wine.residual_sugar) for colour, wine in six]

# %%
from modelserving.kstreams import TopologyTestDriver

def run(topology, bottles, out, keys=text(), values=text()):
    with TopologyTestDriver(topology, application_id="try") as driver:
        way_in = driver.createInputTopic("wine-bottles", text(), wines)
        for colour, wine in bottles:
            way_in.pipeInput(colour, wine)
        found = driver.createOutputTopic(out, keys, values).readRecordsToList()
        return [(record.key(), record.value()) for record in found]

# %%
labels = run(topology, six, "wine-labels")
assert Counter(label for _, label in labels) == {"dry": 5, "sweet": 1}
labels

# %% [markdown]
# The engine read six records, called your method six times, and wrote six records. Only the broker was missing.

# %% [markdown]
# ## Exercise: a node of your own

# %%
# exercise: kstreams-topology

# %% [markdown]
# ## A processor that counts
#
# A processor may want to remember something. It could have an attribute, but then only this one object would know. So a
# topology has **state stores**. A processor asks for its store by name, and the engine takes care of it.

# %%
class Count(Processor):
    def init(self, context):
        super().init(context)
        self.store = context.getStateStore("counts")

    def process(self, record):
        so_far = self.store.get(record.key()) or 0
        self.store.put(record.key(), so_far + 1)

# %% [markdown]
# Which store it is, the topology says. Here are two that come with Kafka Streams. One is a map in memory. The other is RocksDB,
# a small database in files. Kafka Streams gives each a **changelog**; for the one in memory we switch that off, to see what a
# store is like without:

# %%
from modelserving.kstreams import integer

def in_memory():
    kind = Stores.inMemoryKeyValueStore("counts")
    return Stores.keyValueStoreBuilder(kind, text(), integer()).withLoggingDisabled()

def standard():
    kind = Stores.persistentKeyValueStore("counts")
    return Stores.keyValueStoreBuilder(kind, text(), integer())

# %%
def counting(node, store, topic="wine-bottles"):
    topology = Topology()
    topology.addSource("bottles", text().deserializer(), wines.deserializer(), topic)
    topology.addProcessor("count", ProcessorSupplier(node), "bottles")
    topology.addStateStore(store, "count")
    return topology

# %%
describe(counting(Count, standard()))

# %% [markdown]
# > **Predict, then run.** This topology has no sink. Six bottles go in. What is written to any topic, with the one store and
# > with the other?

# %%
changelog = "try-counts-changelog"
kept = run(counting(Count, standard()), six, changelog, values=integer())
assert run(counting(Count, in_memory()), six, changelog, values=integer()) == []
kept

# %%
happened(
    f"With the store in memory: nothing. With the standard one: {len(kept)} records on "
    f"`{changelog}`, one for each change. Whoever reads that topic to its end and keeps the newest "
    "value of each key has the store. **That is how a store survives its machine.**"
)

# %% [markdown]
# ## Break it: an error in your processor
#
# What goes wrong in the engine is told to Python's `logging`. Today we break things on purpose and look ourselves, so it may be
# quiet:

# %%
for engine in ("org.apache.kafka", "modelserving.kstreams"):
    logging.getLogger(engine).setLevel(logging.CRITICAL)

# %% [markdown]
# Between your method and you there is a lot of Java. Somebody sends a bottle with no wine in it, and `Label` asks it for sugar.
#
# > **Predict, then run.** Whose error will you see, Java's or Python's? And will it say which line of yours it was?

# %% tags=["breaks"]
try:
    run(topology, [("red", None)], "wine-labels")
except AttributeError as error:
    broken = error

# %%
last = traceback.extract_tb(broken.__traceback__)[-1]
assert (type(broken), last.name) == (AttributeError, "process")
happened(
    f"`{type(broken).__name__}: {broken}`, in `{last.name}`, line {last.lineno}: `{last.line}`. "
    "Your own error, with its traceback. It went through Java and came out as what it was."
)

# %% [markdown]
# ## First store: memory
#
# Now with a real server and a real broker. Our model server exists on Kafka Streams too. It counts how often each model was
# used, and `--store` says where it keeps that. We begin with the cheapest store. A model and 200 wines:

# %%
catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
line = catalog["wine-linear-regression"]
producer = lesson.producer()
producer.send(lesson.topics.models, key=line.key, value=encode_descriptor(line));

# %%
def pour(count):
    for wine in colours["red"][:count]:
        producer.send(lesson.topics.records, key=b"wine", value=encode_wine(wine))
    producer.flush()

pour(200)

# %%
from modelserving.workshop.processes.process import ServerProcess

me = ("--group", lesson.group("server"), "--instance", "one", "--port", "0", "--no-preload")

def serve():
    return ServerProcess.start("streams", lesson.prefix, ("--store", "memory", *me))

server = lesson.manage(serve, name="server")

# %%
def answers():
    return len(list(read_topic(lesson.connection, lesson.topics.scored)))

def used(after):
    lesson.wait_for(lambda: answers() >= after, f"{after} answers")
    state = server.get("/state")
    return state["name"], state["usage"]

used(after=200)

# %% [markdown]
# It counts. And now `kill -9`, and the same command again.
#
# > **Predict, then run.** Will it have its model? Will it know that the model was used 200 times? Will it score the 200 wines
# > again?

# %% tags=["breaks"]
server.kill()
server = lesson.manage(serve, name="server")
used(after=200)

# %%
pour(7)
name, usage = used(after=207)
assert (name, usage, answers()) == (line.name, 7, 207)
happened(
    f"The model is there: `{name}` was read from its topic again. The wines are not scored again: "
    f"{answers()} answers for 207 wines. But the count began anew, and says **{usage}**. It was in "
    "memory only, and nobody had written it down."
)

# %%
server.close()

# %% [markdown]
# ## Second store: standard
#
# Had it been started with `--store standard` from the beginning, it would know of all 207. To see how, we use that store ourselves. Kafka Streams has a
# short way of drawing, the **DSL**. In it, counting bottles by their colour is one line:

# %%
bottles = lesson.topic("bottles")

def count_by_colour():
    builder = StreamsBuilder()
    stream = builder.stream(bottles, Consumed.with_(text(), wines))
    stream.groupByKey().count(Materialized.as_("counts"))
    return builder.build()

# %%
describe(count_by_colour())

# %% [markdown]
# You named nothing but the store. The DSL found names for the rest; it chose RocksDB, and a changelog.
#
# An **application** has a name, which is also its consumer group, and a folder for files. This function starts one here in the
# kernel:

# %%
from modelserving.kstreams import KafkaStreams, streams_config

standard_app, own_app = lesson.group("standard"), lesson.group("own")

def run_here(topology, application, machine):
    config = streams_config(
        lesson.connection,
        application_id=application,
        state_dir=lesson.folder / machine,
        processing_guarantee="exactly_once_v2",
        main_consumer_group_instance_id="me",  # who comes back by this name is known at once
    )
    return lesson.manage(lambda: KafkaStreams(topology, config), name="application")

# %%
def put(**numbers):
    for colour, number in numbers.items():
        for wine in colours[colour][:number]:
            producer.send(bottles, key=colour.encode(), value=encode_wine(wine))
    producer.flush()

# %%
put(red=30, white=12)
streams = run_here(count_by_colour(), standard_app, machine="old-machine")

# %% [markdown]
# While an application runs, you may ask it what is in its stores:

# %%
from modelserving.kstreams.java import QueryableStoreTypes

def look():
    try:
        return dict(streams.store("counts", QueryableStoreTypes.keyValueStore()).all())
    except ServerError:  # not yet: it is starting, or restoring the store
        return {}

# %%
lesson.wait_for(lambda: look() == {"red": 30, "white": 12}, "all 42 bottles")
look()

# %% [markdown]
# Now the machine burns down, with all its files. We start the same application in an **empty folder**, and add one white wine.
#
# > **Predict, then run.** How many white ones will it count: 1, 12, 13, 25?

# %%
streams.close()
put(white=1)
streams = run_here(count_by_colour(), standard_app, machine="new-machine")
lesson.wait_for(lambda: look().get("white", 0) >= 13, "one more white wine")
look()

# %%
log = f"{standard_app}-counts-changelog"
streams.close()
entries = list(read_topic(lesson.connection, log))
rows = [(one.offset, one.key.decode(), int.from_bytes(one.value)) for one in entries]
table(f"What is on {log}", rows, "offset", "colour", "count")

# %%
assert dict(row[1:] for row in rows) == {"red": 30, "white": 13}
happened(
    "The new machine read this topic into its empty RocksDB, and went on from there. 43 bottles "
    f"were counted, and only {len(rows)} changes written: the DSL has a cache, and writes the "
    "newest value of a key once for each commit. Older entries may go: the topic is **compacted**. "
    "And the offsets that are missing? These are the marks of the commits."
)

# %% [markdown]
# ## Exercise: a count that comes back

# %%
# exercise: kstreams-count

# %% [markdown]
# ## Third store: your own
#
# RocksDB holds bytes. Each `get` makes an object of them, each `put` makes bytes again: for each record, twice through a serde.
# When an object is big, and changes often, that is most of the work. A store of your own holds objects as they are, and
# writes them down when it has to: once for each commit.

# %%
from modelserving.kstreams import StateStore, StoreBuilder

class Cellar(StateStore):
    def open(self):
        self.counts, self.changed = Counter(), set()

    def add(self, colour):
        self.counts[colour] += 1
        self.changed.add(colour)

# %% [markdown]
# That is the store as the processor sees it. What follows is the engine's side. Before each commit the store may **log**
# changes; and when it begins on a new machine, it is given all entries of its changelog, one by one, to **restore**. Whoever asks
# from outside gets what `view` returns: a copy, so that a query cannot change the store.

# %%
class LoggedCellar(Cellar):
    def before_commit(self):
        for colour in sorted(self.changed):
            self.log(colour.encode(), str(self.counts[colour]).encode())
        self.changed.clear()

    def restore(self, key, value):
        self.counts[key.decode()] = int(value)

    def view(self):
        return Counter(self.counts)

# %% [markdown]
# A builder makes one for each task. The engine takes it like any other, and hands the processor your object, as it is:

# %%
class Stock(Processor):
    def init(self, context):
        super().init(context)
        self.store = context.getStateStore("cellar")

    def process(self, record):
        self.store.add(record.key())

# %%
topology = counting(Stock, StoreBuilder("cellar", LoggedCellar), bottles)
streams = run_here(topology, own_app, machine="old-machine")

# %%
from modelserving.kstreams import stores_of

def look_into(kind):
    try:
        return sum(streams.store("cellar", stores_of(kind)), Counter())
    except ServerError:
        return Counter()

# %%
lesson.wait_for(lambda: look_into(LoggedCellar) == {"red": 30, "white": 13}, "all 43 bottles")
look_into(LoggedCellar)

# %% [markdown]
# Another application, another group: it has counted all bottles from the first. There may be several stores here, one for each
# partition that this instance has; so a query gets a list, and we add them up.

# %%
streams.close()
own_log = f"{own_app}-cellar-changelog"
[(one.key, one.value) for one in read_topic(lesson.connection, own_log)]

# %% [markdown]
# ## Break it: fail in the middle of a transaction
#
# This is what makes a store hard to write. Four bottles come, three red and a green one. The processor counts all four, and
# then drops the green one. The transaction is **aborted**: nothing that was written in it counts. But your object in memory
# has counted four bottles already!
#
# We let the store tell its story:

# %%
class Telling(LoggedCellar):
    story = []

    def open(self):
        super().open()
        self.story.append("opened, empty")

    def restore(self, key, value):
        super().restore(key, value)
        self.story.append(f"restored: {key.decode()} {int(value)}")

    def add(self, colour):
        super().add(colour)
        self.story.append(f"counted: {colour} {self.counts[colour]}")

# %%
class Clumsy(Stock):
    to_drop = 1

    def process(self, record):
        super().process(record)
        if record.key() == "green" and Clumsy.to_drop:
            Clumsy.to_drop -= 1
            raise RuntimeError("the green one slipped")

# %%
colours["green"] = colours["white"]  # what is in a green bottle?
put(red=3, green=1)

# %% [markdown]
# The application begins with what its changelog has, 30 red bottles and 13 white ones. Then the four come:

# %% tags=["breaks"]
topology = counting(Clumsy, StoreBuilder("cellar", Telling), bottles)
streams = run_here(topology, own_app, machine="old-machine")
error = lesson.wait_for(lambda: streams.error, "the bottle to slip")
error, Telling.story[-1]

# %% [markdown]
# The application has ended with your error; the green bottle was the last thing that the store saw. (Our server goes on: there, a
# new thread takes the place of the one that failed.) Start it again:
#
# > **Predict, then run.** 30 red ones were committed before. How many will there be in the end: 30, 33 or 36? And how often will
# > the green one be counted?

# %%
Telling.story.append("(again)")
topology = counting(Clumsy, StoreBuilder("cellar", Telling), bottles)
streams = run_here(topology, own_app, machine="old-machine")
lesson.wait_for(lambda: look_into(Telling)["green"], "the green bottle")
table("What the store was told", list(enumerate(Telling.story, start=1)), "step", "what")

# %%
assert look_into(Telling) == {"red": 33, "white": 13, "green": 1}
assert Telling.story.count("counted: green 1") == 2
happened(
    "33 red ones, and the green one once. The transaction was aborted, so nothing of the first "
    "attempt counts, neither a change nor the position. The store began with **what was "
    "committed**, and the same four bottles came again. A store of your own must keep one promise "
    "for that: `open` begins empty, `restore` takes what comes."
)

# %%
streams.close();

# %% [markdown]
# ## Exercise: a store that can forget

# %%
# exercise: kstreams-forget

# %% [markdown]
# ## The store of our server
#
# Now you can read the real one. It is the default of `modelserving serve streams`, and there is hardly anything in it that you
# have not just written yourself:

# %%
from modelserving.streams_server.stores import CustomStatistics

show(CustomStatistics)

# %% [markdown]
# `record` is called once for each batch, `log_changes` once for each commit, `restore` when a task begins, and `view` when
# somebody asks `/state`.

# %% [markdown]
# ## Where does the time go?
#
# This workbook has an ancestor, a tutorial in Scala on the same engine. As shipped, it made about 450 records a second with the
# standard store, and about 17,000 with its own. Java is not slow, and neither is RocksDB. What was it?
#
# It kept the model and its count **in one value** of the store. We do the same:

# %%
def pack(both):
    model, count = both
    return count.to_bytes(8) + encode_descriptor(model)

def unpack(data):
    return decode_descriptor(data[8:]), int.from_bytes(data[:8])

# %%
class Together(Count):
    """Model and count are one value of the store."""

    def process(self, record):
        descriptor, so_far = self.store.get("wine") or (line, 0)
        model = factory.create(descriptor)
        model.score([record.value()])
        self.store.put("wine", (descriptor, so_far + 1))

# %%
class Apart(Count):
    """The model is in memory; the store has the count."""

    def init(self, context):
        super().init(context)
        self.model = factory.create(line)

    def process(self, record):
        self.model.score([record.value()])
        self.store.put("wine", (self.store.get("wine") or 0) + 1)

# %%
from modelserving.kstreams import raw

def measure(node, values, records=50 if fast else 300):
    store = Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("counts"), text(), values)
    with TopologyTestDriver(counting(node, store), application_id="try") as driver:
        way_in = driver.createInputTopic("wine-bottles", text(), wines)
        began = perf_counter()
        for wine in colours["red"][:records]:
            way_in.pipeInput("wine", wine)
        each_ms = (perf_counter() - began) / records * 1000
        written = driver.createOutputTopic(changelog, text(), raw()).readValuesToList()
    return each_ms, sum(map(len, written)) / records

# %% [markdown]
# > **Predict, then run.** Same model, same engine, same kind of store. By which factor do they differ?

# %%
measure(Apart, integer())  # the first run pays for what both need
both = {
    "together": measure(Together, serde(pack, unpack)),
    "apart": measure(Apart, integer()),
}
rows = [(name, f"{ms:.2f}", f"{size:,.0f}") for name, (ms, size) in both.items()]
table("For each record", rows, "model and count", "milliseconds", "bytes on the changelog")

# %%
together, apart = both["together"], both["apart"]
assert together[1] > 100 * apart[1]
happened(
    f"Together takes {together[0] / apart[0]:.1f} times as long, and writes {together[1] / 8:,.0f} "
    "times as much. For each wine the whole model was read, parsed, and written again, though only "
    "a number had changed. The ancestor wrote 22 MB of changelog for 600 records."
)

# %% [markdown]
# The lesson is not "write your own store". It is: **keep what changes with each record apart from what does not.** In our
# server the model's bytes are in one place, the model that was built of them in another, the statistics in a third. No record
# parses or writes a model, whichever store you choose.
#
# What remains here is the way between Java and Python. Each call of `process` crosses it, with some objects that must be made.
# So our server puts records aside, and crosses with a batch of up to a thousand; a model is fast in batches, too.
#
# What does that come to? We measured it three times, with 200,000 records, on a busy machine with two processors. The standard
# store did three quarters of what our own did, or as much (in the ancestor: about a fortieth). And the whole server, which
# decodes, scores, counts and answers, did a third to a half of what a processor in Python does that does nothing at all, and as
# much as one that hands on one record after the other, or more. Those are ratios of our machine; yours will differ. Records per
# second say more about a machine than about a program. For your own, in a terminal, in the folder of this checkout:
# `.venv/bin/python benchmarks/kstreams.py --quick` (on Windows `.venv\Scripts\python`)

# %% [markdown]
# ## How do models reach every instance?
#
# Ten instances share the partitions of the records; that is how the work is spread. But each needs the model, and a record of
# the models topic is in one partition only. There are two ways. The **global store**: each instance reads all of the models
# topic, to its end, before the first record. This is the topology of our server:

# %%
from modelserving.streams_server.model_thread import ModelOptions
from modelserving.streams_server.scoring import Tally
from modelserving.streams_server.stores import StoreKind
from modelserving.streams_server.topologies import Parts, make_topology
from modelserving.streams_server.distribution import ModelDistribution, make_models

def picture(way):
    models = lesson.manage(make_models(way, ModelOptions(lesson.connection, TOPICS)))
    return describe(make_topology(StoreKind.CUSTOM, Parts(TOPICS, models, Tally())))

# %%
picture(ModelDistribution.GLOBAL)

# %% [markdown]
# Above, what is done for each partition of the records (`batch` is where the engine collects them for us); below, what is on
# every instance. And the other way,
# **co-partitioned**: models are keyed like the records, and their topics have as many partitions. Then partition 3 of the
# records and partition 3 of the models go to the same instance:

# %%
picture(ModelDistribution.CO_PARTITIONED)

# %% [markdown]
# Here all is one sub-topology: one task for each partition, which has just the models that it needs. With very many models that
# may be the only way. But a data type is one key, a key is one partition, and a partition is one task: all red wine of the
# world goes through one thread. And it must be done with care. The ancestor's models had no key: with more than one partition,
# most tasks never saw a model, and said nothing. Our server refuses to start if the topics' partitions differ in number. The
# global way is its default; the other one is `--models co-partitioned`.

# %% [markdown]
# ## Recap
#
# * A topology is sources, processors and sinks. The processors are your Python; the engine around them is Kafka's own.
# * A store in memory **without a changelog** is fast, and gone with its process. The **standard** store has files, and a changelog on the broker,
#   which is what brings it back elsewhere. A store **of your own** holds objects, and logs what changed, once for each commit.
# * Under *exactly once*, results, changelog and position are one transaction. After an abort a store begins with what was
#   committed.
# * A model does not belong in a value that changes with each record.
#
# You can now write a processor and a store for Kafka Streams in Python, try them without a broker, and say what a restart costs.
#
# **In practice** begin with the DSL and the standard store, and look for what is read and written for each record before you
# look for another store. A store of your own is for objects that are big, or change often. Give an application's stores and
# nodes names of your own: changelogs are called after them, and a new name begins with nothing.
#
# **Source**: [`topologies.py`](../modelserving/streams_server/topologies.py),
# [`statistics.py`](../modelserving/streams_server/stores.py) for the three stores,
# [`scoring.py`](../modelserving/streams_server/scoring.py), [`ways.py`](../modelserving/streams_server/distribution.py) for
# the two ways of models, [`store.py`](../modelserving/kstreams/store.py) for what lies between a store and the engine

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [08 · Many instances](08_many_instances.ipynb)
