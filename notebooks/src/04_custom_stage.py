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
fast = False  # True where nobody watches, as in automatic tests

# %% tags=["setup"]
import asyncio
from collections import Counter, namedtuple
from dataclasses import replace
from itertools import pairwise

import anyio
from IPython.display import Markdown

from modelserving.config import data_folder
from modelserving.kafka import make_producer, read_dead_letters, read_topic
from modelserving.records import Golden, WineRecord, decode_scored, encode_descriptor, encode_wine
from modelserving.widgets import Condition, StageView
from modelserving.workshop import happened, show, start, table

lesson = start("04", fast=fast)

# %% [markdown]
# ## The stage, in full
#
# Two streams go in, one comes out. `data` brings wines, in batches as they come from Kafka; `models` brings what is to change,
# a model to promote for example, built and ready to serve; `outlet` takes what became of each batch. This is the whole of it.
# Read it once, and do not mind what you do not understand: you drive it in a minute.

# %%
from modelserving.serving import Batch, WorkerThread
from modelserving.stage import ModelServingStage, custom_stage

show(custom_stage)

# %% [markdown]
# ## By hand: no Kafka, no server
#
# The stage does not know where its streams come from. So we are all three: we bring the wines, we bring the models, and we
# take the scores. Two models out of the workbook's folder:

# %%
from modelserving.models.store.bundled import read_catalog
from modelserving.models.lifecycle.build import build_candidate

catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
line = build_candidate(catalog["wine-linear-regression"])
tree = build_candidate(catalog["wine-decision-tree"])

# %% [markdown]
# And wines, as messages with an offset, just as Kafka would hand them over:

# %%
Message = namedtuple("Message", "topic partition offset timestamp key value")
wine = WineRecord(7.9, 0.52, 0.26, 2.2, 0.079, 14.0, 38.0, 0.99675, 3.31, 0.62, 10.2)

def batch(*offsets):
    value = encode_wine(wine)
    return Batch([Message("by-hand", 0, offset, 0, b"wine", value) for offset in offsets])

# %% [markdown]
# Three streams without a buffer, so that every hand-over needs two hands (lesson 03), and the stage between them:

# %%
from modelserving.models.lifecycle.changes import Promote
from modelserving.models.lifecycle.slots import ModelSlots

slots = lesson.manage(ModelSlots, name="slots")
lane = lesson.manage(lambda: WorkerThread("by hand"), name="lane")
wines, data = anyio.create_memory_object_stream(0)
new_models, models = anyio.create_memory_object_stream(0)
outlet, scores = anyio.create_memory_object_stream(0)
stage = asyncio.create_task(ModelServingStage(slots, lane).run(data, models, outlet))

# %% [markdown]
# > **Predict, then run.** No model has arrived yet. We send a wine. Does the stage wait, fail, or what?

# %%
await wines.send(batch(0))
result = await scores.receive()
assert (result.skipped, result.scored, result.dead) == (1, (), ())
happened(
    f"Wine 0 was **skipped**: {result.skipped} record without a model. It is counted, and the "
    f"stage goes on with offset {result.positions['by-hand', 0]}."
)

# %%
async def send_and_take(one_batch):
    await wines.send(one_batch)
    answers = (await scores.receive()).scored
    return [(one.offset, one.model_name, round(one.prediction, 2)) for one in answers]

await new_models.send(Promote(line))
await send_and_take(batch(1, 2, 3))

# %% [markdown]
# > **Predict, then run.** The next model arrives, and then wines 4 and 5. Who scores 4?

# %%
await new_models.send(Promote(tree))
after = await send_and_take(batch(4, 5))
assert {name for _, name, _ in after} == {"wine-decision-tree"}
happened(
    f"Wine 3 was scored by wine-linear-regression, wine 4 by {after[0][1]}: {after[0][2]:g}. The "
    "swap lies **between two records**. Nothing was stopped for it. The old model is kept as the "
    f"previous one: `{slots.get('wine').previous.name}`."
)

# %% [markdown]
# Now something that is no wine, between two that are:

# %%
good = batch(6, 8).messages
garbage = Message("by-hand", 0, 7, 0, None, b"not a wine")
await wines.send(Batch([good[0], garbage, good[1]]))
result = await scores.receive()
(letter,) = result.dead
happened(
    f"6 and 8 were scored ({len(result.scored)} answers), and offset {letter.offset} became a "
    f"**dead letter**: {letter.error}, {letter.reason}"
)

# %% [markdown]
# > **Predict, then run.** We send a batch, and nobody takes the scores. Will the stage take the next batch from us meanwhile?

# %%
await wines.send(batch(9))
with anyio.move_on_after(0.3) as patience:
    await wines.send(batch(10))
assert patience.cancelled_caught
happened(
    "We held out batch 10 for 0.3 s, and the stage did not take it: it is still holding out the "
    "scores of 9. That is back pressure, all the way from the reader of the scores to the topic "
    "with the wines. No queue can grow in between."
)

# %%
held = await scores.receive()
wines.close(), new_models.close()
await stage
happened(f"Taken after all: wine {held.scored[0].offset}. And when its data ends, the stage ends.")

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
happened(
    f"{wines_sent()} wines are in `{lesson.topics.records}`, and nobody is there to score them."
)

# %% [markdown]
# > **Predict, then run.** The server comes late. Which will be the first wine that it scores?

# %%
server = lesson.manage(lambda: ServerProcess.start("stage", lesson.prefix), name="server")
links = [f"[{server.url}{path}]({server.url}{path})" for path in ("/state", "/docs")]
Markdown(f"The server is up. The model in use: {links[0]}. Its whole API, to try out: {links[1]}.")

# %%
def answers():
    records = read_topic(lesson.connection, lesson.topics.scored)
    return [decode_scored(record.value) for record in records]

lesson.wait_for(answers, "the first scores")
first = answers()[0]
assert first.offset == 0
happened(
    f"The first scored wine has offset **{first.offset}**, by {first.model_name}. The wines had "
    "waited in the topic, and the server reads all models before the first wine. So none was "
    "skipped."
)

# %%
state = server.get("/state")
shown = "name version since usage duration p50_ns p99_ns scored skipped dead_lettered".split()
table("What /state says", [(name, state[name]) for name in shown], "field", "value")

# %% [markdown]
# ## Watch it
#
# Each point is a wine, its colour and shape the model that scored it. A dashed line is a swap. Below, on a scale on which each
# step is ten times more, how long it took from publishing to score. Leave it open, and go on with the cells.

# %%
view = lesson.manage(lambda: StageView(lesson.connection, lesson.topics, server.url), name="view")
view

# %%
seen = view.wait_for(lambda s: s.swap_count >= 2, within_s=60)
names = ", ".join(seen.models[swap.model].name for swap in seen.swaps)
happened(
    f"{seen.scored} wines scored, and {seen.swap_count} swaps so far, to: {names}. Half of the "
    f"last 200 were scored within {seen.latency_p50_ms:.0f} ms of being published."
)

# %% [markdown]
# ## Where exactly was the swap?
#
# "Between two records" is a claim. Every answer carries its wine's offset and the model that gave it, so the broker can tell.
#
# > **Predict, then run.** Look at neighbours that have different models. How far apart are their offsets?

# %%
neighbours = pairwise(answers())
swaps = [(one, other) for one, other in neighbours if one.model_digest != other.model_digest]
rows = [(one.offset, one.model_name, other.offset, other.model_name) for one, other in swaps]
table("Swaps on the result topic", rows, "last wine", "scored by", "next wine", "scored by")

# %%
assert swaps and all(other.offset == one.offset + 1 for one, other in swaps)
one, other = swaps[-1]
happened(
    f"Wine {one.offset} by {one.model_name}, wine {other.offset} by {other.model_name}: one after "
    f"the other, no gap, none scored by both. The models were changed {len(swaps)} times, and the "
    "stream never stopped."
)

# %% [markdown]
# ## The audit
#
# Is that so for all of them? Each wine up to the last answered one must be there exactly once, as an answer or as a dead letter:

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
assert (missing, doubled) == ([], [])
happened(
    f"{scored} wines scored. Missing: {missing or 'none'}. Doubled: {doubled or 'none'}. Keep "
    "this function: from now on we try to make it fail."
)

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

# %% [markdown]
# > **Predict, then run.** The client does not stop sending. What becomes of the three, and of the wines behind them?

# %%
def letters(topic):
    found = read_dead_letters(lesson.connection, lesson.topics.dead_letters)
    return [letter for letter in found if letter.topic == topic]

lesson.wait_for(lambda: len(letters(lesson.topics.records)) == 3, "three dead letters")
three = letters(lesson.topics.records)
rows = [(letter.offset, letter.value[:12], letter.stage, letter.reason) for letter in three]
table("Dead letters", rows, "offset", "first bytes", "failed at", "reason")

# %%
lesson.wait_for(lambda: answers()[-1].offset > max(offsets), "a wine behind the poison")
assert [letter.offset for letter in three] == offsets and audit()[1:] == ([], [])
happened(
    f"Offsets {offsets} lie on `{lesson.topics.dead_letters}`, with their original bytes and the "
    f"reason, so that somebody can mend and resend them. Wine {answers()[-1].offset}, behind "
    "them, is scored as if nothing had been."
)

# %% [markdown]
# ## A bad model never serves
#
# This one can be built, but it does not know wine: it fails its own **golden record**, an answer that travels with the model.

# %%
model = catalog["wine-linear-regression"]
wrong = Golden(model.golden[0].record, expected=100.0)
bad = replace(model, name="too-good-to-be-true", golden=(wrong,))
sent = producer.send(lesson.topics.models, key=b"wine", value=encode_descriptor(bad))
sent.get(timeout=10).offset

# %%
(letter,) = lesson.wait_for(lambda: letters(lesson.topics.models), "the refusal")
assert bad.name not in {answer.model_name for answer in answers()}
happened(
    f"Refused: {letter.reason} Not one of {len(answers())} wines was scored by it; the model "
    f"before it went on. `/state` counts: models_refused {server.get('/state')['models_refused']}."
)

# %% [markdown]
# ## Exercise: your own model

# %%
# exercise: stage-own-model

# %% [markdown]
# ## Break it: kill the server
#
# Not "stop": `kill -9`, in the middle of its work. It can finish nothing and say goodbye to nobody.
#
# > **Predict, then run.** Which wines are lost: those of the batch it was working on? Those sent while it is away?

# %% tags=["breaks"]
server.kill()
gone = view.wait_for(lambda s: s.condition is Condition.SERVER_AWAY)
happened(
    f"The view says: {gone.condition.value}. {gone.scored} wines were scored so far, and the "
    "client goes on sending."
)

# %%
port = ("--port", server.url.rpartition(":")[2])  # the old one
server = lesson.manage(lambda: ServerProcess.start("stage", lesson.prefix, port), name="server")
back = view.wait_for(lambda s: s.scored >= gone.scored + 50, within_s=60)
server.get("/state")["name"]

# %%
scored, missing, doubled = audit()
assert (missing, doubled) == ([], [])
happened(
    f"{scored} wines, missing {missing or 'none'}, doubled {doubled or 'none'}. Scores and the "
    "server's place in the topic are written in **one transaction**: what was not committed when "
    "the server died never became visible, and was scored again."
)

# %% [markdown]
# And which model did the new server start with? It read the models topic before the first wine, so it knew.

# %% [markdown]
# ## Break it: stop the broker
#
# Now everything else goes on, and Kafka is away.
#
# > **Predict, then run.** The client keeps sending, the server keeps asking. Who crashes?

# %% tags=["breaks"]
lesson.stop_broker()

# %% tags=["breaks"]
if not lesson.external:
    gone = view.wait_for(lambda s: s.condition is Condition.BROKER_AWAY)
gone.condition.value, client.running, server.running

# %%
lesson.start_broker()

# %%
back = view.wait_for(lambda s: s.scored >= gone.scored + 50, within_s=90)
scored, missing, doubled = audit()
assert (missing, doubled) == ([], []) and client.running and server.running
happened(
    f"Nobody crashed. Client and server waited, and went on by themselves: {scored} wines, "
    f"missing {missing or 'none'}, doubled {doubled or 'none'}."
)

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
# **Source**: [`custom_stage.py`](../modelserving/stage/custom_stage.py), [`scoring.py`](../modelserving/serving/scoring.py) for
# what is done with a batch, [`sink.py`](../modelserving/serving/sink.py) for the transaction,
# [`loader.py`](../modelserving/models/lifecycle/build.py) for golden records and warm-up

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [05 · Models are data](05_models_are_data.ipynb)
