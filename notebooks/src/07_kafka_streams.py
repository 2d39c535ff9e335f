# %% [markdown]
# # 07 · Kafka Streams: what comes back
#
# You write processors in Python for the real Kafka Streams, kill what uses them, and see which counts come back, and from where.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | draw a topology of three nodes, and run it without a broker · count in a store · kill a server that counts in memory only, and one that does not · bring a count back on a machine that never saw it |
# | **You learn** | what Kafka Streams does for you, what a store is, and what a changelog is for |
# | **You need** | lesson 01 for topics and groups, lesson 04 for *exactly once*; no Java |
# | **Time** | 35 minutes, and the exercises as long as you like |
# | **Plan** | half day: a topology, and the two stores; full day: all of it |

# %%
# pipeline: streams

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import logging, os, shutil, traceback
from collections import Counter

from modelserving.workshop import lag, start, table
from modelserving.config import data_folder
from modelserving.errors import ServerError
from modelserving.kafka import read_topic
from modelserving.models.store.bundled import read_catalog
from modelserving.records import decode_wine
from modelserving.records import encode_descriptor, encode_wine, read_wines
from modelserving.widgets import TopicView
from modelserving.workshop.display.pictures.changelog import beside_changelog

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
lesson.tell("same-process")

# %% [markdown]
# ## A topology of three nodes
#
# A **source** reads a topic, a **processor** does something, a **sink** writes to a topic. Sources and sinks are Kafka's. The
# processor is yours: a class, whose method `process` gets one record after the other and hands on what it likes.

# %%
# diagram: topology

# %%
from modelserving.kstreams import Processor, ProcessorSupplier, serde, text

class Label(Processor):
    def process(self, record):
        kind = "sweet" if record.value().residual_sugar > 4 else "dry"
        self.context.forward(record.withValue(kind))

# %% [markdown]
# Topics hold bytes. A **serde** is a pair of functions, to bytes and back. For wines we have had such a pair since lesson 02. (A `;` at the end of a
# cell keeps its result from being shown.)

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
rows = [(colour, wine.residual_sugar) for colour, wine in six]
table("Six bottles", rows, "colour", "residual sugar, g/l")

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
table("On the topic of labels", labels, "key", "value")

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

# %%
# predict: changelog

# %%
changelog = "try-counts-changelog"
kept = run(counting(Count, standard()), six, changelog, values=integer())
in_memory_only = run(counting(Count, in_memory()), six, changelog, values=integer())
table("On the changelog of the standard store", kept, "key", "value")

# %%
lesson.tell("changelog")

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

# %%
# predict: whose-error

# %% tags=["breaks"]
try:
    run(topology, [("red", None)], "wine-labels")
except Exception as error:  # whichever it is
    broken = error

# %%
last = traceback.extract_tb(broken.__traceback__)[-1]
lesson.tell("whose-error")

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

def serve(store, group):
    me = ("--group", group, "--instance", "one", "--port", "0", "--no-preload")
    return ServerProcess.start("streams", lesson.prefix, ("--store", store, *me))

in_memory_group = lesson.group("memory")
server = lesson.manage(lambda: serve("memory", in_memory_group), name="server")

# %%
def answers():
    return len(list(read_topic(lesson.connection, lesson.topics.scored)))

def used(after):
    lesson.wait_for(lambda: answers() >= after, f"{after} answers")
    state = server.get("/state")
    return state["name"], state["usage"]

def sent():
    return len(list(read_topic(lesson.connection, lesson.topics.records)))

table("What /state says", [used(after=sent())], "model", "used")

# %% [markdown]
# It counts. And now `kill -9`, and the same command again.

# %%
# predict: memory

# %% tags=["breaks"]
server.kill()
server = lesson.manage(lambda: serve("memory", in_memory_group), name="server")
pour(7)
name, usage = used(after=sent())

# %%
lesson.tell("memory")

# %% [markdown]
# ## Second store: standard
#
# Another server, with another store. It is another group, so it scores all wines from the first (the answers are there twice then). We kill it, and
# delete its folder, as if its machine had burnt down:

# %%
standard_group = lesson.group("standard-server")
before = answers()
server = lesson.manage(lambda: serve("standard", standard_group), name="server")
table("What /state says", [used(after=before + sent())], "model", "used")

# %%
# predict: standard

# %% tags=["breaks"]
server.kill()
for folder in lesson.settings.home.glob(f"streams/{standard_group}*"):
    shutil.rmtree(folder)
server = lesson.manage(lambda: serve("standard", standard_group), name="server")
pour(7)
name, usage = used(after=before + sent())

# %%
lesson.tell("standard")

# %%
server.close()

# %% [markdown]
# To see how it comes back, we use that store ourselves. Kafka Streams has a
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

standard_app = lesson.group("standard")

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
bottles = lesson.topic("bottles")  # empty, also when this runs twice
put(red=30, white=12)
log = f"{standard_app}-counts-changelog"
lesson.manage(lambda: TopicView(lesson.connection, log), name="view")

# %% [markdown]
# The view is of the store's changelog: each entry is a colour, with its count so far. It is empty until the application runs:

# %%
# predict: entries

# %%
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

# %%
def logged():
    entries = read_topic(lesson.connection, log)
    return [(one.offset, one.key.decode(), int.from_bytes(one.value)) for one in entries]

lesson.wait_for(lambda: dict(row[1:] for row in logged()) == look(), "the commit")
rows = logged()
lesson.tell("entries")

# %% [markdown]
# Now this machine burns down, with all its files, and a white wine more is added. The application starts in an empty folder:

# %% tags=["breaks"]
streams.close()
put(white=1)
streams = run_here(count_by_colour(), standard_app, machine="new-machine")

def behind():
    return sum(lag(lesson.connection, standard_app, bottles).values())

lesson.wait_for(lambda: not behind() and look(), "it to be through")
lesson.tell("burnt")

# %%
# diagram: changelog

# %%
if found := look():  # nothing, where the application is closed
    in_store = found
streams.close()
rows = logged()
beside_changelog(rows, in_store)

# %%
lesson.tell("from-the-changelog")

# %% [markdown]
# ## Exercise: a count that comes back

# %%
# exercise: kstreams-count

# %% [markdown]
# ## Recap
#
# * A topology is sources, processors and sinks. The processors are your Python; the engine around them is Kafka's own.
# * A processor remembers in a **store**. A store in memory **without a changelog** is gone with its process.
# * The **standard** store has files, and a **changelog** on the broker; the changelog is what brings it back elsewhere.
#
# You can now write a processor for Kafka Streams in Python, try it without a broker, and say what a restart brings back.
#
# **In practice** begin with the DSL and the standard store. Give an application's stores and nodes names of your own: changelogs are called after
# them, and a new name begins with nothing.
#
# **Source**: [topologies.py](../modelserving/streams_server/topologies.py), [stores.py](../modelserving/streams_server/stores.py) for the
# stores of our server, [processor.py](../modelserving/kstreams/processor.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [08 · A store of your own](08_own_store.ipynb)
