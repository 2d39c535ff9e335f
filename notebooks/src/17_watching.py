# %% [markdown]
# # 17 · Watching models
#
# You ask a server how it is, let the world change on purpose and see who notices, and say with a number whether another model is better.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | read what a server says of itself, and write an alert · break an instrument, and see the drift · send the truth, days later, and see how good the answers were · let a model be promoted only if it is surely better · score the log again with a model that never served · kill the monitor |
# | **You learn** | what counters, alerts and drift can tell, what only the truth can, and how "the shadow is better" becomes a sentence with a number in it |
# | **You need** | lesson 05 for models, commands and shadows |
# | **Time** | 25 minutes, and the exercises as long as you like |
# | **Plan** | half day: drift and truth, shown from the front; full day: all of it, at home |

# %%
# pipeline: wine-scored statistics views

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import random
from dataclasses import replace

from modelserving.workshop import start, table

import httpx

from modelserving.client import Dataset, Publisher, Rate
from modelserving.config import data_folder
from modelserving.kafka import end_offsets, read_topic
from modelserving.models.store.bundled import read_catalog
from modelserving.records import decode_scored, read_wines
from modelserving.workshop.processes.process import ServerProcess
from modelserving.workshop.processes.terminal import terminal

lesson = start("17", fast=fast)

# %% [markdown]
# ## Two servers
#
# One scores wines, as always. The other one, `modelserving serve monitor`, scores nothing: it follows the topics of the first, and looks.

# %%
own = {"MODELSERVING_REPOSITORY": str(lesson.folder / "repository")}

groups = {kind: lesson.group(kind, goes_on=True) for kind in ("stage", "monitor")}

def serve(kind, *more, port="0"):
    options = ("--port", port, "--group", groups[kind], *more)
    return lesson.manage(lambda: ServerProcess(kind, lesson.prefix, options, own), name=kind)

server, monitor = serve("stage", "--no-preload"), serve("monitor")
server.wait_until_serving()
monitor.wait_until_serving()
monitors_port = monitor.url.rpartition(":")[2]

# %% [markdown]
# A line serves, and a forest scores half of the wines beside it, in the shadow:

# %%
from modelserving.models.admin.publish import publish_model
from modelserving.models.store.repository import ModelRepository

kept = ModelRepository(lesson.folder / "repository")
catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
line, forest = catalog["wine-linear-regression"], catalog["wine-random-forest-onnx"]
for model in (line, replace(forest, shadow_percent=50)):
    publish_model(lesson.connection, lesson.topics, model, kept)
lesson.wait_for(lambda: server.get("/state")["shadow"], "both models")
server.get("/state")["name"]

# %% [markdown]
# The wines come in random order. Each has a grade that tasters gave it, which no server is told:

# %%
graded = list(read_wines(data_folder() / "wine_red.csv"))
random.Random(17).shuffle(graded)
wines, grades = zip(*graded)

def send(until, **how):
    """Publish the wines that are not there yet, until there are that many."""
    there = end_offsets(lesson.connection, lesson.topics.records)[0]
    if some := wines[there:until]:
        rate = Rate(record_interval_ms=0, max_records=len(some), keyed=True, **how)
        client = Publisher(lesson.connection, Dataset(some), rate, lesson.topics)
        lesson.background(client.run, "client")

# %% [markdown]
# ## What a server says of itself
#
# Each server has a page at `/metrics`. It is not for people: **Prometheus**, a program that collects such figures of many servers, asks for it every fifteen
# seconds, say, and writes down what it finds.

# %%
from prometheus_client.parser import text_string_to_metric_families

def metrics(of):
    page = httpx.get(f"{of.url}/metrics", timeout=10, trust_env=False).text
    told = [one for family in text_string_to_metric_families(page) for one in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in told}

before = metrics(server)
rows = [(" ".join(name), value) for name, value in before.items() if "modelserving_r" in name[0]]
table("Some of what it says", rows, "name and labels", "value")

# %%
# predict: between

# %%
send(400)
SCORED = ("modelserving_records_scored_total",)
lesson.wait_for(lambda: metrics(server)[SCORED] == before[SCORED] + 400, "400 scores")
after = metrics(server)
lesson.tell("between")

# %% [markdown]
# For people there is a page at `/`. Here is the monitor's. Leave it open:

# %%
from modelserving.workshop.display.page import server_page

server_page(monitor)

# %% [markdown]
# ## Exercise: a counter that begins again

# %%
# exercise: watch-increase

# %% [markdown]
# ## When to wake somebody
#
# An **alert** is a question about such numbers that is asked again and again, and the time for which the answer must be yes. The package has some, in
# [alerts.yml](../modelserving/monitoring/metrics/files/alerts.yml), and each is tested. A good one says what is wrong, and what to do:

# %%
import yaml

import modelserving.monitoring.metrics as package
from importlib.resources import files

text = (files(package) / "files" / "alerts.yml").read_text()
rules = yaml.safe_load(text)["groups"][0]["rules"]
rows = [(one["alert"], one.get("for", "0m"), one["annotations"]["action"]) for one in rules]
table("Who is woken, and why", rows, "alert", "after", "what to do")

# %% [markdown]
# ## Exercise: whom does it wake?

# %%
# exercise: watch-alert

# %% [markdown]
# ## The world changes
#
# Somebody drops the instrument that measures alcohol. From now on it shows 1.5 too much: of 10 % it makes 11.5 %. Nobody says so. The server goes on, quick and without an error: all its
# metrics are fine. The monitor watches the mean of each column, and that of the answers.

# %%
# predict: seen

# %%
# predict: which

# %%
from modelserving.client.drift import parse_drift

def looked_at(column):
    return metrics(monitor).get(("modelserving_drift_values_total", column, "wine"), 0)

send(800, drift=parse_drift("alcohol+1.5"))
if len(monitor.get("/drift")["recent"]) < 2:  # or else this runs for the second time
    lesson.wait_for(lambda: min(map(looked_at, ("alcohol", "prediction"))) >= 800,
                    "the monitor to have seen all wines, and all answers")
alarms = lesson.wait_for(lambda: monitor.get("/drift")["recent"], "what it says")
seen_after = int(alarms[0].partition("seen after ")[2].split()[0]) - 400
lesson.tell("seen")

# %%
drifting = monitor.get("/drift")["drifting"]
table("What drifts", [(one,) for one in drifting], "in the monitor's words")

# %%
lesson.tell("which")

# %% [markdown]
# Is the model wrong now? Or are these simply stronger wines, and rightly better ones? **The monitor cannot know.** Drift is a question. The answer is the truth.
#
# ## Truth comes late

# %%
# diagram: truth

# %% [markdown]
# Days later the tasters have done their work: first on the wines from before the accident. A truth is a message that says of which record it is: here by partition and
# offset. The monitor **joins** both streams, by Kafka Streams; an answer waits for its truth for seven days.

# %%
from modelserving.monitoring.replay.answers import RecordPosition
from modelserving.monitoring.truth.topic import Truth, read_truths, send_truths

def scored():
    messages = read_topic(lesson.connection, lesson.topics.scored)
    return sorted((decode_scored(one.value) for one in messages), key=lambda one: one.offset)

def taste(first, last):
    told = {truth.position for truth in read_truths(lesson.connection, lesson.topics)}
    positions = {RecordPosition(one.partition, one.offset) for one in scored()[first:last]} - told
    truths = [Truth(float(grades[position.offset]), position) for position in positions]
    return send_truths(lesson.connection, lesson.topics, truths)

def quality(pairs):
    def told():
        found = [one for one in monitor.get("/quality") if one["model"] == line.name]
        return found and found[0]["pairs"] >= pairs and found[0]
    return lesson.wait_for(told, f"{pairs} pairs")

# %%
taste(0, 400)
first = quality(400)
rows = [(name, f"{first[name]:.3f}") for name in ("mean_error", "mean_absolute_error")]
table(f"{first['model']}, over {first['pairs']} pairs", rows, "what", "grades")

# %% [markdown]
# Its numbers are sums over pairs of answer and truth. By hand, for these 400 wines:

# %%
from modelserving.monitoring.truth.quality import Quality

answers = [(one.prediction, grades[one.offset]) for one in scored()[:400]]
everybody = Quality()
for answer, truth in answers:
    everybody.add(answer, truth)
f"{everybody.mean_error:+.3f} grades: the mean of answer minus truth"

# %%
# predict: late

# %%
taste(400, 800)
both = quality(800)
lesson.tell("late")

# %% [markdown]
# ## Truth that never comes
#
# Not everybody is asked. Suppose that only wines with a good answer are bottled, and only bottled wines are tasted. We take the wines from before the accident, `everybody`, and of them the bottled ones:

# %%
bottled = Quality()
for answer, truth in answers:
    if answer > 6:
        bottled.add(answer, truth)

# %%
# predict: never

# %%
lesson.tell("never")

# %% [markdown]
# ## Is the shadow better?
#
# The forest has stood in the shadow of the line. In the server, nobody compares its answers with the truth; but the log has all wines, so the monitor asks it about the very
# ones whose truth has come:

# %%
def beside():
    rows = [one for one in monitor.get("/quality") if one["place"] == "shadow"]
    return rows and rows[0]["pairs"] >= 800 and rows[0]

shadow = lesson.wait_for(beside, "the shadow to be asked, too")
shown = "pairs mean_absolute_error gain doubt".split()
rows = [(name, f"{shadow[name]:.4g}") for name in shown]
table(f"{shadow['model']} in the shadow, on the same wines", rows, "what", "value")

# %% [markdown]
# A promotion can ask for proof. The forest is nearer to the tasters by more than 0.15, says the gain. So we ask for 0.15.

# %%
# predict: better

# %%
def models(command):
    return terminal(f"modelserving models {command} --prefix {lesson.prefix}", own)

first_try = models("promote wine --if-better-by 0.15")
first_try

# %%
lesson.tell("better")

# %% [markdown]
# There is the sentence: by how much, on how many records, with which doubt. Better by a tenth of a grade it is for certain:

# %%
promoted = models("promote wine --if-better-by 0.1")
lesson.wait_for(lambda: server.get("/state")["name"] == forest.name, "the forest to serve")
promoted

# %% [markdown]
# ## Exercise: better by at least

# %%
# exercise: watch-better

# %% [markdown]
# ## Break it: kill the monitor
#
# Who watches the one who watches?

# %% tags=["breaks"]
monitor.kill()
send(1_000, drift=parse_drift("alcohol+1.5"))
lesson.wait_for(lambda: metrics(server)[SCORED] == after[SCORED] + 600, "200 more wines")
monitor = serve("monitor", port=monitors_port)
lesson.tell("not-noticed")

# %% [markdown]
# The new monitor starts. Meanwhile:
#
# ## A model that never served
#
# The topic still has all wines, and all answers. So a model that never served can be asked what it **would** have said, as a server would have asked it. Nothing live is
# touched.

# %%
# diagram: backtest

# %%
# predict: backtest

# %%
again = models("backtest wine-decision-tree --limit 3")
by_line = again.output.partition("served by wine-linear-regression")[2]
same = float(by_line.partition("): ")[2].partition("%")[0])
lesson.tell("backtest")

# %%
again

# %% [markdown]
# And what does the new monitor know?

# %%
# predict: killed

# %%
monitor.wait_until_serving()
pairs_now, watched = quality(800), monitor.get("/drift")["values"]
lesson.tell("killed")

# %% [markdown]
# ## The whole story, in one picture

# %%
from modelserving.workshop.display.figures import timeline

points = [(one.offset, one.prediction, one.model_name) for one in scored()]
says = "At wine 400 the instrument breaks, and the answers rise; at 800 the forest takes over."
timeline(points, says, x="wine", y="answer, grades")

# %% [markdown]
# ## Recap
#
# * **Metrics** say how a server is. A counter loses nothing between two questions, and begins again with the server.
# * An **alert** is a question, a time and what to do. One that wakes for nothing is soon not heard.
# * **Drift** is seen without the truth, within some hundred records, and says only that something is different.
# * **Truth** comes late, or for some only; joined with the answers it is the one measure that counts.
# * "The shadow is better" has a number, a count and a doubt in it; a promotion can ask for that.
#
# You can now see that a model fails although its server does not.
#
# **In practice** begin with two alerts, lag and dead letters. Let `modelserving serve monitor` run beside every pipeline, find out how late your truth is, and who never
# gets one. State how often your drift alarm is wrong before you let it roll back (`--roll-back`).
#
# **Source**: [server_metrics.py](../modelserving/monitoring/metrics/server_metrics.py), [detector.py](../modelserving/monitoring/drift/detector.py),
# [join.py](../modelserving/monitoring/truth/join.py), [quality.py](../modelserving/monitoring/truth/quality.py),
# [backtest.py](../modelserving/monitoring/replay/backtest.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Back to the start: [00 · First scores](00_setup_check.ipynb)
