# %% [markdown]
# # 00 · Set-up check
#
# In ten minutes you know that this machine is ready, and you have sent your first record through a real Kafka broker.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | let a doctor look at this machine, start a broker, send one record and read it |
# | **You learn** | how lessons and exercises work here, and what to do when something is red |
# | **You need** | nothing but the set-up: `make lab` has done it |
# | **Time** | 10 minutes |
# | **Plan** | half day and full day: before the workshop begins, at home if you can |
#
# The picture shows what you will build up, lesson by lesson: a client sends wines and models through Kafka, and a server scores the wines
# with the newest model. In each lesson, the part that it is about is lit; here, the **topics**, which live in the Kafka broker.
#
# **How to read along.** A grey cell is code. Click into it and press **Shift+Enter**: it runs, and the next one is selected.
# This is your own copy, in the folder `work`; change whatever you like.

# %%
# pipeline: topics

# %% tags=["parameters"]
fast = False  # True where nobody watches, as in automatic tests

# %% tags=["setup"]
from pathlib import Path

from modelserving.config import Settings
from modelserving.kafka import read_topic
from modelserving.workshop import happened, records_table, start
from modelserving.workshop.lab.doctor import check_home, examine

lesson = start("00", fast=fast)

# %% [markdown]
# Three lines, the same in each lesson: where the broker is, what belongs to this lesson alone, and how to begin again.
# Nothing here can be reached from another machine: everything listens on `127.0.0.1`, your own computer.

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
happened(report.verdict)

# %% [markdown]
# ## The first record
#
# A broker keeps **records** in **topics**. Let us make a topic and put one record into it.
#
# > **Predict, then run.** The broker numbers the records of a topic, one after the other. Which number will the first one get?

# %% tags=["nbval-check-output"]
hello = lesson.topic("hello")
producer = lesson.producer()
receipt = producer.send(hello, value=b"Is anybody there?").get(timeout=10)

happened(
    f"The broker put your record into topic `{receipt.topic}` at offset **{receipt.offset}**, "
    "and gave you a receipt for it."
)

# %% [markdown]
# Programmers count from 0, and so does Kafka; the number is called the **offset**. A receipt is good. Doubt it all the same: is the record
# really there?

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
happened(f"The doctor could not write to the {problem.name}, and says what to do: {problem.fix}")

# %% [markdown]
# Remove the file, and the machine is well again.

# %%
in_the_way.unlink()
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
# * A **broker** keeps records in **topics**, and numbers them: the **offset**.
# * A **receipt** says where a record went.
# * An exercise is checked by asking the broker.
#
# **In practice**, the broker is a cluster of several machines that somebody else runs. Set `KAFKA_BOOTSTRAP_SERVERS` to its address before
# `make lab`, and all of this runs there.
#
# **Source**: [modelserving/workshop/lab/doctor.py](../modelserving/workshop/lab/doctor.py), [modelserving/broker/embedded.py](../modelserving/broker/embedded.py)

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [01 · Kafka: records that stay](01_kafka.ipynb)
