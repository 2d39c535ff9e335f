# %% [markdown]
# # 08 · A store of your own
#
# You write a state store in Python for Kafka Streams, fail in the middle of a transaction, and find out what each record costs.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | write a store of your own · fail in the middle of a transaction, with *exactly once* and without · read the store of our server · put the model where it costs most, and where it costs nothing |
# | **You learn** | what a store must promise, what a transaction is worth, where the time of a stream goes, and how models reach every instance |
# | **You need** | lesson 07 |
# | **Time** | 30 minutes, and the exercise as long as you like |
# | **Plan** | half day: the store, and the fall; full day: all of it |

# %%
# pipeline: streams

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import logging
from collections import Counter
from time import perf_counter

from modelserving.workshop import records_table, show, start, table
from modelserving.config import data_folder
from modelserving.errors import ServerError
from modelserving.kafka import read_topic
from modelserving.models.formats import factory
from modelserving.models.store.bundled import read_catalog
from modelserving.records import TOPICS, decode_descriptor, decode_wine
from modelserving.records import encode_descriptor, encode_wine, read_wines
from modelserving.widgets import TopicView
from modelserving.workshop.display.figures import bars

lesson = start("08", fast=fast)

# %% [markdown]
# ## Where we were
#
# From lesson 07 we take: wines as bytes and back, bottles on a topic with their colour as the key, a topology that counts, and a way to run it here.

# %%
from modelserving.kstreams import Processor, ProcessorSupplier, TopologyTestDriver
from modelserving.kstreams import describe, integer, serde, text
from modelserving.kstreams.java import Stores, Topology

wines = serde(encode_wine, decode_wine)
bottles = lesson.topic("bottles")
producer = lesson.producer()
colours = {
    colour: [wine for wine, _ in read_wines(data_folder() / f"wine_{colour}.csv")]
    for colour in ("red", "white")
}

def put(**numbers):
    for colour, number in numbers.items():
        for wine in colours[colour][:number]:
            producer.send(bottles, key=colour.encode(), value=encode_wine(wine))
    producer.flush()

# %%
def counting(node, store, topic="wine-bottles"):
    topology = Topology()
    topology.addSource("bottles", text().deserializer(), wines.deserializer(), topic)
    topology.addProcessor("count", ProcessorSupplier(node), "bottles")
    topology.addStateStore(store, "count")
    return topology

bottles = lesson.topic("bottles")  # empty, also when this runs twice
put(red=30, white=13)

# %%
from modelserving.kstreams import KafkaStreams, streams_config

def run_here(topology, application, machine, guarantee="exactly_once_v2"):
    config = streams_config(
        lesson.connection,
        application_id=application,
        state_dir=lesson.folder / machine,
        processing_guarantee=guarantee,
        main_consumer_group_instance_id="me",  # who comes back by this name is known at once
    )
    return lesson.manage(lambda: KafkaStreams(topology, config), name="application")

# %% [markdown]
# What goes wrong in the engine is told to Python's `logging`; we break things on purpose and look ourselves, so it may be quiet.

# %%
for engine in ("org.apache.kafka", "modelserving.kstreams"):
    logging.getLogger(engine).setLevel(logging.CRITICAL)

own_app = lesson.group("own")

# %% [markdown]
# ## A store of objects
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
# A builder makes one for each **task**, which is the work on one partition. The engine takes it like any other, and hands the processor your object, as it is:

# %%
class Stock(Processor):
    name = "cellar"

    def init(self, context):
        super().init(context)
        self.store = context.getStateStore(self.name)

    def process(self, record):
        self.store.add(record.key())

# %%
own_log = f"{own_app}-cellar-changelog"
lesson.manage(lambda: TopicView(lesson.connection, own_log), name="view")

# %% [markdown]
# The view is of its changelog. An entry with a dashed frame is in a transaction that is open, a crossed one was aborted. Leave it open:

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
records_table(read_topic(lesson.connection, own_log))

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
if len(list(read_topic(lesson.connection, bottles))) == 43:  # not once more, when this runs twice
    put(red=3, green=1)

# %% [markdown]
# The application begins with what its changelog has, 30 red bottles and 13 white ones. Then the four come:

# %% tags=["breaks"]
Clumsy.to_drop, Telling.story = 1, []
topology = counting(Clumsy, StoreBuilder("cellar", Telling), bottles)
streams = run_here(topology, own_app, machine="old-machine")
error = lesson.wait_for(lambda: streams.error, "the bottle to slip")
rows = [("the application ended with", error), ("the store saw last", Telling.story[-1])]
table("The fall", rows, "", "what")

# %% [markdown]
# The application has ended with your error; the green bottle was the last thing that the store saw. (Our server goes on: there, a
# new thread takes the place of the one that failed.) We start it again:

# %%
# predict: aborted

# %%
Telling.story.append("(again)")
topology = counting(Clumsy, StoreBuilder("cellar", Telling), bottles)
streams = run_here(topology, own_app, machine="old-machine")
lesson.wait_for(lambda: look_into(Telling)["green"], "the green bottle")
table("What the store was told", list(enumerate(Telling.story, start=1)), "step", "what")

# %%
lesson.tell("aborted")

# %%
streams.close()

# %% [markdown]
# And was it really the transaction? The contrast, with everything else the same: another application, **at least once**, and it commits so seldom that the
# fall comes before.

# %%
# predict: at-least-once

# %%
def green_counted():
    return sum(line.startswith("counted: green") for line in Telling.story)

Clumsy.to_drop, Telling.story, other_app = 1, [], lesson.group("careless")
for attempt in (1, 2):
    topology = counting(Clumsy, StoreBuilder("cellar", Telling), bottles)
    streams = run_here(topology, other_app, "careless-machine", "at_least_once")
    ended = lambda: streams.error if attempt == 1 else green_counted() == 2
    lesson.wait_for(ended, "the bottle to slip, and then to be counted")

# %%
contrast = look_into(Telling)
lesson.tell("at-least-once")

# %%
streams.close()

# %% [markdown]
# ## Exercise: a store that can forget

# %%
# exercise: kstreams-forget

# %% [markdown]
# ## The store of our server
#
# Now you can read the real one. It is the default of `modelserving serve streams`. What you called `before_commit` is `log_changes` here; the rest has the
# same shape as yours:

# %%
from modelserving.streams_server.stores import CustomStatistics

show(CustomStatistics)

# %% [markdown]
# `record` is called once for each batch, `log_changes` once for each commit, `restore` when a task begins, and `view` when
# somebody asks `/state`.

# %% [markdown]
# ## Where does the time go?
#
# This workbook has an ancestor, a tutorial in Scala on the same engine, whose standard store was many times slower than its own store. Java is not slow,
# and neither is RocksDB. What was it? It kept the model and its count **in one value** of the store. We do the same:

# %%
catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
line = catalog["wine-linear-regression"]

def pack(both):
    model, count = both
    return count.to_bytes(8) + encode_descriptor(model)

def unpack(data):
    return decode_descriptor(data[8:]), int.from_bytes(data[:8])

# %%
class Together(Stock):
    """Model and count are one value of the store."""

    name = "counts"

    def process(self, record):
        descriptor, so_far = self.store.get("wine") or (line, 0)
        model = factory.create(descriptor)
        model.score([record.value()])
        self.store.put("wine", (descriptor, so_far + 1))

# %%
class Apart(Stock):
    """The model is in memory; the store has the count."""

    name = "counts"

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
        written = driver.createOutputTopic("try-counts-changelog", text(), raw()).readValuesToList()
    return each_ms, sum(map(len, written)) / records

# %%
# predict: together

# %%
measure(Apart, integer())  # the first run pays for what both need
both = {
    "together": measure(Together, serde(pack, unpack)),
    "apart": measure(Apart, integer()),
}
rows = [(name, f"{ms:.2f}", f"{size:,.0f}") for name, (ms, size) in both.items()]
table("For each record", rows, "model and count", "milliseconds", "bytes on the changelog")

# %%
each_ms = {name: ms for name, (ms, _) in both.items()}
bars(each_ms, "What one record takes.", x="model and count", y="ms")

# %%
together, apart = both["together"], both["apart"]
lesson.tell("together")

# %% [markdown]
# The lesson is not "write your own store". It is: **keep what changes with each record apart from what does not.** In our
# server the model's bytes are in one place, the model that was built of them in another, the statistics in a third. No record
# parses or writes a model, whichever store you choose.
#
# What remains here is the way between Java and Python. Each call of `process` crosses it, with some objects that must be made.
# So our server puts records aside, and crosses with a batch of up to a thousand; a model is fast in batches, too.
#
# What does that come to on your machine? `benchmarks/kstreams.py` sends many records through our server with each of its stores, and through two
# processors that do nothing: one takes each record by itself, the other whole batches. Compare the server with these two. In a terminal, in the
# folder of this checkout: `.venv/bin/python benchmarks/kstreams.py --quick` (on Windows `.venv\Scripts\python`)

# %% [markdown]
# ## How do models reach every instance?
#
# Ten instances share the partitions of the records; that is how the work is spread. But each needs the model, and a record of
# the models topic is in one partition only. There are two ways. The **global store**: each instance reads all of the models
# topic, to its end, before the first record. This is the topology of our server:

# %%
from modelserving.serving.options import ServerOptions
from modelserving.streams_server.scoring import Tally
from modelserving.streams_server.stores import StoreKind
from modelserving.streams_server.topologies import TopologyParts, make_topology
from modelserving.streams_server.distribution import ModelDistribution, make_models

def picture(way):
    models = lesson.manage(make_models(way, lesson.connection, ServerOptions()))
    return describe(make_topology(StoreKind.CUSTOM, TopologyParts(TOPICS, models, Tally())))

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
# Here all is one **sub-topology**, a part that hangs together: one task for each partition, which has just the models that it needs. With very many models that
# may be the only way. But a data type is one key, a key is one partition, and a partition is one task: all red wine of the
# world goes through one thread. And it must be done with care. The ancestor's models had no key: with more than one partition,
# most tasks never saw a model, and said nothing. What does our server say, where the records have one partition and the models three?

# %% tags=["breaks"]
lesson.topic("wine-models", partitions=3)
options = ServerOptions(topics=lesson.topics)
way = make_models(ModelDistribution.CO_PARTITIONED, lesson.connection, options)
try:
    lesson.manage(way, name="way").start()  # as a server does before it serves
except ServerError as error:
    refused = error
lesson.tell("differ")

# %% [markdown]
# The global way is the default of our server; the other one is `--models co-partitioned`.

# %% [markdown]
# ## Recap
#
# * A store **of your own** holds objects, and logs what changed, once for each commit.
# * Under *exactly once*, results, changelog and position are one transaction. After an abort a store begins with what was committed; without the
#   transaction, it counts twice.
# * A model does not belong in a value that changes with each record.
# * Models reach every instance by a **global store**, or go with their records, **co-partitioned**.
#
# You can now write a store for Kafka Streams in Python, and say what a record costs, and why.
#
# **In practice** begin with the standard store, and look for what is read and written for each record before you look for another one. A store of your own
# is for objects that are big, or change often.
#
# **Source**: [stores.py](../modelserving/streams_server/stores.py) for the three stores, [scoring.py](../modelserving/streams_server/scoring.py),
# [distribution.py](../modelserving/streams_server/distribution.py) for the two ways of models, [store.py](../modelserving/kstreams/store.py) for
# what lies between a store and the engine

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [09 · Many instances](09_many_instances.ipynb)
