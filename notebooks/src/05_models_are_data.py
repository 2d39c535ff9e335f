# %% [markdown]
# # 05 · Models are data
#
# You change, check, compare and take back the models of a running server with nothing but messages, and can say of every wine which model scored it.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | take a model's message apart · move models in and out of a slot by hand · try to smuggle in models that are wrong, forged or hostile · roll back a running server in one step · let a model score in the shadow, and promote it · kill the server, and see what the next one knows |
# | **You learn** | what stands between bytes and the first score, what golden records catch that nothing else does, and why a command is a message too |
# | **You need** | lesson 04: the stage, the swap between two records, dead letters |
# | **Time** | 40 minutes, and the exercises as long as you like |
# | **Plan** | half day: by hand, rollback and shadow; full day: all of it |

# %%
# pipeline: models

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
from collections import defaultdict
from dataclasses import asdict, replace
from itertools import cycle, pairwise
from statistics import fmean, median

from modelserving.workshop import start, table
from modelserving.config import data_folder
from modelserving.errors import ModelError
from modelserving.kafka import read_dead_letters, read_topic
from modelserving.models.store.bundled import read_catalog
from modelserving.records import Action, Golden, ModelCommand, decode_command, decode_scored
from modelserving.records import encode_descriptor, encode_wine, read_wines
from modelserving.widgets import StageView
from modelserving.workshop.display.figures import bars, scatter

lesson = start("05", fast=fast)

# %% [markdown]
# ## What is in a model's message
#
# A model travels as one message. Its bytes are in it, and all that is known about it. This one is a PMML document: XML that
# says, for machines of any make, how the answer is computed.

# %%
catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
line, tree = catalog["wine-linear-regression"], catalog["wine-decision-tree"]

rows = [(name, getattr(line, name)) for name in "name version data_type description".split()]
rows += [("format", line.type.slug), ("bytes", len(line.data)), ("digest", line.digest[:16] + "…")]
rows += [("off by, on average", line.metrics["mae"]), ("golden records", len(line.golden))]
table("A model, as it travels", rows, "what", "value")

# %%
golden = line.golden[0]
rows = [*asdict(golden.record).items(), ("its right answer", golden.expected)]
table("A golden record", rows, "field", "value")

# %%
lesson.tell("digest-and-golden")

# %% [markdown]
# ## By hand: three slots
#
# All servers of this workbook keep models in the same way: in slots. First the model is built, away from everything. It
# is checked on its golden records, and scores a few hundred times for nobody, to get warm. Then it moves into its slot. (And
# if a newer one arrives meanwhile, the newer one wins.)

# %%
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.slots import ModelSlot
from modelserving.models.info import Slots

slot = lesson.manage(ModelSlot, name="slot")

def slots():
    return [model and model.info.name for model in (slot.current, slot.previous)]

# %%
slot.swap(build_candidate(line))
slot.swap(build_candidate(tree))
slot.swap(build_candidate(catalog["wine-perceptron"]))
slots()

# %%
# predict: twice-back

# %%
story = [slots()]
for _ in range(2):
    slot.swap(slot.previous)  # the one behind it serves
    story.append(slots())
table("Rolled back twice", story, "current", "previous")

# %%
lesson.tell("twice-back")

# %% [markdown]
# The third slot is the **shadow**'s. It comes later. First those who must not come in at all.

# %% [markdown]
# ## Who is not let in
#
# This is what a server does with a newcomer, and what it says:

# %%
def tried(descriptor):
    try:
        build_candidate(descriptor).close()
    except ModelError as error:
        return f"{type(error).__name__}: {error}"
    return "would serve"

tried(line)

# %% [markdown]
# Somebody exports a model and mixes up two columns. It is still a proper PMML document, with all the right names in it:

# %%
def exchange(data, one, other):
    for old, new in ((one, b"-"), (other, one), (b"-", other)):
        data = data.replace(b'"%s" coef' % old, b'"%s" coef' % new)
    return data

mixed = exchange(line.data, b"volatile_acidity", b"citric_acid")
swapped = replace(line, name="wine-swapped", data=mixed, sha256="")

# %% [markdown]
# (`sha256=""`: a sender may leave the digest out; then the server computes it of the bytes that came, and has nothing to compare it with.)

# %%
# predict: blind

# %%
changed = replace(swapped, sha256=line.sha256)  # it says the digest of the right bytes
blind = replace(swapped, golden=())  # its sender made the mistake, and tests nothing
cases = {"stated digest is another one": changed, "golden records": swapped, "neither": blind}
rows = [(case, tried(model)) for case, model in cases.items()]
table("The same wrong model, sent three times", rows, "it travels with", "what the server says")

# %%
lesson.tell("blind")

# %%
# diagram: golden

# %% [markdown]
# And how much do golden records know? There is a red wine whose two mixed-up measurements happen to be equal. Let the wrong model bring just this one:

# %%
graded = list(read_wines(data_folder() / "wine_red.csv"))
even = next(wine for wine, _ in graded if wine.volatile_acidity == wine.citric_acid)
true, wrong = build_candidate(line).model, build_candidate(blind).model
chosen = Golden(even, expected=float(true.score([even]).values[0]))
lucky = replace(swapped, golden=(chosen,))

# %%
# predict: few-golden

# %%
others = [wine for wine, _ in graded[:200]]
differ = abs(true.score(others).values - wrong.score(others).values)
right = int((differ < 0.1).sum())
lesson.tell("few-golden")

# %% [markdown]
# And this one wants something else. PMML is XML, and an XML document may ask its reader to fetch a file:

# %%
trap = b'<!DOCTYPE PMML [<!ENTITY secret SYSTEM "file:///etc/passwd">]>\n<PMML '
spy = line.data.replace(b"<PMML ", trap, 1).replace(b"SkLearn2PMML package", b"&secret;")
hostile = replace(line, name="wine-spy", data=spy, sha256="")

# %%
# predict: spy

# %%
answer = tried(hostile)
lesson.tell("spy")

# %% [markdown]
# ## Exercise: golden records

# %%
# exercise: models-golden

# %% [markdown]
# ## A model that is too big for a message
#
# Then the message says **where** the bytes are, and which digest they have. A server reads only what it was allowed to: files
# of one folder, and hosts by name.

# %%
from modelserving.models.lifecycle.fetch import FetchPolicy

folder = lesson.folder / "models"
folder.mkdir(exist_ok=True)
(folder / "line.pmml").write_bytes(line.data)
allowed = FetchPolicy(root=folder)
far = replace(line, data=b"", location=(folder / "line.pmml").as_uri(), sha256=line.digest)
f"{len(allowed.fetch(far).data):,} bytes were fetched."

# %%
def fetched(descriptor):
    try:
        return f"{len(allowed.fetch(descriptor).data)} bytes"
    except ModelError as error:
        return str(error).partition(": ")[2] or str(error)

# %% [markdown]
# Five models by reference: one in the folder, one there by a detour, one outside of it, one on the web, one with another digest.

# %%
# predict: fetched

# %%
elsewhere = (data_folder() / "models" / "wine-linear-regression.pmml").as_uri()
detour = folder.as_uri() + "/../models/line.pmml"
cases = {
    "in the folder": far,
    "there, by a detour": replace(far, location=detour),
    "outside of it": replace(far, location=elsewhere),
    "on the web": replace(far, location="https://models.example/line.pmml"),
    "with another digest": replace(far, sha256=tree.digest),
}
rows = [(case, fetched(model)) for case, model in cases.items()]
table("Models by reference", rows, "where", "what comes of it")

# %%
lesson.tell("fetched")

# %% [markdown]
# ## For real
#
# Twenty wines a second go into the topic, for as long as the lesson lasts:

# %%
producer = lesson.producer()

def pour(stop):
    for wine, _ in cycle(graded):
        producer.send(lesson.topics.records, key=b"wine", value=encode_wine(wine))
        if stop.wait(0.02 if fast else 0.05):
            return

client = lesson.background(pour, name="client")

# %% [markdown]
# And a server. It keeps a copy of every model that it has served, in a folder of this lesson's own:

# %%
from modelserving.workshop.processes.process import ServerProcess

own = {"MODELSERVING_REPOSITORY": str(lesson.folder / "repository")}

def serve(port="5500"):
    return ServerProcess.start("stage", lesson.prefix, ("--no-preload", "--port", port), own)

server = lesson.manage(serve, name="server")
server.get("/models")["models"]

# %% [markdown]
# No model yet. You could write the message yourself, as in lesson 04. There are commands for it too. They are for a
# terminal; here a cell types them for you, with the repository of this lesson:

# %%
from modelserving.workshop.processes.terminal import terminal

def models(command):
    return terminal(f"modelserving models {command} --prefix {lesson.prefix}", own)

models("publish wine-linear-regression")

# %%
def serves(name):
    lesson.wait_for(lambda: server.get("/state")["name"] == name, f"{name} to serve")
    return f"{name} serves"

serves("wine-linear-regression")

# %% [markdown]
# Watch it from here on. Each point is a wine, in colour and shape of the model that scored it; a dashed line is a swap. Below
# are the server's models, with buttons that send the commands of this lesson. Leave it open, let the cells go first, and
# play with the buttons at the end.

# %%
view = lesson.manage(
    lambda: StageView(lesson.connection, lesson.topics, server.url, commands=True), name="view"
)
view

# %%
models("publish wine-decision-tree")

# %%
serves("wine-decision-tree")

# %% [markdown]
# Now the one with the mixed-up columns, which has golden records with it:

# %%
sent = producer.send(lesson.topics.models, key=swapped.key, value=encode_descriptor(swapped))
offset = sent.get(timeout=10).offset

def letters(topic):
    found = read_dead_letters(lesson.connection, lesson.topics.dead_letters)
    return {letter.offset: letter for letter in found if letter.topic == topic}

letter = lesson.wait_for(lambda: letters(lesson.topics.models).get(offset), "the refusal")

# %%
def answers():
    records = read_topic(lesson.connection, lesson.topics.scored)
    return [decode_scored(record.value) for record in records]

lesson.tell("refused")

# %% [markdown]
# ## Roll back
#
# The tree is in use. People complain about it: it answers whole grades only, and the line gave decimals.

# %%
models("list")

# %%
before = server.get("/state")["previous"]["name"]
models("rollback wine")

# %%
serves(before)

# %%
def swaps():
    """Neighbouring answers of different models: the last of one, the first of the next."""
    both = pairwise(answers())
    return [(one, other) for one, other in both if one.model_digest != other.model_digest]

view.wait_for(lambda seen: seen.swap_count >= 2)
last, first = swaps()[-1]

# %%
command = list(read_topic(lesson.connection, lesson.topics.control))[-1]
lesson.tell("from-which")

# %%
# predict: command-size

# %%
lesson.tell("command-size")

# %% [markdown]
# It is one message, in a topic that keeps all of them for ever:

# %%
said = decode_command(command.value)
rows = [("what", said.action.name), ("data type", said.data_type), ("digest", said.digest[:12])]
rows += [("from", said.issued_by), ("when, ms since 1970", said.issued_ms)]
table("The command", rows, "field", "value")

# %% [markdown]
# Who wanted what, and when. Nobody called the server, nobody had to know where it runs. If there were ten servers, all ten
# would have rolled back.

# %%
# diagram: history

# %% [markdown]
# ## Exercise: roll back

# %%
# exercise: models-rollback

# %% [markdown]
# ## In the shadow
#
# The perceptron was better in the laboratory than the line, says its descriptor:

# %%
perceptron = catalog["wine-perceptron"]
rows = [(model.name, model.metrics["mae"]) for model in (line, perceptron)]
table("Off by, on average, on wines that they had not seen", rows, "model", "grades")

# %% [markdown]
# Do you believe it? As a **shadow** it scores half of the wines beside the
# model in use, chosen as if by a coin. Its answers are compared, and go nowhere.

# %%
models("publish wine-perceptron --shadow 50")

# %%
# predict: agree

# %%
def shadow():
    return server.get("/state")["shadow"]

enough = 30 if fast else 100
lesson.wait_for(lambda: (shadow() or {}).get("compared", 0) >= enough, f"{enough} wines compared")
found = shadow()
shown = "percent compared equal mean_difference max_difference errors".split()
rows = [(name, round(found[name], 3)) for name in shown]
table(f"{found['name']} in the shadow, as /state shows it", rows, "what", "value")

# %%
lesson.tell("agree")

# %% [markdown]
# An average hides which wines it is about. Here is each of 150 wines, by the model in use (to the right) and by the one in the shadow (up); on the
# dashed line both say the same:

# %%
both = [build_candidate(model).model for model in (line, perceptron)]
said = [one.score([wine for wine, _ in graded[:150]]).values for one in both]
pairs = [(float(one), float(other)) for one, other in zip(*said)]
scatter(pairs, "Each point is a wine: two models, two scores.", x=line.name, y=perceptron.name)

# %% [markdown]
# That is how far they differ. Who is nearer to the truth, the tasters must say. Let us assume that they have, and that the
# perceptron won: promote it.

# %%
models("promote wine")

# %%
serves("wine-perceptron")

# %% [markdown]
# ## Another format
#
# So far all models were PMML. This random forest was exported to ONNX, and another engine runs it. The server does not mind:

# %%
models("publish wine-random-forest-onnx")

# %%
serves("wine-random-forest-onnx")

# %% [markdown]
# How much is it to add a format? There is one place where all of them are named, `FACTORIES`. (The rest of its file is here:
# [factory.py](../modelserving/models/formats/factory.py).)

# %%
from modelserving.models.formats import factory

rows = [(kind.slug, maker.__module__) for kind, maker in factory.FACTORIES.items()]
table("What a model of each format is made by", rows, "format", "module")

# %% [markdown]
# ## Exercise: a format of your own

# %%
# exercise: models-new-format

# %% [markdown]
# ## Which model scored this wine, and how good was it?
#
# Every answer carries the digest of its model. So there is an answer to that question, for each single wine:

# %%
models(f"who --offset {first.offset}")

# %% [markdown]
# By hand it is not difficult either. The models topic need not keep old models; the folder does, the **repository**. It says
# what is known of each digest:

# %%
from modelserving.models.store.repository import ModelRepository

kept = ModelRepository(lesson.folder / "repository").entries("wine")
known = {one.digest: one.descriptor for one in kept}

def scored_by(answer):
    model = known[answer.model_digest]
    return model.name, model.type.slug, model.metrics["mae"]

# %%
both = [answer for pair in swaps() for answer in pair]
rows = [(answer.offset, round(answer.prediction, 2), *scored_by(answer)) for answer in both]
columns = ("wine", "answer", "scored by", "format", "off by, in the laboratory")
table("Wines on both sides of each swap", rows, *columns)

# %% [markdown]
# These wines were tasted, too. So we can ask how good each model was **on the stream**:

# %%
# predict: as-good

# %%
given = answers()
wines = [record.value for record in read_topic(lesson.connection, lesson.topics.records)]
tastes = {encode_wine(wine): taste for wine, taste in graded}

misses = defaultdict(list)
for answer in given:
    taste = tastes[wines[answer.offset]]
    misses[scored_by(answer)].append(abs(answer.prediction - taste))

# %%
rows = [(name, len(off), told, f"{fmean(off):.2f}") for (name, _, told), off in misses.items()]
table("Promised and kept", rows, "model", "wines", "off by, promised", "off by, here")

# %%
better = sum(fmean(off) < told - 0.02 for (_, _, told), off in misses.items())
worse = sum(fmean(off) > told + 0.02 for (_, _, told), off in misses.items())
verdict = "some better, some worse" if better and worse else "better" if better else "worse"
verdict = verdict if better or worse else "just as good"
lesson.tell("as-good")

# %% [markdown]
# ## Exercise: who was it?

# %%
# exercise: models-who

# %% [markdown]
# ## What a swap costs
#
# The swap itself is nothing: a name in a slot changes. What takes time comes before it. Here it is, step by step, on your
# machine:

# %%
from time import perf_counter

def timed(work):
    began = perf_counter()
    result = work()
    return (perf_counter() - began) * 1e6, result

# %%
wine = [graded[0][0]]
build_us, cold = timed(lambda: factory.create(tree))
first_us, _ = timed(lambda: cold.score(wine))
more_us = [timed(lambda: cold.score(wine))[0] for _ in range(500)]
warm_us = median(more_us[-100:])
swap_us, _ = timed(lambda: slot.set(Slots(slot.previous, slot.current)))
cold.close()

# %%
steps = {"build": build_us, "first score": first_us, "score, warm": warm_us, "swap": swap_us}
rows = [(step, f"{us:,.0f}") for step, us in steps.items()]
table("One decision tree", rows, "step", "microseconds")

# %%
bars(steps, "Building takes nearly all of it; the swap hardly anything.", x="step", y="µs")

# %%
lesson.tell("warm-up")

# %% [markdown]
# These are single runs, on a machine that does other things meanwhile. `benchmarks/models.py` measures a hundred swaps, with
# and without warm-up, and each engine's own limit beside them.

# %% [markdown]
# ## Break it: kill the server
#
# It serves the ONNX model, after a history: two models, one refused, a rollback, a shadow, a promotion. We roll back once
# more, so that the model in use is **not** the last one that was published. And then: `kill -9`.

# %%
before = server.get("/state")["previous"]["name"]
models("rollback wine")

# %%
serves(before)

# %% tags=["breaks"]
def standing():
    state = server.get("/state")
    return state["name"], state["digest"][:8], state["previous"]["name"]

if server.running:
    before = standing()
    server.kill()

def as_table(caption, stood):
    return table(caption, [stood], "in use", "its digest", "behind it")

as_table("Before the kill", before)

# %%
# predict: again

# %%
port = server.url.rpartition(":")[2]  # the old one
server = lesson.manage(lambda: serve(port), name="server")
lesson.tell("again")

# %%
as_table("The new server", standing())

# %% [markdown]
# Is the state in the topics alone, then? We try it without a server: a **simulation** has topics of its own, and the part of a server that reads models and
# commands and works out where they lead; it has no repository. First all messages are there, two models and the command to go back to the first; then only
# what compaction leaves of them.

# %%
from modelserving.workshop.lesson.simulate import Simulation

def serving_after(*models):
    with Simulation(lesson) as topics:
        for model in models:
            topics.publish(model)
        topics.command(ModelCommand(Action.ROLL_BACK, "wine", digest=line.digest))
        return topics.verdict("wine").serving

# %%
# predict: elsewhere

# %%
here, there = serving_after(line, tree), serving_after(tree)
lesson.tell("elsewhere")

# %% [markdown]
# ## Break it: take the last model away

# %% tags=["breaks"]
models("retire wine")

# %%
lesson.tell("retired")

# %% [markdown]
# And now a plain rollback, without a name:

# %%
# predict: way-back

# %%
back = models("rollback wine")
back

# %%
lesson.tell("way-back")

# %% [markdown]
# But a model that is named by its digest comes back, as long as the topic or the repository has it:

# %%
models(f"rollback wine --to {tree.digest[:12]}")

# %%
serves("wine-decision-tree")

# %% [markdown]
# ## Recap
#
# * A model is a message: bytes, digest, golden records, and what is known about it. It is fetched, built, checked and warmed
#   up away from the records, then swapped in between two of them.
# * The digest says that it is **what was sent**. Golden records say that **a few answers are right**. Neither replaces the other.
# * Commands are messages too: promote, roll back, shadow, retire. All servers follow them, and one that starts follows them
#   again, to the same end, as long as topics and repository still have what they name.
# * A shadow is compared, and answers nobody. Every answer names its model by digest.
#
# You can now change models under load, keep bad ones out, take a change back in one step, and prove who answered what.
#
# **In practice** golden records come out of the training run, a few for each kind of case, and the publishing of a model is the
# last step of its pipeline. A new model begins as a shadow on a small share of the stream. Name models by their digest in
# commands: then nothing depends on what happened to be there before.
#
# **Source**: [slots.py](../modelserving/models/lifecycle/slots.py) for the slots,
# [build.py](../modelserving/models/lifecycle/build.py) for check and warm-up,
# [history.py](../modelserving/models/lifecycle/history.py) for where messages and commands lead,
# [shadow.py](../modelserving/models/lifecycle/shadow.py), [fetch.py](../modelserving/models/lifecycle/fetch.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [06 · Actors](06_actors.ipynb)
