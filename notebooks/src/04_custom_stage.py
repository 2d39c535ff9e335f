# %% [markdown]
# # 04 · The custom stage
#
# You serve models from a stream, change them between two records, kill the server on purpose, and prove that nothing was lost.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | drive the stage by hand · start a real server and a real client, and watch scores, swaps and latency live · find the offset at which the model changed · send garbage and a bad model · kill the server, stop the broker |
# | **You learn** | how a model changes with no interruption, what becomes of what cannot be scored, and how *exactly once* is proved rather than promised |
# | **You need** | lesson 01 for offsets and partitions, lesson 03 for back pressure |
# | **Time** | 40 minutes, and the exercises as long as you like |
# | **Plan** | half day: by hand, live, and one thing broken; full day: all of it |

# %%
# pipeline: stage

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import asyncio, math
from collections import Counter, namedtuple
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from statistics import median

from modelserving.workshop import start, table

import anyio
from IPython.display import Markdown

from modelserving.config import data_folder
from modelserving.kafka import make_producer, read_dead_letters, read_topic
from modelserving.records import Golden, WineRecord, decode_scored, encode_descriptor, encode_wine
from modelserving.widgets import Condition, StageView, TopicView
from modelserving.workshop.display.figures import curves

lesson = start("04", fast=fast)

# %% [markdown]
# ## A stage in six lines
#
# A **stage** is a piece of a stream: something goes in, something comes out. Into this one go wines (`data`) and models (`models`); out come scores
# (`outlet`).

# %%
async def tiny_stage(data, models, outlet):
    model = None
    async for wine in data:
        with suppress(anyio.WouldBlock):  # is there a new model? If not, go on
            model = models.receive_nowait()
        await outlet.send(model(wine) if model else "skipped")

# %% [markdown]
# That is the whole idea of this workbook. Let us be all three around it: bring a wine, bring a model, take what comes out. (`stream(0)` has no room for
# anything, so each hand-over needs two hands, as in lesson 03; the models wait in a stream with room.)

# %%
# predict: tiny

# %%
stream = anyio.create_memory_object_stream
(wines, data), (new_models, models), (outlet, scores) = stream(0), stream(math.inf), stream(0)
running = asyncio.create_task(tiny_stage(data, models, outlet))
await wines.send("wine 1")
came = [await scores.receive()]
new_models.send_nowait(lambda wine: 5.5)  # a model that says 5.5 of every wine
new_models.send_nowait(lambda wine: 6.5)  # and a better one
await wines.send("wine 2")
came.append(await scores.receive())
running.cancel()
lesson.tell("tiny")

# %% [markdown]
# The real stage is the same loop. It takes wines by the **batch**, as they come from Kafka; it puts aside what is no wine; and it does not score in the
# loop, but in a thread of its own, so that nobody is held up. It has some seventy lines:
# [custom_stage.py](../modelserving/stage/custom_stage.py); open it when you like.
#
# ## By hand: no Kafka, no server
#
# The real stage does not know where its streams come from, either. So we are all three once more. First two models out of the workbook's folder. What lies
# there, and what travels, is a **descriptor**: the bytes of a model, and what is known of it. `build_candidate` makes a model of it that can score.

# %%
from modelserving.models.store.bundled import read_catalog
from modelserving.models.lifecycle.build import build_candidate

catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
line = build_candidate(catalog["wine-linear-regression"])
tree = build_candidate(catalog["wine-decision-tree"])

# %% [markdown]
# And wines, as messages with an offset, just as Kafka would hand them over:

# %%
from modelserving.serving import Batch, WorkerThread
from modelserving.stage import ModelServingStage

Message = namedtuple("Message", "topic partition offset timestamp key value")
wine = WineRecord(7.9, 0.52, 0.26, 2.2, 0.079, 14.0, 38.0, 0.99675, 3.31, 0.62, 10.2)

def batch(*offsets):
    value = encode_wine(wine)
    return Batch([Message("by-hand", 0, offset, 0, b"wine", value) for offset in offsets])

# %% [markdown]
# The model in use stands in a **slot**, and the one before it behind it: so a change is a name that changes. A change of models travels as a `SlotsUpdate`: whose slot, and what is in it from now on. And a worker is the thread that scores:

# %%
from modelserving.models.info import Slots, SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlots

slots = lesson.manage(ModelSlots, name="slots")
worker = lesson.manage(lambda: WorkerThread("by hand"), name="worker")
(wines, data), (new_models, models), (outlet, scores) = stream(0), stream(0), stream(0)
stage = asyncio.create_task(ModelServingStage(slots, worker).run(data, models, outlet))

# %% [markdown]
# No model has arrived yet:

# %%
await wines.send(batch(0))
result = await scores.receive()
lesson.tell("no-model")

# %%
async def send_and_take(one_batch):
    await wines.send(one_batch)
    answers = (await scores.receive()).scored
    return [(one.offset, one.model_name, round(one.prediction, 2)) for one in answers]

def shown(rows):
    return table("What the stage says", rows, "wine", "scored by", "score")

await new_models.send(SlotsUpdate("wine", Slots(current=line)))
shown(await send_and_take(batch(1, 2, 3)))

# %% [markdown]
# The next model arrives, and then wines 4 and 5:

# %%
await new_models.send(SlotsUpdate("wine", Slots(current=tree, previous=line)))
after = await send_and_take(batch(4, 5))
lesson.tell("who-scores-4")

# %% [markdown]
# Now something that is no wine, between two that are:

# %%
good = batch(6, 8).messages
garbage = Message("by-hand", 0, 7, 0, None, b"not a wine")
await wines.send(Batch([good[0], garbage, good[1]]))
result = await scores.receive()
(letter,) = result.dead
lesson.tell("garbage")

# %%
# predict: nobody-takes

# %%
taken = []
with anyio.move_on_after(1):  # after a second we give up
    for offset in range(9, 19):
        await wines.send(batch(offset))
        taken.append(offset)
lesson.tell("nobody-takes")

# %%
if not stage.done():
    held = await scores.receive()
    wines.close(), new_models.close()
    await stage
lesson.tell("taken-after-all")

# %% [markdown]
# ## For real: client and server
#
# Now the same stage in a server of its own, between two topics. First the client, a program that sends 20 wines a second and a
# model every few seconds. There is **no server yet**.

# %%
from modelserving.workshop.processes.process import ChildProcess, ServerProcess

pace = ("--records-every", "50", "--models-every", "1500" if fast else "5000")
command = ("client", "--prefix", lesson.prefix, *pace)
client = lesson.manage(lambda: ChildProcess(command), name="client")

# %%
def wines_sent():
    return sum(1 for _ in read_topic(lesson.connection, lesson.topics.records))

lesson.wait_for(lambda: wines_sent() >= 20, "twenty wines")
lesson.tell("nobody-scores")

# %%
# predict: late-server

# %% [markdown]
# It takes some seconds to start: Python, Java for PMML, and all the models.

# %%
group = ("--group", lesson.group("server", goes_on=True))
server = lesson.manage(lambda: ServerProcess.start("stage", lesson.prefix, group), name="server")
links = [f"[{server.url}{path}]({server.url}{path})" for path in ("/state", "/docs")]
Markdown(f"The server is up. The model in use: {links[0]}. Its whole API, to try out: {links[1]}.")

# %%
def answers():
    records = read_topic(lesson.connection, lesson.topics.scored)
    return [decode_scored(record.value) for record in records]

lesson.wait_for(answers, "the first scores")
first = answers()[0]
lesson.tell("late-server")

# %% [markdown]
# What the server says of itself, with the units: times of scoring are in nanoseconds, billionths of a second.

# %%
state = server.get("/state")
rows = [("model in use", state["name"]), ("wines scored with it", state["usage"])]
rows += [(f"{n} of 100 scored within, µs", state[f"p{n}_ns"] / 1000) for n in (50, 99)]
rows += [(name, state[name]) for name in ("scored", "skipped", "dead_lettered")]
table("What /state says", rows, "what", "value")

# %% [markdown]
# ## Watch it
#
# Each point is a wine, its colour and shape the model that scored it. A dashed line is a swap. Below, on a scale on which each
# step is ten times more, how long it took from publishing to score. Leave it open, and go on with the cells.

# %%
view = lesson.manage(lambda: StageView(lesson.connection, lesson.topics, server.url), name="view")
view

# %%
seen = view.wait_for(lambda s: s.swap_count >= 2, within_s=100)
names = ", ".join(seen.models[swap.model].name for swap in seen.swaps[-5:])
lesson.tell("swaps-seen")

# %% [markdown]
# ## Where exactly was the swap?
#
# "Between two records" is a claim. Every answer carries its wine's offset and the model that gave it, so the broker can tell.

# %%
neighbours = pairwise(answers())
swaps = [(one, other) for one, other in neighbours if one.model_digest != other.model_digest]
rows = [(a.offset, a.model_name, b.offset, b.model_name) for a, b in swaps[-5:]]
table(f"The last of {len(swaps)} swaps", rows, "last wine", "scored by", "next wine", "scored by")

# %%
gaps = [other.offset - one.offset for one, other in swaps]
one, other = swaps[-1]
lesson.tell("neighbours")

# %% [markdown]
# And did it cost time? The forty wines before and after that swap, from being published to being scored:

# %%
around = [answer for answer in answers() if abs(answer.offset - other.offset) <= 40]
def latency(answer):
    return answer.offset - other.offset, answer.scored_at_ns / 1e6 - answer.published_ms

points = [latency(answer) for answer in around]
halves = {"before": [p for p in points if p[0] < 0], "after": [p for p in points if p[0] >= 0]}
half = {name: median(ms for _, ms in side) for name, side in halves.items()}
says = "Half of the wines took at most "
says += f"{half['before']:.0f} ms before the swap, {half['after']:.0f} ms after."
curves(halves, says, x="wines since the swap", y="ms from published to scored", log=True)

# %% [markdown]
# ## The audit
#
# Is that so for all of them? Each wine up to the last answered one must be there exactly once, as an answer or as a dead letter. (The topic of this lesson
# has one partition, so an offset names a wine. With more, its position is partition **and** offset.)

# %%
def audit():
    answered = [answer.offset for answer in answers()]
    letters = read_dead_letters(lesson.connection, lesson.topics.dead_letters)
    dead = [letter.offset for letter in letters if letter.topic == lesson.topics.records]
    times = Counter(answered + dead)
    missing = [offset for offset in range(max(answered)) if not times[offset]]
    doubled = [offset for offset in times if times[offset] > 1]
    return len(answered), missing, doubled

# %%
scored, missing, doubled = audit()
lesson.tell("audited")

# %% [markdown]
# ## Exercise: audit

# %%
# exercise: stage-audit

# %% [markdown]
# ## Poison
#
# Three messages that no server wants: bytes that are no wine, nothing at all, and a wine whose type looks like a path.

# %%
producer = lesson.manage(lambda: make_producer(lesson.connection, linger_ms=0), name="producer")
hostile = encode_wine(replace(wine, data_type="../../etc/passwd"))
poison = (b"not a wine", b"", hostile)
promises = [producer.send(lesson.topics.records, key=b"?", value=value) for value in poison]
offsets = [promise.get(timeout=10).offset for promise in promises]

# %%
# predict: poison

# %%
def letters(topic):
    found = read_dead_letters(lesson.connection, lesson.topics.dead_letters)
    return [letter for letter in found if letter.topic == topic]

def ours():
    return [letter for letter in letters(lesson.topics.records) if letter.offset in offsets]

lesson.wait_for(lambda: len(ours()) == 3, "what becomes of the three")
three = ours()
rows = [(letter.offset, letter.value[:12], letter.stage, letter.reason) for letter in three]
table("Dead letters", rows, "offset", "first bytes", "failed at", "reason")

# %%
lesson.wait_for(lambda: answers()[-1].offset > max(offsets), "a wine behind the poison")
put_aside = [letter.offset for letter in three]
wines_now = read_topic(lesson.connection, lesson.topics.records)
in_place = [record.value for record in wines_now if record.offset in offsets]
lesson.tell("poison")

# %% [markdown]
# ## A bad model
#
# On a busy machine, models may come faster than they are built, and one that two newer ones overtake is never looked at. Ours is to be looked at. So the client
# begins again: as many wines, one model now, and the next in an hour.

# %%
seldom = ("--records-every", "50", "--models-every", "3600000")
command = ("client", "--prefix", lesson.prefix, *seldom)
client = lesson.manage(lambda: ChildProcess(command), name="client")

# %% [markdown]
# A model brings a **golden record** along, a wine and the answer to it. This one can be built, but what it brings claims that a wine has the grade 100.

# %%
model = catalog["wine-linear-regression"]
wrong = Golden(model.golden[0].record, expected=100.0)
bad = replace(model, name="too-good-to-be-true", golden=(wrong,))
sent = producer.send(lesson.topics.models, key=b"wine", value=encode_descriptor(bad))
f"It is at offset {sent.get(timeout=10).offset} of the models."

# %%
letter = lesson.wait_for(lambda: letters(lesson.topics.models), "what becomes of it")[-1]
by_bad = [answer.offset for answer in answers() if answer.model_name == bad.name]
lesson.tell("bad-model")

# %% [markdown]
# ## Exercise: your own model

# %%
# exercise: stage-own-model

# %% [markdown]
# ## A transaction, by hand
#
# Before we are rude to the server, one thing that it relies on. Several writes can be one **transaction**. We begin one, write a score, and do not finish:

# %%
# predict: open

# %%
draft = lesson.topic("draft")
lesson.manage(lambda: TopicView(lesson.connection, draft), name="draft view")

# %%
named = {"transactional_id": lesson.group("draft"), "linger_ms": 0}
writer = lesson.manage(lambda: make_producer(lesson.connection, **named), name="writer")
writer.init_transactions()
writer.begin_transaction()
writer.send(draft, value=b"5.5").get(timeout=10);

# %%
def readers():
    ways = ("read_committed", "read_uncommitted")
    return [[r.value for r in read_topic(lesson.connection, draft, way)] for way in ways]

careful, careless = readers()
lesson.tell("open")

# %%
# predict: aborted

# %%
from kafka.errors import KafkaError

with suppress(KafkaError):  # when this runs twice, there is none to abort
    writer.abort_transaction()
writer.begin_transaction()
writer.send(draft, value=b"5.5, again")
writer.commit_transaction()
# the writer is told of its commit a moment before readers see it
lesson.wait_for(lambda: readers()[0], "what was committed to be read", 30)
careful, careless = readers()
lesson.tell("aborted")

# %% [markdown]
# Our server writes the scores of a batch **and** its own offset in the topic of wines in one such transaction.

# %%
# diagram: transaction

# %% [markdown]
# ## Break it: kill the server
#
# Not "stop": `kill -9`, in the middle of its work. It can finish nothing and say goodbye to nobody. Here is the picture once more, to have it in sight:

# %%
view

# %%
# predict: killed

# %% tags=["breaks"]
server.kill()
gone = view.wait_for(lambda s: s.condition is Condition.SERVER_AWAY)
lesson.tell("server-gone")

# %%
again = (*group, "--port", server.url.rpartition(":")[2])  # the same group and address
server = lesson.manage(lambda: ServerProcess.start("stage", lesson.prefix, again), name="server")
back = view.wait_for(lambda s: s.scored >= gone.scored + 50, within_s=100)
f"{server.get('/state')['name']} serves"

# %%
scored, missing, doubled = audit()
times = sorted(answer.scored_at_ns for answer in answers())
longest_s = max(two - one for one, two in pairwise(times)) / 1e9
lesson.tell("killed")

# %% [markdown]
# And which model did the new server start with? It read the models topic before the first wine, so it knew.

# %% [markdown]
# ## Break it: stop the broker
#
# Now it is Kafka that goes away; client and server are left alone.

# %% tags=["breaks"]
lesson.stop_broker()

# %% tags=["breaks"]
if not lesson.external:
    gone = view.wait_for(lambda s: s.condition is Condition.BROKER_AWAY)
rows = [("what the view says", gone.condition.value)]
rows += [(f"{name} runs", one.running) for name, one in (("client", client), ("server", server))]
table("Without a broker", rows, "what", "how it is")

# %%
lesson.start_broker()

# %%
back = view.wait_for(lambda s: s.scored >= gone.scored + 50, within_s=100)
scored, missing, doubled = audit()
lesson.tell("no-broker")

# %% [markdown]
# ## Recap
#
# * The stage is a loop: swap if a model waits, take a batch, score it, hand it on when somebody wants it.
# * A model is swapped **between two records**, and every answer says which model gave it, and for which offset.
# * What cannot be decoded or scored, and a model that fails its golden records, becomes a **dead letter**; nothing stops.
# * Answers and progress are one **transaction**. That is why a killed server loses nothing and doubles nothing.
#
# You can now serve a model from a stream, replace it while it runs, and prove by partition and offset that nothing was lost.
#
# **In practice** several servers of one group share the partitions, and each reads all models. A stage of one process is the
# simplest thing that works, and often it is enough; with many models, each wants a place of its own, which is a later lesson.
#
# **Source**: [custom_stage.py](../modelserving/stage/custom_stage.py), [scoring.py](../modelserving/serving/scoring.py) for
# what is done with a batch, [sink.py](../modelserving/serving/sink.py) for the transaction,
# [build.py](../modelserving/models/lifecycle/build.py) for golden records and warm-up

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [05 · Models are data](05_models_are_data.ipynb)
