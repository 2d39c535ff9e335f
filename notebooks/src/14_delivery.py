# %% [markdown]
# # 14 · Delivery: lost, doubled, or once
#
# You kill a worker in the worst moment of three orders of work, count what is lost and what is doubled, and send again what has failed.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | kill a worker between two steps, three times, and count · let a worker come back from the dead · call a service in the middle of a transaction · measure what a transaction costs · send dead letters again · send a model that is too large |
# | **You learn** | what at most once, at least once and effectively once are made of, what "exactly" leaves out, and what to do about that |
# | **You need** | lesson 01 for groups and commits, lesson 04 for a transaction by hand |
# | **Time** | 30 minutes, and the exercises as long as you like |
# | **Plan** | half day: not in it; full day: the three orders and the call outside, if there is time |

# %%
# pipeline: wine-records score wine-scored wine-dead-letters

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
from collections import Counter

from modelserving.workshop import show, start, table
from modelserving.client.letters import LetterFilter
from modelserving.client.replay import replay
from modelserving.kafka import MAX_MESSAGE_BYTES, read_topic
from modelserving.widgets import TopicView
from modelserving.widgets.waiting import waiting
from modelserving.workshop.display.figures import curves
from modelserving.workshop.processes import delivery
from modelserving.workshop.processes.call_counter import CallCounter
from modelserving.workshop.processes.delivery import DeliveryWorker

lesson = start("14", fast=fast)

# %% [markdown]
# ## Two steps, and a gap
#
# Whoever reads a record and writes an answer has two things to tell the broker: the **answer**, and how far it has come, which is the **offset**. Between the
# two there is a gap, and one day somebody dies in it. Forty wines, to find out what happens then:

# %%
source = lesson.topic("wines")
producer = lesson.producer()
for number in range(40):
    producer.send(source, value=b"wine %d" % number)
producer.flush()

# %% [markdown]
# The worker is a process of its own. It takes ten wines at a time, and its "model" is as simple as can be: the answer to `wine 7` is `score of wine 7`. We tell
# it to **stand still in its second batch, in the gap**, so that we hit that moment each time, and not by chance.

# %%
def worker(mode, target, name, *options):
    words = (mode, source, target, name)
    return lesson.manage(lambda: DeliveryWorker(*words, *options), name=f"{target} {options[-1:]}")

def kill_in_the_gap(mode):
    target, name = lesson.topic(mode), lesson.group(mode)
    first = worker(mode, target, name, "--halt", "2")
    lesson.wait_for(lambda: first.halted, "the worker to stand in the gap")
    first.kill()
    assert worker(mode, target, name).wait(90) == 0  # the next one, under the same name, goes on
    return tally(target)

# %% [markdown]
# And the judge. It asks the broker, and nobody else:

# %%
def tally(target):
    answers = Counter(record.value for record in read_topic(lesson.connection, target))
    return 40 - len(answers), answers.total() - len(answers)  # lost, doubled

# %% [markdown]
# ## At most once
#
# First the offset, then the answers:

# %%
show(delivery.at_most_once)

# %%
# predict: at-most

# %% tags=["breaks"]
at_most = kill_in_the_gap("at-most-once")
lesson.tell("at-most")

# %% [markdown]
# ## At least once
#
# Now the other way round:

# %%
show(delivery.at_least_once)

# %%
# predict: at-least

# %% tags=["breaks"]
at_least = kill_in_the_gap("at-least-once")
answers = Counter(r.value for r in read_topic(lesson.connection, f"{lesson.prefix}-at-least-once"))
twice = [int(said.split()[-1]) for said, times in answers.items() if times > 1]
again_from = min(twice, default=-1)
lesson.tell("at-least")

# %% [markdown]
# ## Effectively once
#
# The gap cannot be closed by a better order, since there is none. It is closed by making one step of the two: answers and offset are in **one transaction**.
# `send_offsets_to_transaction` is the call that puts the offset in. This is consume, score, produce, as every server of this workbook does it.

# %%
# diagram: transaction

# %%
show(delivery.effectively_once)

# %%
# predict: effectively

# %% tags=["breaks"]
effectively = kill_in_the_gap("effectively-once")
written = read_topic(lesson.connection, f"{lesson.prefix}-effectively-once", "read_uncommitted")
count = sum(1 for _ in written)
lesson.tell("effectively")

# %%
rows = [("offset first", *at_most), ("answers first", *at_least), ("both in one", *effectively)]
table("Killed in the gap, once, with ten wines in hand", rows, "order", "lost", "doubled")

# %% [markdown]
# ## Exercise: both in one

# %%
# exercise: delivery-once

# %% [markdown]
# ## The one that came back
#
# Dead workers are not the worst ones. The worst one only looked dead: it slept, or its network did. Meanwhile somebody else took over under its name, and now it
# wakes up, with ten answers in its hand. Such a one is called a **zombie**.

# %%
target, name = lesson.topic("zombie"), lesson.group("zombie")
zombie = worker("effectively-once", target, name, "--halt", "2")
lesson.wait_for(lambda: zombie.halted, "the worker to stand in the gap")

# %% [markdown]
# It stands in the middle of its transaction: its ten answers are written, but the transaction
# is open (dashed in the picture).

# %%
lesson.manage(lambda: TopicView(lesson.connection, target), name="view")

# %% [markdown]
# We do not kill it; we start its successor, which has the same name and deals with everything:

# %%
assert worker("effectively-once", target, name).wait(90) == 0

# %%
# predict: zombie

# %%
zombie.go_on()
status = zombie.wait(90)
by_zombie = tally(target)
lesson.tell("zombie")

# %%
# diagram: fencing

# %% [markdown]
# ## What "exactly" leaves out
#
# Now let the worker call somebody else for each wine, in the middle of its transaction: a service over HTTP, which puts a bottle into a box, say. Here it only notes the calls.

# %%
counter = lesson.manage(CallCounter, name="counter")
target, name = lesson.topic("called"), lesson.group("called")
caller = worker("effectively-once", target, name, "--call", counter.url, "--halt", "2")
lesson.wait_for(lambda: caller.halted, "the worker to stand in the gap")
successor = None

# %%
# predict: calls

# %% tags=["breaks"]
if successor is None:  # or else this runs for the second time
    caller.kill()
    successor = worker("effectively-once", target, name, "--call", counter.url)
assert successor.wait(90) == 0
calls, bottles = len(counter.calls), len(set(counter.calls))
lesson.tell("calls")

# %% [markdown]
# ## Exercise: a bottle is a bottle

# %%
# exercise: delivery-idempotent

# %% [markdown]
# ## What it costs
#
# A transaction is a handful of questions to the broker, however many records are in it. So the price of **a record** depends on how many share one. The same
# wines, all three orders, in batches of different sizes:

# %%
many = lesson.topic("many")
for number in range(400 if fast else 4_000):
    producer.send(many, value=b"wine %d" % number)
producer.flush()
wines = number + 1

# %%
# predict: price

# %%
def speed(mode, size):
    name = lesson.group(f"{mode}-{size}")
    seconds = delivery.deal_with_all(lesson.connection, mode, many, paid, name, size=size)
    return wines / seconds

paid = lesson.topic("paid")
sizes = (10, 100) if fast else (10, 100, 1_000)
with waiting("all wines, in each order and in batches of each size"):
    speeds = {mode: [(size, speed(mode, size)) for size in sizes] for mode in delivery.MODES}

# %%
ratios = [with_it / without for (_, with_it), (_, without) in
          zip(speeds["effectively-once"], speeds["at-least-once"], strict=True)]
says = "Wines a second, by the size of a batch, in each of the three orders."
curves(speeds, says, x="wines in a batch", y="wines a second", log=True)

# %%
lesson.tell("price")

# %% [markdown]
# ## Messages that hurt
#
# Some wines fail, and would fail again and again. They become **dead letters** (lesson 04), and the stream goes on. But then? Somebody mends the cause, and wants
# them back. Here is a scorer with a bug: it does not know the comma.

# %%
def alcohol_with_bug(value):
    return float(value.decode())

def alcohol(value):
    return float(value.decode().replace(",", "."))

lesson.topic("wine-records")  # empty, also when this runs twice
for text in ("9.4", "10,5", "11.2", "12,8", "corked"):
    about = {"key": b"wine", "headers": [("from", b"me")]}
    producer.send(lesson.topics.records, value=text.encode(), **about)
producer.flush()

# %%
from modelserving.kafka import dead_letter, headers, read_dead_letters

def serve(read_alcohol):
    """Answer all that came since the last call; what fails becomes a dead letter."""
    for record in taster.poll(timeout_ms=3_000).get(only, []):
        try:
            score = b"%.1f" % (read_alcohol(record.value) / 2)
            producer.send(lesson.topics.scored, value=score, key=record.key)
        except ValueError as error:
            letter = dead_letter(record, "score", error)
            producer.send(lesson.topics.dead_letters, letter.body, letter.label, headers(letter))
    producer.flush()

# %%
from kafka import TopicPartition

only = TopicPartition(lesson.topics.records, 0)
lesson.topic("wine-dead-letters"), lesson.topic("wine-scored")  # empty, too
taster = lesson.consumer(lesson.topics.records, "taster")
serve(alcohol_with_bug)

def said(headers):
    return ", ".join(f"{name}: {value.decode()}" for name, value in headers)

letters = read_dead_letters(lesson.connection, lesson.topics.dead_letters)
rows = [(one.offset, one.value.decode(), said(one.headers), one.reason) for one in letters]
table("Dead letters", rows, "offset", "value", "its own headers", "reason")

# %% [markdown]
# Now the comma is mended, and the letters go back. `modelserving deadletters list`, `show` and `replay` do it in a terminal; this is what is behind the
# last one. First a **dry run**, which only says what would be done:

# %%
commas = LetterFilter(stage="score", reason=",")
def again(**options):
    topics = lesson.topics
    return replay(lesson.connection, topics.dead_letters, [topics.records], commas, **options)

would = again(dry_run=True)
table("A dry run: these would be sent again", [(one,) for one in would.sent], "partition:offset")

# %%
# predict: replayed

# %%
first_time, second_time = again(), again()
lesson.wait_for(lambda: sum(1 for _ in read_topic(lesson.connection, lesson.topics.records)) >= 7,
                "the wines that came back")
serve(alcohol)
scores = [record.value for record in read_topic(lesson.connection, lesson.topics.scored)]
lesson.tell("replayed")

# %%
back = [r for r in read_topic(lesson.connection, lesson.topics.records) if r.offset >= 5]
rows = [(r.partition, r.offset, r.key.decode(), r.value.decode(), said(r.headers)) for r in back]
table("What came back: the same bytes", rows, "partition", "offset", "key", "value", "headers")

# %% [markdown]
# Who has sent what is on a topic of its own, and each mark is written in **one transaction** with its message: so a replay that is killed in the middle is gone on
# with, and nothing is sent twice.
#
# ## The engine's own dead letters
#
# Kafka Streams keeps dead letters, too, since Kafka 4.2 (KIP-1034): a setting names a topic for them. The same wines, and the same bug, on the engine:

# %%
from modelserving.kstreams import KafkaStreams, StreamsBuilder, streams_config, text
from modelserving.kstreams.java import Consumed, Produced

def tasting():
    builder = StreamsBuilder()
    wines = builder.stream(lesson.topics.records, Consumed.with_(text(), text()))
    scores = wines.mapValues(lambda alcohol: f"{float(alcohol) / 2:.1f}")
    scores.to(by_engine, Produced.with_(text(), text()))
    return builder.build()

# %%
# predict: engine

# %%
by_engine, engines_letters = lesson.topic("by-engine"), lesson.topic("engines-letters")
settings = streams_config(
    lesson.connection, application_id=lesson.group("engine"), commit_interval_ms=100,
    isolation_level="read_committed",  # a replay that was stopped leaves what nobody is to read
    processing_exception_handler="LogAndContinueProcessingExceptionHandler",
    errors_dead_letter_queue_topic_name=engines_letters)
engines = lambda: read_dead_letters(lesson.connection, engines_letters)
scores_of_it = lambda: sum(1 for _ in read_topic(lesson.connection, by_engine))
with KafkaStreams(tasting(), settings):
    lesson.wait_for(lambda: len(engines()) + scores_of_it() >= 7, "all seven", 90)
lesson.tell("engine")

# %%
pair = [("ours", letters[0]), ("the engine's", engines()[0])]
rows = [(who, one.offset, one.value.decode(), one.stage, one.error, one.reason[:50])
        for who, one in pair]
table("The same wine, twice", rows, "whose", "offset", "value", "stage", "error", "reason")

# %%
targets = [lesson.topics.records]
would = replay(lesson.connection, engines_letters, targets, LetterFilter(reason=","), dry_run=True)
table("The engine's: these would be sent again", [(one,) for one in would.sent], "partition:offset")

# %% [markdown]
# So `modelserving deadletters` reads both, with `--from` for a topic of the engine's. The engine says where, and what was raised. Ours say in which **stage**,
# too, keep what is too large cut, and are in one transaction with the answers.
#
# ## Exercise: which ones?

# %%
# exercise: delivery-replay

# %% [markdown]
# ## Break it: a model that is too large
#
# A broker takes messages up to a limit, or else a single one could fill its memory. Ours takes ten megabytes. Here is a "model" of eleven, and a byte:

# %%
model = bytes(MAX_MESSAGE_BYTES + 1024 * 1024 + 1)

# %%
# predict: too-large

# %% tags=["breaks"]
try:
    producer.send(lesson.topics.models, value=model).get(timeout=60)
    became = ""
except Exception as error:
    became = f"{type(error).__name__}: {error}"
lesson.tell("too-large")

# %% [markdown]
# One could cut it into **chunks**. The topic of models is compacted, and so is this one:

# %%
shelf, size = lesson.topic("shelf", compacted=True), 1024 * 1024
for at in range(0, len(model), size):
    producer.send(shelf, key=b"large", value=model[at:at + size])
producer.flush()
chunks = [(record.key, record.value) for record in read_topic(lesson.connection, shelf)]
together = b"".join(value for _, value in chunks)
f"{len(chunks)} chunks; put together they are the model: {together == model}"

# %%
# predict: chunks

# %%
newest = dict(chunks)  # of each key the newest: what compaction leaves (lesson 13)
left = len(newest)
lesson.tell("chunks")

# %% [markdown]
# Whoever sends chunks has to give each a key of its own, to delete them one by one, to put them together (state, which dies with its server), and to see that
# one is missing. Or one sends **where the model is**, and the digest of its bytes:

# %%
from modelserving.records import ModelDescriptor, ModelType, decode_descriptor, encode_descriptor

whole = ModelDescriptor("large", "", "wine", ModelType.PMML, model)
url = "https://models.example/large"
known = ModelDescriptor("large", "", "wine", whole.type, b"", url, sha256=whole.digest)
message = encode_descriptor(known)
sent = producer.send(lesson.topics.models, key=b"wine", value=message)
f"The description is at offset {sent.get(timeout=60).offset}."

# %%
read = decode_descriptor(message)
lesson.tell("by-reference")

# %% [markdown]
# ## Recap
#
# * Answer and offset are two steps. **Offset first** loses, **answer first** doubles, and no third order is there.
# * **One transaction** for both: nothing lost, nothing doubled, for readers of committed records, and for what is in Kafka.
# * A name (`transactional.id`) belongs to the newest who claims it. The one before is **fenced**, however alive it is.
# * A call to somebody outside happens **at least once**. Give it a key, and let the receiver forget none.
# * Dead letters keep bytes, key and headers. Mend, look (`--dry-run`), send again, each at most once.
# * What is too large for a message travels by reference, with a digest.
#
# You can now say what your pipeline loses or doubles, and prove it by killing it.
#
# **In practice** at least once with a receiver that knows duplicates is a common choice, and often the best one: it needs nothing from the broker. Use
# transactions where the answer goes to Kafka, make batches large, and give every instance a name of its own.
#
# **Source**: [delivery.py](../modelserving/workshop/processes/delivery.py) for the three orders, [sink.py](../modelserving/serving/sink.py) for the servers' own,
# [replay.py](../modelserving/client/replay.py) for dead letters

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [15 · Direct or through Kafka, and what comes after](15_pipelines.ipynb)
