# %% [markdown]
# # 06 · Actors
#
# You build a server out of actors that need no locks, make them fail, kill the whole server, and see it come back with the models and the names that it had.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | write an actor · route red and white wines to an actor each · poison an actor, and watch it return · kill a server, take its models topic away, and find its models all the same · measure when more workers help, and when they do not · set the actors beside the custom stage |
# | **You learn** | why an actor needs no lock, what happens to one that fails, what it must write down to survive, and what all that costs |
# | **You need** | lesson 04: the custom stage, the swap between two records, dead letters |
# | **Time** | 45 minutes, and the exercises as long as you like |
# | **Plan** | half day: by hand, failure and `kill -9`; full day: all of it |

# %%
# pipeline: actors

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import asyncio, logging, os, shutil, sys
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from time import perf_counter

from modelserving.workshop import show, start, table

import pykka

from modelserving.errors import ActorError, MailboxFull, ServerError
from modelserving.widgets import TopicView
from modelserving.workshop.display.figures import curves
from modelserving.workshop.display.pictures.mailbox_view import MailboxView
from modelserving.workshop.display.pictures.mailboxes import mailboxes

lesson = start("06", fast=fast)

# %% [markdown]
# ## Why not just threads?
#
# Here is a wine cellar. To put a bottle into it, you look how many there are, and write down one more. In between, a thread may
# be interrupted, and another one gets its turn. It can happen anywhere; in this cellar it happens each time.

# %%
class Cellar:
    bottles = 0

    def add(self):
        seen = self.bottles
        Event().wait(0.001)  # another thread's turn
        self.bottles = seen + 1

# %%
def from_four_threads(add):
    with ThreadPoolExecutor(4) as threads:
        for _ in range(100):
            threads.submit(add)

# %%
# predict: threads

# %%
shared = Cellar()
from_four_threads(shared.add)
lesson.tell("threads")

# %% [markdown]
# ## An actor in ten lines
#
# An **actor** has a mailbox, and something that reads it, one message after the other; in this workbook, that is mostly a thread. You cannot touch an actor, only write to
# it. This one is made with [pykka](https://pykka.readthedocs.io), a small library. The cellar in it is the one from above.

# %%
class CellarActor(pykka.ThreadingActor):
    use_daemon_thread = True  # it ends with this notebook

    def __init__(self):
        super().__init__()
        self.cellar = Cellar()

    def on_receive(self, message):
        if message == "add":
            self.cellar.add()
        return self.cellar.bottles

# %% [markdown]
# `start` gives you its address. `tell` sends a message, and you go on. `ask` sends one, and you wait for the answer.

# %%
actor = CellarActor.start()
actor.tell("add")
f"bottles: {actor.ask('how many?')}"

# %%
# predict: mailbox

# %%
from_four_threads(lambda: actor.tell("add"))
waiting = actor.actor_inbox.qsize()
bottles = actor.ask("how many?")
lesson.tell("mailbox")

# %%
actor.stop()

# %% [markdown]
# The mailbox is all that the outside sees of it:

# %%
# diagram: mailbox

# %% [markdown]
# That is the whole idea: **messages instead of shared memory**. The model of a server is such a thing, too: some want to score
# with it, others want to change it.

# %% [markdown]
# ## Exercise: a message more

# %%
# exercise: actors-message

# %% [markdown]
# ## A serving actor
#
# Our server's actors are plain classes with a method `receive`; no framework is in them. This one holds the models of one
# data type. `receive` is all that the outside can want of it. Never mind the details; look for the message that scores, and
# for the one that changes a model:

# %%
from modelserving.actors import ManagerActor, Policy, PykkaRuntime, ServingActor, ServingSettings

show(ServingActor.receive)

# %% [markdown]
# Something must run such a class. We call it a **runtime**. It gives each actor a thread (that part is pykka), a mailbox that
# has a bound, and a new life when it fails. Let us begin with the bound. A mailbox without one is where memory goes, when
# messages come faster than they are read (lesson 03).

# %%
class Sleeper:
    def receive(self, alarm):
        read.append(alarm.wait(30))

alarm, read = Event(), []
runtime = lesson.manage(PykkaRuntime, name="runtime")
sleeper = runtime.spawn(Sleeper, name="sleeper", mailbox=3)
view = lesson.manage(lambda: MailboxView(runtime, room=3), name="mailboxes")
sleeper.tell(alarm)
lesson.wait_for(lambda: runtime.report()[0].doing, "it to read this, and to sleep over it")
view

# %%
# predict: full

# %%
try:
    for told in range(10):
        sleeper.tell(alarm)
except MailboxFull as error:
    refused = error
at_that_moment = mailboxes(runtime.report(), room=3)
alarm.set()
lesson.wait_for(lambda: len(read) > told, "it to read what is in its mailbox")
lesson.tell("full")

# %%
at_that_moment

# %% [markdown]
# ## One actor for each data type
#
# Red wines and white ones want different models, so they are of different data types: `wine` is red, `white` is white. A
# **manager** sits above the serving actors. It looks at the data type of each record, and hands it on.

# %%
# diagram: router

# %% [markdown]
# We drive it by hand: it needs a runtime for its actors, and a folder for their state.

# %%
runtime = lesson.manage(PykkaRuntime, name="runtime")
settings = ServingSettings(lesson.folder / "by-hand")
manager = runtime.spawn(ManagerActor, runtime, settings, name="manager")
lesson.manage(lambda: MailboxView(runtime), name="mailboxes")

# %% [markdown]
# Some wines, as messages with an offset, just as Kafka would hand them over:

# %%
from modelserving.config import data_folder
from modelserving.records import encode_wine, read_wines

Message = namedtuple("Message", "topic partition offset timestamp key value")

def messages_of(wines):
    bytes_of_each = [encode_wine(wine) for wine in wines]
    return tuple(Message("by-hand", 0, n, 0, None, value) for n, value in enumerate(bytes_of_each))

# %%
red = [wine for wine, _ in read_wines(data_folder() / "wine_red.csv", "wine")]
white = [wine for wine, _ in read_wines(data_folder() / "wine_white.csv", "white")]
mixed = messages_of([red[0], white[0], red[1], white[1]])

# %% [markdown]
# And a way to give it a model: built and checked first, away from the actors (lesson 05). The message is for an actor that we do not know. So it goes to the
# manager, in an envelope (`AskType`) that says of which data type that actor is; the answer comes from the actor itself.

# %%
from modelserving.actors.messages import AskType, ScoreBatch, SetSlots
from modelserving.models.info import Slots
from modelserving.models.store.bundled import read_catalog
from modelserving.models.lifecycle.build import build_candidate

catalog = {model.name: model for model in read_catalog(data_folder() / "models")}

def promote(name):
    model = build_candidate(catalog[name])
    message = SetSlots(Slots(current=model))
    manager.ask(AskType(model.info.data_type, message)).reply.result(10)

# %%
def actors():
    return [status.name for status in runtime.report()]

before = actors()
promote("wine-linear-regression")
table("Actors", [(", ".join(before), ", ".join(actors()))], "before the model", "after it")

# %% [markdown]
# The actor for red wine was made when the first model for red wine came.

# %%
# predict: no-white

# %%
def send(messages):
    routed = manager.ask(ScoreBatch(messages))
    answers = [part.reply.result(10) for part in routed.parts]
    return routed, [one for answer in answers for one in answer.scored]

routed, scored = send(mixed)
rows = [(one.offset, one.data_type, one.model_name, round(one.prediction, 2)) for one in scored]
table("The answers", rows, "offset", "data type", "model", "score")

# %%
lesson.tell("no-white")

# %%
promote("white-linear-regression")
routed, scored = send(mixed)
lesson.tell("side-by-side")

# %% [markdown]
# ## Break it: an actor that fails
#
# Actors fail: a bug, a library that crashes, memory that is gone. This one cannot stand vinegar. The runtime may start it
# again, but not more than three times an hour.

# %%
class Taster:
    tasted = 0

    def receive(self, drink):
        if drink == "vinegar":
            raise ValueError("vinegar!")
        self.tasted += 1
        return self.tasted

policy = Policy(restarts=3, within_s=3600)
runtime = lesson.manage(lambda: PykkaRuntime(policy), name="runtime")
taster = runtime.spawn(Taster, name="taster")
neighbour = runtime.spawn(Taster, name="neighbour")
lesson.manage(lambda: MailboxView(runtime), name="mailboxes")

# %%
# predict: taster

# %% tags=["breaks"]
logging.getLogger("modelserving").setLevel("CRITICAL")  # from here on, tables tell what fails

def taste(drink):
    try:
        return taster.ask(drink)
    except ActorError as error:
        return f"{type(error).__name__}: {error}"

rows = [(drink, taste(drink)) for drink in ("wine", "wine", "vinegar", "wine")]
table("The taster", rows, "we ask", "it answers")

# %%
lesson.tell("taster")

# %%
# predict: five-times

# %% tags=["breaks"]
rows = [(drink, taste(drink)) for drink in ["vinegar"] * 5 + ["wine"]]
table("The taster", rows, "we ask", "it answers")

# %%
lives = {status.name: (str(status.life), status.restarts) for status in runtime.report()}
pauses = [f"{policy.pause(failures):g}" for failures in range(1, 8)]
lesson.tell("five-times")

# %%
mailboxes(runtime.report())

# %%
# diagram: supervisor

# %% [markdown]
# ## A record that kills
#
# And if one wine among a hundred is poison for the actor that scores? We put a bug into the scoring, which a certain key wakes,
# and let our server's **gatherer** send a hundred wines. The gatherer asks the manager, collects the answers, and sees to it
# that each record has one outcome, whatever happens to the actors.

# %%
from modelserving.serving.scoring import score_batch

def score_with_a_bug(batch, slots, decoder):
    if any(message.key == b"poison" for message in batch.messages):
        raise RuntimeError("a bug")
    return score_batch(batch, slots, decoder)

# %%
runtime = lesson.manage(PykkaRuntime, name="runtime")
settings = ServingSettings(lesson.folder / "poisoned", score=score_with_a_bug)
manager = runtime.spawn(ManagerActor, runtime, settings, name="manager")
hundred = list(messages_of(red[:100]))
hundred[41] = hundred[41]._replace(key=b"poison")
promote("wine-linear-regression")
lesson.manage(lambda: MailboxView(runtime), name="mailboxes")

# %%
# predict: poison

# %% tags=["breaks"]
from anyio.lowlevel import checkpoint

from modelserving.actors.dispatch import ActorClient, Gatherer
from modelserving.serving import Batch, WorkerThread

thread = lesson.manage(lambda: WorkerThread("asking"), name="thread")  # waits for answers
gatherer = Gatherer(manager, ActorClient(thread, while_waiting=checkpoint))
gathered = await gatherer.score(Batch(hundred))

# %%
(letter,) = gathered.batch.dead
(status,) = [one for one in runtime.report() if one.name == "serving wine"]
lesson.tell("poison")

# %% [markdown]
# ## For real
#
# Now the server, with Kafka on both sides of the actors. First the client: 25 wines a second, red and white in turn. It sends
# a model for red wine at once, and the next one in an hour.

# %%
from modelserving.workshop.processes.process import ChildProcess, ServerProcess

pace = ("--records-every", "20" if fast else "40", "--models-every", "3600000")
types = ("--data-type", "wine", "--data-type", "white")
command = ("client", "--prefix", lesson.prefix, *pace, *types)
client = lesson.manage(lambda: ChildProcess(command), name="client")

# %% [markdown]
# And the server. It gets a folder for what is to survive it:

# %%
state, group = lesson.folder / "state", lesson.group("server", goes_on=True)
own = {"MODELSERVING_REPOSITORY": str(lesson.folder / "repository")}

def serve(port="5500"):
    options = ("--state", str(state), "--no-preload", "--port", port, "--group", group)
    return ServerProcess.start("actor", lesson.prefix, options, own)

server = lesson.manage(serve, name="server")
lesson.wait_for(lambda: server.get("/models")["models"], "the first model")

# %% [markdown]
# Here are the wines that wait for it, with its group's bookmark and its lag. Leave it open:

# %%
records = lesson.topics.records
lesson.manage(lambda: TopicView(lesson.connection, records, group), name="view")

# %% [markdown]
# This asks it something, and gives back what it says, whatever that is:

# %%
def asked(path):
    try:
        return str(server.get(path))
    except ServerError as error:
        return str(error)

# %%
# predict: no-state

# %%
reply = asked("/state/white")
lesson.tell("no-state")

# %% [markdown]
# We send a model for white wine, as in lesson 05:

# %%
from modelserving.workshop.processes.terminal import terminal

terminal(f"modelserving models publish white-linear-regression --prefix {lesson.prefix}", own)

# %%
lesson.wait_for(lambda: len(server.get("/models")["models"]) == 2, "the second actor")
server.get("/models")

# %%
def states():
    return {name: server.get(f"/state/{name}") for name in server.get("/models")["models"]}

lesson.wait_for(lambda: states()["white"]["usage"] >= 20, "twenty white wines")
shown = "name usage p50_ns swaps skipped".split()
rows = [(name, *(one[field] for field in shown)) for name, one in states().items()]
table("What /state/… says", rows, "data type", *shown)

# %% [markdown]
# `usage` is what each model has scored. `skipped` is what found no model, of the whole server: the white wines from before.
# How the actors are is at `/healthz`. All is well, so there are no details: no restarts, no dead letters, and none is stuck.

# %%
server.get("/healthz")

# %% [markdown]
# And all answers go to one topic:

# %%
from modelserving.kafka import read_topic
from modelserving.records import decode_scored

def answers():
    records = read_topic(lesson.connection, lesson.topics.scored)
    return [decode_scored(record.value) for record in records]

newest = answers()[-6:]
rows = [(one.offset, one.data_type, one.model_name, round(one.prediction, 2)) for one in newest]
table("The newest answers", rows, "offset", "data type", "model", "score")

# %% [markdown]
# ## What is written down
#
# An actor saves what it knows when a model comes, and every five seconds while it works. Here is the file of the actor
# for red wine. Its statistics, a histogram, are packed into letters.

# %%
from modelserving.actors import StateFolder
from modelserving.statistics import Statistics

def saved_count(data_type):
    saved = StateFolder(state, data_type).peek()
    return Statistics.decode(saved.slots.current.statistics).snapshot().count

lesson.wait_for(lambda: min(map(saved_count, states())) >= 20, "the counts on disk")

# %%
(folder,) = state.glob("wine-*")
text = (folder / "state").read_text()
print("\n".join(line[:90] for line in text.splitlines()))  # the statistics are long

# %%
files = sorted(folder.iterdir())
lesson.tell("written-down")

# %% [markdown]
# ## Exercise: what to write down

# %%
# exercise: actors-persist

# %% [markdown]
# ## Break it: kill the server, and take the models away
#
# `kill -9`. And as if that were not enough, we delete the topic with the models and make a new, empty one.

# %% tags=["breaks"]
def unsaved():
    return sum(one["usage"] for one in states().values()) - sum(map(saved_count, states()))

if server.running:
    lesson.wait_for(lambda: unsaved() >= 20, "wines that are counted, and not on disk yet")
    before = states()
    server.kill()
    on_disk = {name: saved_count(name) for name in before}
lesson.topic("wine-models")
on_disk

# %%
# predict: nothing-lost

# %%
port = server.url.rpartition(":")[2]  # the old one
if not server.running:  # or else this runs for the second time
    server = lesson.manage(lambda: serve(port), name="server")
lesson.wait_for(lambda: all(states()[name]["usage"] > on_disk[name] for name in before), "scores")
after = states()
counts = {name: (before[name]["usage"], on_disk[name], after[name]["usage"]) for name in before}
rows = [(name, after[name]["name"], *count) for name, count in counts.items()]
table("Back again", rows, "data type", "model", "count before", "on disk", "now")

# %%
same = "name description version digest since swaps".split()
lesson.tell("counts")

# %% [markdown]
# Counting, yes. And wines? In lesson 04 you had an audit. From the first white wine on that was scored, each offset should be
# among the answers exactly once:

# %%
last = max(one.offset for one in answers())
lesson.wait_for(lambda: answers()[-1].offset >= last + 50, "fifty wines more")
given = answers()
first = min(one.offset for one in given if one.data_type == "white")
times = Counter(one.offset for one in given)
missing = [offset for offset in range(first, max(times) + 1) if not times[offset]]
doubled = [offset for offset in times if times[offset] > 1]
now = states().values()  # "scored" counts from the start of this server, "usage" from its folder
went_on_from = sum(one["usage"] for one in now) - min(one["scored"] for one in now)
saved, reached = sum(on_disk.values()), sum(one["usage"] for one in before.values())

# %%
lesson.tell("nothing-lost")

# %% [markdown]
# ## Break it: half a file
#
# A disk was full once, or somebody opened the file in an editor. We take a copy of the folder, and cut its file in two.

# %% tags=["breaks"]
copy = lesson.folder / "copy"
shutil.rmtree(copy, ignore_errors=True)
shutil.copytree(state, copy)
(torn,) = copy.glob("wine-*/state")
torn.write_text(torn.read_text()[:200])
torn.read_text()[-40:]

# %%
# predict: half-a-file

# %%
found = StateFolder(copy, "wine").load()
names = sorted(path.name for path in copy.iterdir())
lesson.tell("half-a-file")

# %% [markdown]
# ## A pool: several workers for one type
#
# One actor scores one message at a time. Does it go faster with two? A **pool** looks like a serving actor to everybody else. In
# it, a **router** deals each batch out to several workers. Our server has it too: `serve actor --workers 2`.
# (Workers on threads all score with one and the same model. They may, because scoring changes nothing in it.)
#
# We are going to measure, so client and server go home first: they would be measured with it.

# %%
client.stop()
server.stop()
f"client runs: {client.running}; server runs: {server.running}"

# %%
from modelserving.actors import WorkerPool
from modelserving.actors.dispatch import resolve

def make_pool(kind, model, workers):
    runtime = lesson.manage(PykkaRuntime, name=f"pool {kind} {workers}")
    settings = ServingSettings(lesson.folder / f"pool-{kind}-{workers}", workers=workers)
    pool = runtime.spawn(WorkerPool, runtime, "wine", settings, name="pool")
    resolve(pool.request(SetSlots(Slots(model))), 30)
    return pool

# %% [markdown]
# Two kinds of work: a random forest, which Java computes, and some sums in plain Python. These are no good as a model, but they
# keep Python busy:

# %%
import numpy as np

from modelserving.models.model import Scores

class PlainPython:
    inputs = ("alcohol",)

    def score(self, wines):
        alcohol = wines["alcohol"].to_pylist()  # wines come as columns
        return Scores(np.array([sum(one for _ in range(300)) for one in alcohol]))

    def to_bytes(self):
        return b""

    def close(self):
        pass

# %%
def java():
    return build_candidate(catalog["wine-random-forest"])

def python():
    line = build_candidate(catalog["wine-linear-regression"])
    return replace(line, model=PlainPython(), info=replace(line.info, digest="none"))

workers = (1, 2) if fast else (1, 2, 4)
kinds = {"java": java, "python": python}
pools = {(kind, n): make_pool(kind, kinds[kind](), n) for kind in kinds for n in workers}

# %% [markdown]
# Each pool gets all red wines five times over in one message, all pools in turn, several times. The best time of each counts:

# %%
wines = messages_of(red)
many = messages_of(red * 5)

def seconds(pool):
    began = perf_counter()
    for part in pool.ask(ScoreBatch(many)).parts:
        part.reply.result(60)
    return perf_counter() - began

rounds = [{key: seconds(pool) for key, pool in pools.items()} for _ in range(4 if fast else 15)]
best = {key: min(one[key] for one in rounds) for key in pools}

# %%
# predict: workers

# %%
gain = {key: best[key[0], 1] / took for key, took in best.items()}
lines = {kind: [(n, gain[kind, n]) for n in workers] for kind in kinds}
said = f"Times as fast as one worker, with {os.cpu_count()} processors; 1 is no gain."
curves(lines, said, x="workers", y="times as fast")

# %%
gil = getattr(sys, "_is_gil_enabled", lambda: True)()
lesson.tell("workers")

# %% [markdown]
# And who gets which wine? That is the router's business: `--router round-robin`, `smallest-mailbox` or `by-key`. The answers are
# put back into order at the end. But which worker is quicker, nobody knows. For a model that remembers something of each cellar,
# that matters.

# %% [markdown]
# ## Exercise: a router

# %%
# exercise: actors-router

# %% [markdown]
# ## Beside the custom stage
#
# Two servers that do the same. Do they? `compare` sends the same wines through both, without Kafka, and changes the model after
# 700 of them. They have several turns, and the best time of each counts.

# %%
from modelserving.actors.comparison import compare, tabulate

models = catalog["wine-linear-regression"], catalog["wine-decision-tree"]

def run(turn):
    with PykkaRuntime() as runtime:
        return compare(wines, *models, 700, lesson.folder / f"compare-{turn}", runtime)

turns = [await asyncio.to_thread(run, turn) for turn in range(2 if fast else 5)]
sides = zip(*turns)
stage, by_actors = (min(side, key=lambda turn: turn.us_per_record) for side in sides)

# %%
# predict: lines

# %%
table("The same 1,600 wines", tabulate(stage, by_actors), "", "custom stage", "actors")

# %%
lesson.tell("lines")

# %% [markdown]
# With a model or two, the stage is enough. With many, which come and go and sometimes fail, actors are worth it. And how fast are
# the whole servers, with Kafka on both sides? `benchmarks/actors.py` measures both in one run, beside a bare loop.

# %% [markdown]
# ## On many machines
#
# Nothing in `serving.py` says that an actor is a thread. On [Ray](https://docs.ray.io) each one is a process, perhaps on another
# machine: messages are copied then, models travel as bytes, and each process has a GIL of its own. It is an extra. In a terminal,
# `make test-ray` installs it and runs the same tests on it; then `modelserving serve actor --runtime ray` serves with it.

# %% [markdown]
# ## Recap
#
# * An actor reads its mail one message at a time, and nobody else touches what it holds: no locks, and a model changes between
#   two messages. `tell` goes on, `ask` waits.
# * A manager routes by data type to actors that know nothing of each other. It hands on, and never waits.
# * What fails is thrown away and started again, after a pause, and not for ever. A record that kills becomes a dead letter.
# * What must survive is written down beside its place, checked, and renamed. What cannot be read is set aside.
# * More workers help where the work leaves Python's interpreter alone. Measure.
#
# You can now say what an actor may hold, what it must write down, and what becomes of it and of its mail when it fails.
#
# **In practice** keep actors few and messages large: a batch, not a record. Bound every mailbox, and decide what a sender does when
# it is full. Look at the restarts in `/healthz`: an actor that comes back every minute is a bug that nobody has read about yet.
#
# **Source**: [serving.py](../modelserving/actors/serving.py) for the actor, [manager.py](../modelserving/actors/manager.py)
# for the one above it, [supervision.py](../modelserving/actors/runtime/supervision.py) for failures,
# [persistence.py](../modelserving/actors/state/persistence.py) for the files, [pool.py](../modelserving/actors/pool.py) and
# [routers.py](../modelserving/actors/routers.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [07 · Kafka Streams: what comes back](07_kafka_streams.ipynb)
