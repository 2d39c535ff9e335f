# %% [markdown]
# # 13 · Streams and tables
#
# You read one topic as a stream and as a table, turn each into the other, see compaction and tombstones at work, and join what belongs together.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | play records, and see a table change with each · turn a stream into a table, and a table into a stream · delete with a tombstone, and watch the broker clean up · join streams and tables in four ways · join topics that do not fit, and get wrong results without an error |
# | **You learn** | when a record is a fact and when it is news, what a changelog has to do with it, which join answers which question, and why partitions have to match |
# | **You need** | lesson 01 for partitions and compaction, lesson 07 for stores; lesson 12 for windows helps |
# | **Time** | 25 minutes, and the exercises as long as you like |
# | **Plan** | half day: stream and table, and the first join; full day: all of it |

# %%
# pipeline: streams topics

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import time

from modelserving.workshop import records_table, start, table
from modelserving.errors import ServerError
from modelserving.kafka import read_topic

lesson = start("13", fast=fast)

# %% [markdown]
# ## One topic, two ways to read it
#
# A taster grades wines. She changes her mind, and takes a grade back: a record whose value is `None`, a **tombstone**.

# %%
graded = [
    ("merlot", "5"), ("riesling", "7"), ("merlot", "6"), ("riesling", None), ("merlot", "8"),
]

# %% [markdown]
# As a **stream** (`KStream`) each record is a fact of its own: five things happened. As a **table** (`KTable`) each is news about its key, and replaces what was
# known before.

# %%
# predict: table

# %%
from modelserving.kstreams import StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed, Grouped, Materialized, Produced

as_text = Consumed.with_(text(), text())

def play(builder, records, look):
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        topic = driver.createInputTopic("grades", text(), text())
        for key, value in records:
            topic.pipeInput(key, value)
            yield look(driver)

# %%
def in_table(driver):
    return dict(driver.getStateStore("now").all())

builder = StreamsBuilder()
builder.table("grades", as_text, Materialized.as_("now"))
tables = list(play(builder, graded, in_table))

# %%
from modelserving.workshop.display.pictures.tables import stream_and_table

stream_and_table([(key, value, found) for (key, value), found in zip(graded, tables)])

# %%
lesson.tell("table")

# %% [markdown]
# It is not a property of the topic. It is a question of what you ask: "how often did she grade?", or "what does she think now?"

# %% [markdown]
# ## There and back: duality
#
# A stream becomes a table when you add it up. A **count** is a table: how many there are now, by key. And a table becomes a stream when you say each change. How
# often was `riesling` graded, says the count?

# %%
# predict: count

# %%
builder = StreamsBuilder()
grades = builder.stream("grades", as_text)
counts = grades.groupByKey(Grouped.with_(text(), text())).count(Materialized.as_("counts"))
counts.toStream().mapValues(str).to("changes", Produced.with_(text(), text()))

# %%
from modelserving.kstreams import integer

def both_ways(driver):
    changes = driver.createOutputTopic("changes", text(), text()).readKeyValuesToList()
    log = driver.createOutputTopic("test-counts-changelog", text(), integer())
    kept = [(key, str(count)) for key, count in log.readKeyValuesToList()]
    return changes, kept, dict(driver.getStateStore("counts").all())

steps = list(play(builder, graded, both_ways))
changes = [change for said, _, _ in steps for change in said]
log = [change for _, said, _ in steps for change in said]
counted = steps[-1][2]
table("What the count says, change by change", changes, "key", "count")

# %%
lesson.tell("count")

# %% [markdown]
# And the other way: whoever has the changes has the table. We play them into a new one, which has never seen a grade:

# %%
builder = StreamsBuilder()
builder.table("grades", as_text, Materialized.as_("now"))
*_, rebuilt = play(builder, changes, in_table)
lesson.tell("same-table")

# %% [markdown]
# ## Exercise: a table by hand

# %%
# exercise: tables-fold

# %% [markdown]
# ## Compaction: the broker plays along
#
# To know a table one needs the last record of each key, and no more. So a topic that is a table may be **compacted**: the broker throws away what was replaced. And a
# tombstone? It says that a key is gone, to whoever is still reading; after a while it goes, too.
#
# We put the grades onto such a topic, on the real broker, and watch it:

# %%
from modelserving.widgets import TopicView

grades_topic, producer = lesson.topic("grades", compacted=True), lesson.producer()
watch = lambda: TopicView(lesson.connection, grades_topic)
lesson.manage(watch, name="view")

# %%
# predict: compaction

# %%
def send(topic, records):
    for key, value in records:
        producer.send(topic, key=key.encode(), value=value and value.encode())
    producer.flush()

def left():
    newest = max(record.timestamp for record in read_topic(lesson.connection, grades_topic))
    if time.time() * 1000 - newest > 700:  # the newest segment is never cleaned: begin another
        send(grades_topic, [("end", "of the list")])
    return on_topic()

def on_topic():
    records = read_topic(lesson.connection, grades_topic)
    return [record for record in records if record.key != b"end"]

send(grades_topic, graded)
whole = on_topic()

# %%
def as_table(records):
    found = {}
    for record in records:
        found[record.key] = record.value
    return {key: value for key, value in found.items() if value is not None}

def is_clean():
    return len(left()) == len(as_table(on_topic()))  # no record that the table does not need

# %%
lesson.wait_for(is_clean, "the broker to clean up", 90)
kept = on_topic()
records_table(kept)

# %%
lesson.tell("compaction")

# %% [markdown]
# ## Joins: what belongs together
#
# A score says which model made it. On another topic stands what people know about each model: who trained it. First question: **who had trained the model when this score was
# made?** That is a stream **joined** with a table.

# %%
# predict: then

# %%
from modelserving.kstreams.java import Joined

def told(builder, *records, out="out"):
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        for topic, key, value in records:
            driver.createInputTopic(topic, text(), text()).pipeInput(key, value)
        return driver.createOutputTopic(out, text(), text()).readKeyValuesToList()

def say(score, trainer):
    return f"{score}, by {trainer}"

# %%
builder = StreamsBuilder()
scores = builder.stream("scores", as_text)
trainers = builder.table("trainers", as_text)
named = scores.leftJoin(trainers, say, Joined.with_(text(), text(), text()))
named.to("out", Produced.with_(text(), text()))

# %%
then = told(
    builder,
    ("scores", "line", "5.5"),
    ("trainers", "line", "Ann"),
    ("scores", "line", "5.7"),
    ("trainers", "line", "Bob"),
    ("scores", "line", "6.1"),
)
table("What came out", then, "model", "score, and who had trained it")

# %%
lesson.tell("then")

# %% [markdown]
# Second question: **who is it now?** That is a table joined with a table, and the result is a table, which changes when either side does. Here the two are joined by a **foreign
# key**: the key of the left one is a bottle, and its value says whose it is.

# %%
# predict: foreign

# %%
builder = StreamsBuilder()
bottles, makers = builder.table("bottles", as_text), builder.table("makers", as_text)
maker_of = lambda bottle: bottle.split("@")[1]
kept_as = Materialized.with_(text(), text())
labels = bottles.join(makers, maker_of, lambda bottle, maker: f"{bottle[:5]} of {maker}", kept_as)
labels.toStream().to("out", Produced.with_(text(), text()))
records = [("makers", "7", "Quinta"), *(("bottles", f"b{n}", "white@7") for n in (1, 2, 3))]
before = told(builder, *records)
after = told(builder, *records, ("makers", "7", "Quinta Nova"))
table("What came out after the new name", after[len(before):], "bottle", "label")

# %%
lesson.tell("foreign")

# %% [markdown]
# Third question: **which of these two things happened near each other?** That is a stream joined with a stream, and it needs a window (lesson 12), or it would have to remember all. A wine is
# published, and its score comes; we wait ten seconds for it.

# %%
from modelserving.kstreams.java import Duration, JoinWindows, StreamJoined

within = JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(0))
builder = StreamsBuilder()
published, answers = (builder.stream(name, as_text) for name in ("published", "answers"))
both = published.leftJoin(answers, say, within, StreamJoined.with_(text(), text(), text()))
both.to("out", Produced.with_(text(), text()))

# %%
def at(second, topic, key, value):
    driver.createInputTopic(topic, text(), text()).pipeInput(key, value, second * 1000)

with TopologyTestDriver(builder.build()) as driver:
    at(0, "published", "wine 1", "wine 1")
    at(1, "published", "wine 2", "wine 2")
    at(4, "answers", "wine 1", "5.5")
    at(30, "answers", "wine 2", "6.5")  # too late
    at(60, "published", "wine 3", "wine 3")
    pairs = driver.createOutputTopic("out", text(), text()).readValuesToList()
table("What came out", [(one,) for one in pairs], "wine, and its answer")

# %%
lesson.tell("closed-window")

# %% [markdown]
# | question | join | result |
# |---|---|---|
# | what was known when it happened? | stream with table | a stream; later news change nothing |
# | what is known now? | table with table, also by a foreign key | a table; news of either side change it |
# | what happened near each other? | stream with stream, in a window | a stream of pairs; a left join also tells what is missing |
# | what is known, wherever the record is? | stream with **global** table | a stream; the table is whole on each instance |

# %% [markdown]
# ## Exercise: nobody gets lost

# %%
# exercise: tables-join

# %% [markdown]
# ## Break it: partitions that do not match
#
# Scores of twelve models, on a topic of **three** partitions; who trained them, on a topic of **one**. A stream and a table are joined partition by partition: partition 0 with partition
# 0, and so on. Same program, same data. How many scores find their trainer?

# %%
models = [f"m{n}" for n in range(12)]
topics = {"scores": lesson.topic("scores", partitions=3), "trainers": lesson.topic("trainers")}
send(topics["trainers"], [(name, f"trainer of {name}") for name in models])
send(topics["scores"], [(name, "5.5") for name in models])

# %%
# predict: apart

# %%
from modelserving.kstreams import KafkaStreams, streams_config

def joined_with(make):
    builder, found = StreamsBuilder(), {}
    scores = builder.stream(topics["scores"], as_text)
    make(builder, scores).foreach(lambda key, value: found.update({key: value}))
    settings = {"application_id": lesson.group(make.__name__), "state_dir": lesson.folder}
    config = streams_config(lesson.connection, **settings)
    lesson.manage(lambda: KafkaStreams(builder.build(), config), name="application")
    lesson.wait_for(lambda: len(found) == len(models), "all twelve")
    return found

# %% tags=["breaks"]
def with_table(builder, scores):
    trainers = builder.table(topics["trainers"], as_text)
    return scores.leftJoin(trainers, say, Joined.with_(text(), text(), text()))

apart = joined_with(with_table)
found = {name for name, value in apart.items() if not value.endswith("None")}
places = {r.key.decode(): r.partition for r in read_topic(lesson.connection, topics["scores"])}
lesson.tell("apart")

# %% [markdown]
# Two ways out. Give both topics as many partitions (`repartition` does it inside a topology). Or, where the table is small, make it a **global** table: each instance has
# all of it, so it does not matter where a record is. Our server's models travel like that.

# %%
def with_global_table(builder, scores):
    trainers = builder.globalTable(topics["trainers"], as_text)
    return scores.leftJoin(trainers, lambda key, score: key, say)

together = joined_with(with_global_table)
assert not [value for value in together.values() if value.endswith("None")]
table("All have one", sorted(together.items())[:5], "model", "score")

# %% [markdown]
# ## Recap
#
# * As a **stream** each record is a fact; as a **table** it is news about its key, and `None` deletes.
# * A table is its stream of changes played to the end; a stream that is added up is a table. The changelog is both.
# * A **compacted** topic keeps of each key the last record. A tombstone goes when all had time to see it.
# * A join is a question: *then* (stream and table), *now* (two tables), *near each other* (two streams, in a window).
# * What is joined must have as many partitions, or be global. Nobody tells you when it has not.
#
# You can now choose between stream and table, join them, and say what each record of a result means.
#
# **In practice** check the partitions of topics that you join, when your program starts: our server refuses to begin if they differ. Give table topics compaction; give
# streams a retention.
#
# **Source**: [instances.py](../modelserving/streams_server/instances.py), [topologies.py](../modelserving/streams_server/topologies.py) for a global store in use,
# [Kafka Streams in Python](../docs/kafka-streams.md) for an example of each join

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [14 · Delivery](14_delivery.ipynb)
