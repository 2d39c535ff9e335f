# %% [markdown]
# # 00 · First scores, then the set-up check
#
# In five minutes you see a model server score wines, take a better model, and come back from a crash; then you send a record of your own.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | watch real scores, change the model, kill the server, stop Kafka; let a doctor look at this machine, send one record and read it |
# | **You learn** | what all of this is about, how lessons and exercises work here, and what to do when something is red |
# | **You need** | nothing but the set-up: `make lab` has done it |
# | **Time** | 15 minutes |
# | **Plan** | half day and full day: before the workshop begins, at home if you can |
#
# **How to read along.** A grey cell is code. Click into it and press **Shift+Enter**: it runs, and the next one is selected.
# This is your own copy, in the folder `work`; change whatever you like.

# %%
# pipeline: pipeline

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
from collections import Counter
from itertools import pairwise

from modelserving.workshop import records_table, start, table
from modelserving.config import Settings, data_folder
from modelserving.kafka import read_topic
from modelserving.records import decode_scored, read_wines
from modelserving.workshop.display.running import RunningSystem
from modelserving.workshop.lab.doctor import check_home, examine

lesson = start("00", fast=fast)

# %% [markdown]
# Three lines, the same in each lesson: where the broker is, what belongs to this lesson alone, and how to begin again.
# Nothing here can be reached from another machine: everything listens on `127.0.0.1`, your own computer.
#
# ## What is a score?
#
# Tasters gave Portuguese red wines a **grade**, from 0 (very bad) to 10 (excellent), and a laboratory measured eleven things in
# each of them. Our wines are drawn from what was published about those. A **model** has learnt from some of ours to tell the grade
# from the measurements. What it says of a wine is the wine's **score**, and one model is better than another if its scores are
# nearer to the grades.

# %%
graded = list(read_wines(data_folder() / "wine_red.csv"))
wine, grade = graded[0]
shown = "fixed_acidity volatile_acidity residual_sugar sulphates alcohol".split()
rows = [(name.replace("_", " "), getattr(wine, name)) for name in shown]
rows.append(("the tasters' grade", grade))
table("One wine: five of its measurements, and its grade", rows, "what", "value")

# %% [markdown]
# ## The whole, running
#
# This cell starts all that you saw in the picture: a **client**, which sends ten wines a second, and a **server**, which scores them. It takes
# some seconds. Then each point is one wine; its height is the score. The first wines waited until the server was up, so the first times
# below the picture are seconds.

# %%
system = lesson.manage(lambda: RunningSystem(lesson), name="system")
system.view

# %%
first = system.view.wait_for(lambda s: s.scored >= 30, within_s=60)
lesson.tell("first-scores")

# %% [markdown]
# Now the buttons above the picture. Click them in this order, and look at the picture each time. (If you do not click, the cells do it.)
#
# ### Send a better model

# %%
# predict: better

# %%
seen = system.see_better_model()

def answers():
    records = read_topic(lesson.connection, lesson.topics.scored)
    return [decode_scored(record.value) for record in records]

def changed():
    given = answers()
    return given[-1].model_name != given[0].model_name

arrived = lesson.wait_for(changed, "its first scores")

# %%
both = list(pairwise(answers()))
change = next(n for n, (one, two) in enumerate(both) if one.model_name != two.model_name)
last, first = both[change]
around = both[max(0, change - 20) : change + 20]
longest = max(two.scored_at_ns - one.scored_at_ns for one, two in around) / 1e9
lesson.tell("better")

# %% [markdown]
# Is it really better? We know the grade of each wine that was scored:

# %%
def fewest():
    return min(Counter(one.model_name for one in answers()).values())

lesson.wait_for(lambda: fewest() >= 30, "30 scores")
off = {}
for one in answers():
    grade = graded[one.offset % len(graded)][1]
    off.setdefault(one.model_name, []).append(abs(one.prediction - grade))
rows = [(name, len(each), f"{sum(each) / len(each):.2f}") for name, each in off.items()]
table("How far from the tasters, on average", rows, "model", "wines", "grades off")

# %% [markdown]
# It is; though not by as much as it seems, for most of these wines it was trained with. Of wines that it had never seen, the first model is off by 0.54 of a
# grade, this one by 0.42. (Lesson 05 looks closely.)
#
# ### Kill the server

# %%
# predict: killed

# %% tags=["breaks"]
back = system.see_server_back()

# %%
given = answers()
times = Counter(one.offset for one in given)
scored = len(given)
missing = [offset for offset in range(max(times)) if not times[offset]]
doubled = [offset for offset in times if times[offset] > 1]
lesson.tell("killed")

# %% [markdown]
# ### Stop the broker
#
# **Kafka** is what stands between client and server, and keeps every wine until somebody has scored it. Its server is called the **broker**.
# Now that one goes away for some seconds:

# %% tags=["breaks"]
back = system.see_broker_back()
lesson.tell("broker-back")

# %% [markdown]
# That is all of it. Each lesson opens one box of the picture: **01** Kafka, **02** the client and its messages, **03** streams, **04** the server,
# **05** its models, and later lessons other servers for the same job. Play on with the buttons as long as you like. Then:

# %%
system.close()

# %% [markdown]
# ## Is everything here?
#
# `examine()` looks at all that set-up should have brought. It changes nothing and needs no network.

# %%
report = examine()
report

# %% [markdown]
# Each line should say `ok`. Where one says `PROBLEM`, its last column has the exact thing to do; do it, and run the cell again.
# In a terminal, `modelserving doctor` does the same. (A terminal: menu **File**, **New**, **Terminal**.)

# %%
lesson.tell("verdict")

# %% [markdown]
# ## The first record
#
# A broker keeps **records** in **topics**. Let us make a topic and put one record into it.

# %%
# predict: first-offset

# %%
hello = lesson.topic("hello")
producer = lesson.producer()
receipt = producer.send(hello, value=b"Is anybody there?").get(timeout=10)

lesson.tell("first-offset")

# %% [markdown]
# A receipt is good. Doubt it all the same: is the record really there?

# %% tags=["nbval-check-output"]
records_table(read_topic(lesson.connection, hello))

# %% [markdown]
# It is. Kafka does not know what it means: for the broker, a record is bytes, and `b"..."` is how Python writes them.

# %% [markdown]
# ## Exercise
#
# This is how exercises go: fill in each `...`, run the cell, then run the check below it. The check does not compare your code with
# ours; it asks the broker what your code did. Stuck? The check cell says how to get a hint.

# %%
# exercise: hello-broker

# %% [markdown]
# ## Break it
#
# What does a problem look like? Let us examine a machine that is not ready: one whose data folder cannot be written, since a file stands
# in its place.

# %% tags=["breaks"]
in_the_way = lesson.folder / "a-file"
in_the_way.write_text("I am no folder")
sick = examine(Settings(home=in_the_way / "data"), checks=(check_home,))
sick

# %%
problem = sick.problems[0]
lesson.tell("says-what-to-do")

# %% [markdown]
# Remove the file, and the machine is well again.

# %%
in_the_way.is_file() and in_the_way.unlink()
examine(Settings(home=in_the_way / "data"), checks=(check_home,))

# %% [markdown]
# ### When something goes wrong
#
# | what you see | what to do |
# |---|---|
# | a line `PROBLEM` above | what its last column says |
# | a cell shows `[*]` and nothing happens | it still works; the square button above stops it. If that does not help: menu **Kernel**, **Restart Kernel** |
# | after a restart, `NameError` | run the cells from the top: menu **Run**, **Run All Above Selected Cell** |
# | `BrokerUnavailable` | run the set-up cell again (the one with `start`); it starts the broker if there is none |
# | you have spoiled this notebook | rename it, and start `make lab` again: it puts a fresh copy beside it |
# | all else | `modelserving broker logs` in a terminal shows what the broker wrote; `modelserving lesson reset` says what the lessons have made, asks, and deletes it |

# %% [markdown]
# ## Recap
#
# You can now run a lesson, read what the doctor says, send a record and find it again, and ask for a hint.
#
# * A **client** sends records and models, a **server** scores, the **broker** between them keeps what was sent.
# * A better model is a message. A server that was killed goes on where it had stopped.
# * A **broker** keeps records in **topics**, and numbers them: the **offset**.
# * A **receipt** says where a record went.
# * An exercise is checked by asking the broker.
#
# **In practice**, the broker is a cluster of several machines that somebody else runs. Set `KAFKA_BOOTSTRAP_SERVERS` to its address before
# `make lab`, and all of this runs there.
#
# **Source**: [modelserving/workshop/lab/doctor.py](../modelserving/workshop/lab/doctor.py), [modelserving/broker/embedded.py](../modelserving/broker/embedded.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [01 · Kafka: records that stay](01_kafka.ipynb)
