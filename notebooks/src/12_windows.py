# %% [markdown]
# # 12 · Time and windows
#
# You put records into windows of every kind, send them late, let a broken clock close windows too early, and say a result once, when it is final.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | score now what was published two hours ago, and ask which minute it belongs to · draw tumbling, hopping, sliding and session windows of what you sent · send records late · keep statistics for each model and minute on the broker · break a clock |
# | **You learn** | event time and processing time, what moves time on in a stream, what grace is worth, and when a result may be called final |
# | **You need** | lesson 07 for stores and the DSL |
# | **Time** | 25 minutes, and the exercises as long as you like |
# | **Plan** | half day: tumbling windows, and late records; full day: all of it |

# %%
# pipeline: streams statistics wine-scored

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import json, time
from collections import Counter

from modelserving.workshop import start, table
from modelserving.config import data_folder
from modelserving.errors import ServerError
from modelserving.kafka import read_topic
from modelserving.models.formats import factory
from modelserving.models.store.bundled import read_catalog
from modelserving.records import ScoredRecord, decode_scored, encode_scored, read_wines
from modelserving.widgets import TopicView

lesson = start("12", fast=fast)

# %% [markdown]
# ## Two clocks
#
# Somebody tastes a wine, it is published, it waits in a topic, a server scores it. So there are at least two times: when it **happened**, and when it is
# **processed**. Mostly they are near each other. But a server may have stood still for a night.
#
# We take sixty wines that were published one every three seconds, in three minutes of a full hour that is over. A model scores them now:

# %%
# diagram: event-time

# %%
wines = [wine for wine, _ in read_wines(data_folder() / "wine_red.csv")]
catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
line, forest = (catalog[name] for name in ("wine-linear-regression", "wine-random-forest-onnx"))
HOUR = int(time.time()) // 3600 * 3600 - 2 * 3600  # seconds since 1970

# %%
def answer(model, seconds):
    values = factory.create(model).score(wines[: len(seconds)]).values
    who = (model.name, model.version, model.sha256)
    for second, value in zip(seconds, values):
        place, now = (0, second), time.time_ns()
        yield ScoredRecord("wine", float(value), *who, *place, 0, now, (HOUR + second) * 1000)

# %% [markdown]
# A producer may say the time of a record. So the answers bring the time along at which their wine was published. They go to two topics: a plain one, and `wine-scored`, as our
# pipeline makes it.

# %%
producer = lesson.producer()

def publish(model, *seconds, topic=lesson.topics.scored):
    for one in answer(model, seconds):
        producer.send(topic, value=encode_scored(one), timestamp_ms=one.published_ms)
    producer.flush()

# %%
# predict: clocks

# %%
plain, _ = lesson.topic("plain"), lesson.topic("wine-scored")  # empty, also when this runs twice
for topic in (plain, lesson.topics.scored):
    publish(line, *range(0, 180, 3), topic=topic)

def minutes_on(topic):
    records = read_topic(lesson.connection, topic)
    return Counter(record.timestamp // 60_000 - HOUR // 60 for record in records)

both = {"plain": plain, "wine-scored": lesson.topics.scored}
rows = [(name, *found) for name, topic in both.items() for found in minutes_on(topic).items()]
table("By the time of each record", rows, "topic", "minutes since that hour", "records")

# %%
pairs = list(read_topic(lesson.connection, lesson.topics.scored))
inside = Counter(decode_scored(one.value).published_ms // 60_000 - HOUR // 60 for one in pairs)
lesson.tell("clocks")

# %% [markdown]
# ## Windows
#
# An unbounded stream has no end at which one could say how many there were. So it is cut into **windows** of its records' own time. Kafka Streams counts for each
# key and each window:

# %%
from modelserving.kstreams import StreamsBuilder, TopologyTestDriver, number, text
from modelserving.kstreams.java import Consumed, Duration, Grouped

def counting(windows, note):
    builder = StreamsBuilder()
    scores = builder.stream("scored", Consumed.with_(text(), number()))
    counts = scores.groupByKey(Grouped.with_(text(), number())).windowedBy(windows).count()
    counts.toStream().foreach(note)
    return builder.build()

# %% [markdown]
# This sends records of two models at certain seconds after that hour, and notes what each window has, and which records no window took:

# %%
from modelserving.workshop.display.pictures.windows import SentRecord, windows_picture

def run(windows, *sent):
    found, drawn, changed = {}, [], []

    def note(key, count):
        changed.append(count)
        ends = (key.window().start(), key.window().end())
        found[key.key(), *(end / 1000 - HOUR for end in ends)] = count

    with TopologyTestDriver(counting(windows, note), statestore_cache_max_bytes=0) as driver:
        topic = driver.createInputTopic("scored", text(), number())
        for model, second in sent:
            changed.clear()
            topic.pipeInput(model, 5.5, (HOUR + second) * 1000)
            drawn.append(SentRecord(model, second, lost=not changed))
    return drawn, {place: count for place, count in found.items() if count is not None}

# %% [markdown]
# ### Tumbling: each record in one window
#
# A minute, and the next minute, and the next. The line scores at 0:05, 0:22, 0:59 and exactly 1:00, the forest at 0:08 and 1:15.

# %%
# predict: edge

# %%
from modelserving.kstreams.java import TimeWindows

minute, seconds = Duration.ofMinutes(1), Duration.ofSeconds
tasted = [("line", 5), ("forest", 8), ("line", 22), ("line", 59), ("line", 60), ("forest", 75)]
drawn, found = run(TimeWindows.ofSizeWithNoGrace(minute), *tasted)
windows_picture(drawn, found)

# %%
lesson.tell("edge")

# %% [markdown]
# The numbers say in which order the records came; the numbers in the windows are the counts. That is all there is to it, until a record comes late.
#
# ### Hopping: windows that overlap
#
# A minute long, and a new one begins every twenty seconds. The record at 1:15 will be in several of them.

# %%
# predict: hopping

# %%
hopping = TimeWindows.ofSizeWithNoGrace(minute).advanceBy(seconds(20))
drawn, found = run(hopping, *tasted)
windows_picture(drawn, found)

# %%
holding = [place for place in found if place[0] == "forest" and place[1] <= 75 < place[2]]
lesson.tell("hopping")

# %% [markdown]
# Hopping windows answer "how many in the last minute?", told anew every twenty seconds.
#
# ### Sliding: where the records are
#
# Hopping windows lie where the clock has them. Sliding windows lie where records are: there is one that *ends* with each record, and one that begins just
# behind it, if something else is in it. Two records are in a common window exactly if they are at most twenty seconds apart.

# %%
from modelserving.kstreams.java import SlidingWindows

sliding = SlidingWindows.ofTimeDifferenceWithNoGrace(seconds(20))
drawn, found = run(sliding, ("line", 30), ("line", 40), ("line", 65))
windows_picture(drawn, found)

# %% [markdown]
# They answer "how many within twenty seconds, at any moment?", and no hop can miss it.
#
# ### Sessions: as long as it goes on
#
# A session has no length of its own. It goes on while the gap between two records is at most thirty seconds. Here are two: 0:05 to 0:20, and 1:00 to 1:10. And then
# one more record comes, late: of 0:40.

# %%
# predict: bridge

# %%
from modelserving.kstreams.java import SessionWindows

sessions = SessionWindows.ofInactivityGapAndGrace(seconds(30), minute)
tasting = [("line", 5), ("line", 20), ("line", 60), ("line", 70)]
(_, two), (drawn, found) = run(sessions, *tasting), run(sessions, *tasting, ("line", 40))
windows_picture(drawn, found)

# %%
lesson.tell("bridge")

# %% [markdown]
# ## Who moves time on?
#
# No clock on a wall. **Stream time** is the greatest time that a partition's records have had. It moves on with records, and never back. A window is closed when stream time
# has passed its end, and its **grace** is over. Whatever comes for it then is dropped.
#
# Windows of a minute, thirty seconds of grace. The records below come in this order. The first minute is over at 1:00, and its grace at 1:30.

# %%
# diagram: grace

# %%
late = [("line", 10), ("line", 50), ("line", 70), ("line", 55), ("forest", 95), ("line", 20)]

# %%
# predict: late

# %%
patient = TimeWindows.ofSizeAndGrace(minute, seconds(30))
drawn, found = run(patient, *late)
windows_picture(drawn, found)

# %%
lost = [one for one in drawn if one.lost]
lesson.tell("late")

# %% [markdown]
# ## Once, and final
#
# A count that changes with each record is right for a picture, and wrong for a bill. `suppress` holds a window's result back until it is closed, and then says it
# once. Three scores; after them **the stream falls silent**, and an hour passes on the wall.

# %%
# predict: silence

# %%
from modelserving.kstreams import Suppressed, java

def final_only(windows, note):
    builder = StreamsBuilder()
    scores = builder.stream("scored", Consumed.with_(text(), number()))
    counts = scores.groupByKey(Grouped.with_(text(), number())).windowedBy(windows).count()
    until = Suppressed.untilWindowCloses(java.BufferConfig.unbounded())
    counts.suppress(until).toStream().foreach(note)
    return builder.build()

# %%
said = []
with TopologyTestDriver(final_only(patient, lambda key, count: said.append(count))) as driver:
    topic = driver.createInputTopic("scored", text(), number())
    for second in (10, 20, 30):
        topic.pipeInput("line", 5.5, (HOUR + second) * 1000)
    driver.advanceWallClockTime(3600)
    after_an_hour = list(said)
    topic.pipeInput("forest", 5.5, (HOUR + 90) * 1000)

# %%
lesson.tell("silence")

# %% [markdown]
# ## Exercise: each minute once

# %%
# exercise: windows-final

# %% [markdown]
# ## For each model and minute, on the broker
#
# Now the real thing: how many wines each model scored in each minute, and how good they were on average. Three things are new. The time is taken from the **value**, by a
# `TimestampExtractor`, since the topic has the broker's. The key has to become the model's name, so the engine sends the records through a topic of its own, to **repartition**
# them. And an `aggregate` keeps two numbers.

# %%
from modelserving.kstreams import Materialized, TimestampExtractor, describe, raw, serde

scored = serde(encode_scored, decode_scored)
pair = serde(lambda both: json.dumps(both).encode(), json.loads)
published = TimestampExtractor(lambda key, one: one.published_ms)

def add(model, one, so_far):
    count, total = so_far
    return count + 1, total + one.prediction

# %%
def by_model_and_minute():
    builder = StreamsBuilder()
    source = Consumed.with_(raw(), scored).withTimestampExtractor(published)
    all_scores = builder.stream(lesson.topics.scored, source)
    by_model = all_scores.groupBy(lambda key, one: one.model_name, Grouped.with_(text(), scored))
    kept = Materialized.as_("minutes").withKeySerde(text()).withValueSerde(pair)
    by_model.windowedBy(patient).aggregate(lambda: (0, 0.0), add, kept)
    return builder.build()

describe(by_model_and_minute())

# %%
from modelserving.kstreams import KafkaStreams, QueryableStoreTypes, streams_config

app = lesson.group("minutes")

def run_here():
    where = {"application_id": app, "state_dir": lesson.folder / "here"}
    config = streams_config(lesson.connection, commit_interval_ms=100, **where)
    return KafkaStreams(by_model_and_minute(), config)

streams = lesson.manage(run_here, name="application")

# %% [markdown]
# The view has the answers, and the bar of the application that puts them into windows. Leave it open:

# %%
answers_topic = lesson.topics.scored
lesson.manage(lambda: TopicView(lesson.connection, answers_topic, app), name="view")

# %%
def by_minute(store):
    return {(key.key(), key.window().start() // 1000 - HOUR): both for key, both in store.all()}

def minutes():
    try:
        return by_minute(streams.store("minutes", QueryableStoreTypes.windowStore()))
    except ServerError:  # not yet: it is starting
        return {}

def counted():
    return sum(count for count, _ in minutes().values())

lesson.wait_for(lambda: counted() == 60, "60 wines in windows")

# %% [markdown]
# A second model takes over, and scores what was published in the fourth minute:

# %%
publish(forest, *range(180, 240, 3))
published_now = minutes_on(lesson.topics.scored).total()
lesson.wait_for(lambda: counted() == published_now, "twenty more wines in windows")
rows = [(m, f"{s // 60}:00", n, f"{total / n:.2f}") for (m, s), (n, total) in minutes().items()]
table("Scores for each model and minute", rows, "model", "minute", "wines", "mean score")

# %% [markdown]
# Three minutes of the one, a minute of the other, although all were scored in a moment. Now the same topic once more, from its beginning, through the same program:

# %%
with TopologyTestDriver(by_model_and_minute()) as driver:
    topic = driver.createInputTopic(lesson.topics.scored, raw(), scored)
    for one in read_topic(lesson.connection, lesson.topics.scored):
        topic.pipeInput(None, decode_scored(one.value))
    again = by_minute(driver.getWindowStore("minutes"))
lesson.tell("repeatable")

# %% [markdown]
# ## Break it: a clock that is fast
#
# A client's clock is **an hour fast**. It publishes one wine. After that, twenty wines come from others, with the right time.

# %%
# predict: fast-clock

# %% tags=["breaks"]
def fast_ones():
    return sum(count for (_, second), (count, _) in minutes().items() if second >= 3600)

before = fast_ones()
publish(line, 3600 + 60)
lesson.wait_for(lambda: fast_ones() > before, "the wine with the wrong time")
publish(line, *range(180, 240, 3))
publish(line, 3600 + 61)
lesson.wait_for(lambda: fast_ones() > before + 1, "one more with the wrong time, to see the end")
gained, _ = minutes().get((line.name, 180), (0, 0.0))

# %%
lesson.tell("fast-clock")

# %% [markdown]
# (The broker helps a little: it refuses records from more than an hour in its own future, by `message.timestamp.after.max.ms`.) What helps more is a time that nobody can set
# wrong: look at it before you believe it. That is what a `TimestampExtractor` is good for, too.

# %% [markdown]
# ## Exercise: believe no clock

# %%
# exercise: windows-clock

# %% [markdown]
# ## Recap
#
# * **Event time** is in the record, **processing time** on the wall. Windows are of event time, so a result can be repeated.
# * **Tumbling** windows have each record once, **hopping** ones several times; **sliding** ones lie where records are; **sessions** last as long as it goes on.
# * Time moves on with records. A silent partition stands still; a clock that is fast takes all with it.
# * **Grace** is how long a window waits for who is late. `suppress` says a result once, when the grace is over: late, but final.
#
# You can now choose a window for a question, and say which records it will miss.
#
# **In practice** measure how late records are before you choose the grace, and count those that are dropped: the engine's metric is `dropped-records-total`. Say in a result's name which
# time it is of.
#
# **Source**: [windows.py](../modelserving/kstreams/windows.py) for stores of windows, [functions.py](../modelserving/kstreams/functions.py) for the extractor,
# [Kafka Streams in Python](../docs/kafka-streams.md) for an example of each window

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [13 · Streams and tables](13_streams_and_tables.ipynb)
