# %% [markdown]
# # 15 · Direct or through Kafka, and what comes after
#
# You ask one model in two ways, kill whoever answers, and put a second application behind the scores that nobody misses while it is dead.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | measure a model inside of your process against the same model behind HTTP · kill the service under a direct caller, and under a stream · let a second application raise alarms · kill that one, too |
# | **You learn** | what a call costs and what it risks, what a stream does when a service is away, and what it is worth that two applications share a topic and nothing else |
# | **You need** | lesson 04 for the stage, lesson 14 for delivery |
# | **Time** | 20 minutes, and the exercises as long as you like |
# | **Plan** | half day: not in it; full day: if there is time |

# %%
# pipeline: wine-records stage wine-scored statistics

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import json, time
from collections import Counter
from statistics import median

from modelserving.workshop import show, start, table
from modelserving.config import data_folder
from modelserving.kafka import end_offsets, read_topic
from modelserving.models.formats.factory import create
from modelserving.models.store.bundled import read_catalog
from modelserving.records import decode_scored, encode_descriptor, encode_wine, read_wines
from modelserving.widgets.waiting import waiting
from modelserving.workshop.display.figures import curves
from modelserving.workshop.processes import alarms
from modelserving.workshop.processes.alarms import AlarmApplication
from modelserving.workshop.processes.process import ServerProcess

lesson = start("15", fast=fast)

# %% [markdown]
# ## The same model, in two places
#
# A model can be **embedded**: it is loaded into the process that has the records, as in all lessons so far. Or it is **remote**: a service has it, and is asked
# over HTTP. Here is a random forest, embedded:

# %%
catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
embedded = create(catalog["wine-random-forest-onnx"])
wines = [wine for wine, _ in read_wines(data_folder() / "wine_red.csv")][:1_000]
embedded.score(wines[:3]).values

# %% [markdown]
# And here is a service with the same one, `modelserving serve model`. It speaks the Open Inference Protocol, as MLServer, Triton and KServe do:

# %%
def serve(port="0"):
    options = ("wine-random-forest-onnx", "--port", port)
    return lesson.manage(lambda: ServerProcess.start("model", "", options), name="service")

service = serve()
address = service.url.removeprefix("http://")
address

# %% [markdown]
# To a server of records, a remote model is a model as any other. What is published is a small **description**: where it is, and how it is asked.

# %%
# diagram: service

# %%
from modelserving.records import ModelDescriptor, ModelType

def description(wait_s):
    said = {"remote": f"http://{address}", "model": "wine-random-forest-onnx", "wait_s": wait_s}
    data = json.dumps(said).encode()
    return ModelDescriptor("far-forest", "", "wine", ModelType.REMOTE, data, version="1")

remote = create(description(wait_s=1))
remote.score(wines[:3]).values

# %% [markdown]
# ## What a call costs

# %%
# predict: cost

# %%
def each_us(model, size):
    """Microseconds for each wine, in batches of that size; the median of some."""
    taken = []
    for _ in range(5 if fast else 15):
        started = time.perf_counter()
        model.score(wines[:size])
        taken.append((time.perf_counter() - started) / size * 1e6)
    return median(taken)

sizes = (1, 10, 100, 1_000)
both = {"embedded": embedded, "remote": remote}
with waiting("both to score batches of each size, some times"):
    costs = {name: [(size, each_us(model, size)) for size in sizes] for name, model in both.items()}

# %%
times = [far / near for (_, far), (_, near) in zip(costs["remote"], costs["embedded"], strict=True)]
lesson.tell("cost")

# %%
says = "Time for each wine, by the size of a batch: a request is shared by all wines in it."
curves(costs, says, x="wines in a batch", y="µs for each wine", log=True)

# %% [markdown]
# ## Break it: who calls directly
#
# Now the service dies, and somebody calls it directly, with one wine:

# %%
# predict: direct

# %% tags=["breaks"]
from modelserving.errors import ModelUnreachable

service.kill()
begun = time.monotonic()
try:
    direct = remote.score(wines[:1]).values
except ModelUnreachable as error:
    direct = error
waited_s = time.monotonic() - begun
lesson.tell("direct")

# %% [markdown]
# ## Through Kafka
#
# The same service, asked by the stage, for records from a topic. A server asks only hosts that its operator names
# (`--model-host`): or else whoever may publish a model could make it call anybody.

# %%
service = serve(address.rpartition(":")[2])
producer = lesson.producer()
model = description(wait_s=120)
producer.send(lesson.topics.models, key=model.key, value=encode_descriptor(model)).get(timeout=60)

reading = lesson.group("server", goes_on=True)
options = ("--group", reading, "--no-preload", "--model-host", address)
server = lesson.manage(lambda: ServerProcess.start("stage", lesson.prefix, options), name="server")

# %% [markdown]
# The view has the wines, and how far the server is with them. Leave it open:

# %%
from modelserving.widgets import TopicView

watched = lesson.topics.records
lesson.manage(lambda: TopicView(lesson.connection, watched, reading), name="view")

# %%
def send(count):
    for wine in wines[:count]:
        producer.send(lesson.topics.records, key=b"wine", value=encode_wine(wine))
    producer.flush()

def scored():
    records = read_topic(lesson.connection, lesson.topics.scored)
    return [decode_scored(record.value) for record in records]

send(100)
sent = end_offsets(lesson.connection, lesson.topics.records)[0]
lesson.wait_for(lambda: len(scored()) == sent, "a hundred scores")
lesson.tell("scored-there")

# %%
# predict: through

# %% tags=["breaks"]
service.kill()
before = len(scored())
send(100)
sent = end_offsets(lesson.connection, lesson.topics.records)[0]
while_away = len(scored()) - before
service = serve(address.rpartition(":")[2])
lesson.wait_for(lambda: len(scored()) >= sent, "the rest of the scores", 90)
times_scored = Counter(one.offset for one in scored())
lesson.tell("through")

# %% [markdown]
# Behind that are three things, each from a library that does nothing else: a **time-out**, so that nobody waits for a dead one; a **retry**, each after a longer
# pause; and a **circuit breaker**, which stops the asking for a moment after some failures, so that a service that comes back is not overrun.
#
# ## Exercise: a breaker

# %%
# exercise: pipelines-breaker

# %% [markdown]
# ## A second application
#
# Somebody in the cellar wants an alarm for each bad wine. Nothing of that goes into the model server. It is an application of its own, on Kafka Streams, which
# **joins** the stream of the scores with a **table**: of each kind of wine, the grade below which the cellar wants to know.

# %%
# diagram: second-application

# %%
limits = lesson.topic("limits", compacted=True)
for limit in (b"7", b"5.5"):  # they have changed their mind
    producer.send(limits, key=b"wine", value=limit)
producer.flush()
show(alarms.make_topology)

# %%
show(alarms.find_alarms)

# %%
bells = lesson.topic("alarms")
name = lesson.group("cellar")

def open_cellar():
    words = (lesson.topics.scored, limits, bells, name)
    return lesson.manage(lambda: AlarmApplication(*words), name="cellar")

def rung():
    return [record.value.decode() for record in read_topic(lesson.connection, bells)]

def expected():
    return alarms.find_alarms(scored(), alarms.read_limits(lesson.connection, limits))

# %%
cellar = open_cellar()
lesson.wait_for(lambda: len(rung()) >= len(expected()), "the alarms", 90)
rows = [(alarm,) for alarm in rung()[:5]]
table(f"The first of {len(rung())} alarms for {len(scored())} wines", rows, "alarm")

# %% [markdown]
# ## Kill the second

# %%
# predict: second

# %% tags=["breaks"]
cellar.kill()
before = len(scored())
send(100)
sent = end_offsets(lesson.connection, lesson.topics.records)[0]
lesson.wait_for(lambda: len(scored()) >= sent, "the model server")
went_on, alarms_while_dead = len(scored()) - before, len(rung())

# %%
cellar = open_cellar()
lesson.wait_for(lambda: len(rung()) >= len(expected()), "the alarms that were due", 90)
lost = len(expected()) - len(set(rung()))
doubled = len(rung()) - len(set(rung()))
lesson.tell("second")

# %% [markdown]
# ## Exercise: the join

# %%
# exercise: pipelines-join

# %% [markdown]
# ## Recap
#
# * An **embedded** model costs microseconds, and dies with nobody but its own process. A **remote** one costs a request: share it among many records.
# * Who calls **directly** has to decide in the moment what to do when nobody answers. A **stream** can wait: the records are safe in the topic.
# * A call may be made twice, and its answer appears once (lesson 14).
# * Applications that share **a topic and nothing else** start, stop, die and come late without asking each other.
#
# You can now choose between the two, and say what each does when somebody dies.
#
# **In practice** embed what is small, fast and yours. Ask a service where a model needs a machine of its own, or another team cares for it. Give it a time-out and
# an end to the waiting, and watch the lag: what waits, grows.
#
# **Source**: [service.py](../modelserving/models/formats/remote/service.py) for time-out, retry and breaker,
# [inference.py](../modelserving/web/inference.py) for the service, [alarms.py](../modelserving/workshop/processes/alarms.py) for the second application

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [16 · Several models, one answer in time](16_speculative.ipynb)
