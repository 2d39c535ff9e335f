# %% [markdown]
# # 16 · Several models, one answer in time
#
# You ask a smart model and a fast one about the same wine, give the best answer that has come when the time is over, and make the smart one slow on purpose.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | decide by hand between two answers · let time run out on a clock of your own · watch who answers in a real server, and move the deadline and the slowness · see what becomes of a model that is late again and again · let three models vote, and five noisy copies of one · kill the server in the middle |
# | **You learn** | what speculative execution buys and costs, how one answer is made of several, and why a deadline belongs to a record |
# | **You need** | lesson 04 for the stage, lesson 05 for models as messages |
# | **Time** | 25 minutes, and the exercises as long as you like |
# | **Plan** | half day: deciders, and the sliders; full day: all of it |

# %%
# pipeline: wine-records score slot wine-scored

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
from collections import Counter
from dataclasses import asdict, replace

from modelserving.workshop import show, start, table
from modelserving.client import load_dataset
from modelserving.config import data_folder
from modelserving.kafka import read_topic
from modelserving.records import decode_scored

lesson = start("16", fast=fast)

# %% [markdown]
# ## Two models, one wine
#
# The smart model is better, and sometimes slow. The fast one is worse, and always there. Why choose? Ask **both**, and take the best answer that has come when
# somebody needs it. The work of the other one was for nothing: it was done *on speculation*.
#
# Here is what a **decider** sees: the answers so far, and who is still waited for.

# %%
# diagram: speculative

# %%
from modelserving.speculative import deciders
from modelserving.speculative.answers import Answer, Case, Participant, Responder

smart, quick = Participant("smart", rank=0), Participant("fast", rank=1)

def answer(name, value):
    return Answer(value, None, 1.0, Responder(name, None))  # no label, quite sure

def case_of(*answers, waiting=()):
    return Case(answers, waiting, (smart, quick))

case = case_of(answer("fast", 5.0), waiting=(smart,))
rows = [("answers so far", case.answers[0].value), ("waited for", case.waiting[0].name)]
table("A case", rows, "what", "which")

# %%
# predict: two

# %%
while_waiting = deciders.best_in_time(case_of(answer("fast", 5.0), waiting=(smart,)))
when_over = deciders.best_in_time(case_of(answer("fast", 5.0)))
best_is_there = deciders.best_in_time(case_of(answer("smart", 7.0), waiting=(quick,)))
lesson.tell("two")

# %%
show(deciders.best_in_time)

# %% [markdown]
# `None` means "not yet". A decider knows no clock and no Kafka; it is a function, and you can write another one.
#
# ## Exercise: a cautious one

# %%
# exercise: speculative-cautious

# %% [markdown]
# ## Time, on a clock of your own
#
# Somebody has to bring the answers together, and to say when the time is over: the **collector**. It has no clock either. It is *told* the time, so we can play
# any story in no time at all. Two wines arrived at 0; the deadline is 50 ms.

# %%
from modelserving.speculative.collector import AnswerCollector
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings

def wanted(deadline_ms, *names, **more):
    participants = tuple(ParticipantSettings(name) for name in names or ("smart", "fast"))
    return SpeculativeSettings("wine", participants, deadline_ms, **more)

MS = 1_000_000  # nanoseconds
collector = AnswerCollector(2, wanted(50), 0, ["smart", "fast"])
collector.answer("fast", range(2), [answer("fast", 5.0), answer("fast", 6.0)], 2 * MS)
collector.answer("smart", range(1), [answer("smart", 7.0)], 30 * MS)
f"still open: {collector.open}"

# %% [markdown]
# The smart model has answered to the first wine only; one is open. Its second answer comes after 51 ms.

# %%
collector.answer("smart", range(1, 2), [answer("smart", 8.0)], 51 * MS)
given = [decision.choice.value for decision in collector.decisions]
lesson.tell("late")

# %% [markdown]
# And if somebody changes the deadline while a wine waits?

# %%
waiting = AnswerCollector(1, wanted(5_000), 0, ["smart", "fast"])
waiting.answer("fast", range(1), [answer("fast", 5.0)], 2 * MS)
before = waiting.open

# %%
# predict: shorter

# %%
waiting.reconfigure(wanted(10), 20 * MS)
after = waiting.open
lesson.tell("shorter")

# %% [markdown]
# ## For real
#
# Each model is published under a data type of its own, so it has all that models have: it is checked, replaced between two records, rolled back. The smart one is
# a forest, the fast one a line.

# %%
from modelserving.models.admin.publish import publish_model
from modelserving.speculative.control import create_settings_topic

dataset = load_dataset(data_folder())
known = {model.name: model for model in dataset.models}
names = {"wine-smart": "wine-random-forest", "wine-fast": "wine-linear-regression",
         "wine-third": "wine-perceptron"}
for data_type, name in names.items():
    model = replace(known[name], data_type=data_type)
    publish_model(lesson.connection, lesson.topics, model)
create_settings_topic(lesson.connection, lesson.topics)

# %%
from modelserving.client import Dataset, Publisher, Rate
from modelserving.workshop.processes.process import ServerProcess

group = ("--group", lesson.group("server", goes_on=True), "--no-preload")

def serve(*more):
    return ServerProcess.start("speculative", lesson.prefix, (*group, *more))

server = lesson.manage(serve, name="server")

# %% [markdown]
# What is wanted is a message, too: who takes part, the preferred one first; how long one waits; how one answer is made, and which it is if nobody has one in
# time (the `fallback`). In a terminal it is
# `modelserving speculative set wine --participant wine-smart --participant wine-fast --deadline-ms 50`. The view sends it for us:

# %%
from modelserving.widgets.speculative import AnswersView

deadline, slowness = (500, 800) if fast else (50, 80)  # ms; a busy machine needs more
two = wanted(deadline, "wine-smart", "wine-fast", fallback=5.0, pause_ms=500)

def watch():
    return AnswersView(lesson.connection, lesson.topics, lambda: server.url, two)

view = lesson.manage(watch, name="view")
view

# %% [markdown]
# Now the wines, twenty a second. (Before somebody said who takes part, nobody would have answered: no model is published under `wine` itself.)

# %%
lesson.wait_for(lambda: server.get("/speculative"), "the server to hear what is wanted")
wines = Dataset(tuple(w for w in dataset.records if w.data_type == "wine"))
rate = Rate(record_interval_ms=50)
client = lesson.background(Publisher(lesson.connection, wines, rate, lesson.topics).run, "client")

# %%
seen = view.wait_for(lambda s: s.share("wine-smart") > 0, what="an answer of the smart model")
lesson.tell("in-time")

# %% [markdown]
# Each answer says of itself who gave it, who else had answered, and why it is this one. It is in a header of its message:

# %%
from modelserving.speculative.outcome import read_account

def accounts():
    messages = read_topic(lesson.connection, lesson.topics.scored)
    return [read_account(message.headers) for message in messages]

table("One account", list(asdict(accounts()[-1]).items()), "what", "value")

# %% [markdown]
# Now the smart model becomes slow: its answers are held back for 80 ms.

# %%
view.want(slowed_ms=slowness)
lesson.tell("slow")

# %% [markdown]
# **Now it is yours.** Move the sliders. At which deadline does the smart model come back? (Without sliders: `view.want(deadline_ms=100)`,
# `view.want(slowed_ms=0)`.)
#
# ## Late, and late again
#
# The smart model stays as slow as it is now, and the wines go on coming. We let that be for a while.

# %%
# predict: out

# %%
view.want(deadline_ms=deadline, slowed_ms=slowness)
lesson.tell("out")

# %% [markdown]
# Whoever is late five times in a row is **left out** for a while: nobody has to wait for a deadline that will be missed. Then it is asked again, once. How long is a
# while? That can be played on a clock of our own, too: the first pause is half a second, and whenever it is over, the model is late again.

# %%
# predict: pause

# %%
from modelserving.speculative.health import Breaker

breaker, now, pauses = Breaker(misses=4), 0, []  # late four times already
for _ in range(4):
    breaker.missed(now, patience=5, first_pause_ns=500 * MS)
    pauses.append((breaker.until_ns - now) / MS)
    now = breaker.until_ns
lesson.tell("pause")

# %% [markdown]
# Now the smart model becomes quick again:

# %%
view.want(slowed_ms=0)
back = view.wait_for(lambda s: not s.participants[0].waits and s.moments
                     and s.moments[-1].chosen["wine-smart"] > 0, 60, "it to be asked again")
lesson.tell("back-again")

# %% [markdown]
# ## Three, and a vote
#
# With three models or more one can ask for a **consensus**, as in a vote. But who has the majority, where each says another number?

# %%
# predict: vote

# %%
three = wanted(4 * deadline, *names, decider="consensus, best", fallback=5.0)
view.want(4 * deadline, participants=three.participants, decider=three.decider)
of_three = lambda: [one for one in accounts() if len(one.answered_ms) == 3]
vote = lesson.wait_for(of_three, "a wine that all three have answered")[-1]
lesson.tell("vote")

# %% [markdown]
# Of labels a consensus is what more than half say, of numbers the median. So one model that is far off does not matter, however far it is.

# %%
show(deciders.consensus)

# %% [markdown]
# ## Exercise: a vote of copies
#
# What does a vote remove, and what not? One model is enough to see it: copies of it, each with noise of its own.

# %%
# exercise: speculative-noise

# %% [markdown]
# ## Exercise: hedged requests
#
# The same idea without a second model: ask a **copy** of the same one when the first has not answered for a while. It cuts the tail of the latency, for little more work.

# %%
# exercise: speculative-hedged

# %% [markdown]
# ## Break it: kill the server
#
# Several models, answers that come late, a deadline: and if the server dies in the middle of all that?

# %% tags=["breaks"]
server.kill()
port = server.url.rpartition(":")[2]
server = lesson.manage(lambda: serve("--port", port), name="server")
client.stop()
sent = sum(1 for _ in read_topic(lesson.connection, lesson.topics.records))

# %%
def positions():
    messages = read_topic(lesson.connection, lesson.topics.scored)
    return Counter(decode_scored(message.value).offset for message in messages)

lesson.wait_for(lambda: len(positions()) >= sent, "an answer to each wine", 90)
doubled = positions().total() - len(positions())
lesson.tell("killed")

# %% [markdown]
# ## Recap
#
# * **Speculative execution** does work that may not be needed, so that nobody has to wait when it is.
# * A **decider** makes one answer of several: the best in time, the most certain, what most say. It is a plain function.
# * The **deadline** belongs to a record, and runs from when it arrived. What comes later is counted, never used.
# * A vote removes **noise** that each has of its own, and no mistake that all share.
# * Who is late too often is **left out**, and asked again after a pause that grows.
# * What is wanted is a message on a topic. It applies at once, also to the records that wait.
#
# You can now promise an answer in time, and say of each one who gave it.
#
# **In practice** ask whether the second model's work is worth its price: every record is scored twice. Set the deadline from what the reader of the answers needs, not
# from what the models take. Watch how often the fast model answers: that is the quality that you really serve.
#
# **Source**: [deciders.py](../modelserving/speculative/deciders.py), [collector.py](../modelserving/speculative/collector.py),
# [starter.py](../modelserving/speculative/starter.py) for who asks and waits

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [17 · Watching models](17_watching.ipynb)
