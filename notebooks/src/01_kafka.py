# %% [markdown]
# # 01 · Kafka: records that stay
#
# In half an hour you send records to a real Kafka broker, read them twice, share the work in a group, and pull the plug without
# losing one.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | send records, read them again and again, spread them over partitions, share them in a group, stop the broker under way |
# | **You learn** | what topic, offset, partition, key and consumer group are, and what Kafka promises about each |
# | **You need** | lesson 00; no knowledge of Kafka |
# | **Time** | 30 minutes, and the exercises as long as you like |
# | **Plan** | half day: the first lesson together; full day: the first lesson of the morning |

# %%
# pipeline: topics

# %% tags=["parameters"]
fast = False  # True where nobody watches, as in automatic tests

# %% tags=["setup"]
from kafka import TopicPartition
from kafka.partitioner.default import murmur2

from modelserving.kafka import read_topic
from modelserving.workshop import GroupMember, happened, lag, records_table, show
from modelserving.workshop import start, table, take, topic_setting

lesson = start("01", fast=fast)

# %% [markdown]
# ## A log that only grows
#
# You keep a wine cellar. Every barrel reports its temperature, and several programs want to know: an alarm, a chart, next year's
# statistics. Do you send each report three times?
#
# With Kafka you write it down once. A **topic** is a logbook: new lines go to the end, and nothing that is written changes.

# %% tags=["nbval-check-output"]
cellar = lesson.topic("cellar")
producer = lesson.producer()
receipt = producer.send(cellar, key=b"merlot", value=b"12.5").get(timeout=10)

happened(f"The broker wrote your record into `{receipt.topic}`, at offset **{receipt.offset}**.")

# %% [markdown]
# A record has a **value** (what you have to say) and may have a **key** (what it is about). Both are bytes.
# The **offset** is its line number in the logbook.
#
# > **Predict, then run.** Which offsets will the next two records get?

# %% tags=["nbval-check-output"]
second = producer.send(cellar, key=b"merlot", value=b"12.6").get(timeout=10)
third = producer.send(cellar, key=b"merlot", value=b"12.9").get(timeout=10)

happened(f"They got offsets **{second.offset}** and **{third.offset}** of `{third.topic}`.")

# %% [markdown]
# ## Reading takes nothing away
#
# A **consumer** begins at the top of the logbook and asks for what comes next.

# %% tags=["nbval-check-output"]
alarm = lesson.consumer(cellar, "alarm")
records_table(take(alarm, 3))

# %% [markdown]
# `take` is ours, and short; the work is done by the consumer's `poll`, which answers with whatever is there.

# %%
show(take)

# %% [markdown]
# > **Predict, then run.** The alarm has read the three records. Now the chart comes, a second consumer. How many will it find?

# %% tags=["nbval-check-output"]
chart = lesson.consumer(cellar, "chart")
records_table(take(chart, 3))

# %% [markdown]
# All of them. A queue hands each message to one receiver and forgets it; a log lets everybody read. What did change is the alarm's
# bookmark, its **position**. And a bookmark can be moved:

# %%
logbook = TopicPartition(cellar, 0)
alarm.position(logbook)

# %% tags=["nbval-check-output"]
alarm.seek(logbook, 1)
again = [record.offset for record in take(alarm, 2)]

happened(f"The alarm read offsets {again} of `{cellar}` once more: a **replay**.")

# %% [markdown]
# That is more than a trick. When you improve the program that makes the statistics, let it read everything again.

# %% [markdown]
# ## Partitions: where the order ends
#
# One logbook is kept by one machine. A busy topic is therefore split into several: **partitions**. Let us have three, and four barrels,
# named for what is in them, that report three times each.

# %%
barrels = lesson.topic("barrels", partitions=3)
names = ("merlot", "syrah", "chianti", "malbec")
for report in (1, 2, 3):
    for name in names:
        producer.send(barrels, key=name.encode(), value=f"report {report}".encode())
producer.flush()

# %% [markdown]
# > **Predict, then run.** You sent report 1 of every barrel, then report 2, then report 3. In which order will a reader get them?

# %%
written = list(read_topic(lesson.connection, barrels))
records_table(written)

# %% [markdown]
# Look at one barrel, then at one partition. **Within** a partition the order is the one in which you sent. **Between** partitions there is
# none, and each counts its offsets from 0.

# %% tags=["nbval-check-output"]
homes = {record.key.decode(): record.partition for record in written}
table("Each key has one home", sorted(homes.items()), "key", "partition")

# %% [markdown]
# Who decided that? The producer: it makes a number of the key, and takes the remainder. Do not believe it; work it out:

# %% tags=["nbval-check-output"]
ours = {key: (murmur2(key.encode()) & 0x7FFFFFFF) % 3 for key in homes}
assert ours == homes

happened(f"All {len(homes)} keys are where the sum says. **Same key, same partition.**")

# %% [markdown]
# So the key is how you say: *these belong together, keep them in order*.

# %% [markdown]
# ## Exercise: keys

# %%
# exercise: kafka-keys

# %% [markdown]
# ## A group shares the work
#
# One helper is not enough to look after all barrels? Give several consumers the same **group** name, and the broker divides the
# partitions among them. Our helpers are programs of their own, so that we can be rude to them later.

# %%
helpers = lesson.group("helpers")
ann = lesson.manage(lambda: GroupMember(lesson.connection, barrels, helpers), name="ann")
ann.wait_for_partitions(3)

# %% [markdown]
# Ann is alone, so she has all three. Now Bob comes to help.
#
# > **Predict, then run.** Three partitions, two helpers: who gets what?

# %%
bob = lesson.manage(lambda: GroupMember(lesson.connection, barrels, helpers), name="bob")
bob.wait_for_partitions(1, 2)
ann.wait_for_partitions(1, 2)

happened(f"Ann has partitions {list(ann.partitions)} of `{barrels}`, Bob {list(bob.partitions)}.")

# %% [markdown]
# A partition never has two readers in one group, so a fourth helper for three partitions would stand idle.
#
# When a helper has dealt with a record, it says so to the broker: it **commits**. How far a group is behind is its **lag**; it is 0 when
# all is done. The barrels report once more:

# %%
def report_again(text):
    for name in names:
        producer.send(barrels, key=name.encode(), value=text.encode())
    producer.flush()
    lesson.wait_for(lambda: not any(lag(lesson.connection, helpers, barrels).values()), "no lag")
    return lag(lesson.connection, helpers, barrels)


report_again("report 4")

# %%
happened(f"Ann dealt with {len(ann.records)} records, Bob with {len(bob.records)}. The lag is 0.")

# %% [markdown]
# Ann has more, for she was there first. Another group, say the chart's, would get every record again: groups do not take from each
# other. Remember that for later. Servers that share the wines are one group; but when a new *model* arrives, every server needs it.

# %% [markdown]
# ## Exercise: commits

# %%
# exercise: kafka-commit

# %% [markdown]
# ## How long is "stay"?
#
# Not for ever, unless you say so. Each topic has a time after which old records go.

# %%
milliseconds = int(topic_setting(lesson.connection, cellar, "retention.ms"))
happened(f"Records in `{cellar}` stay for {milliseconds / 86_400_000:.0f} days, read or unread.")

# %% [markdown]
# There is a second way. Sometimes only the newest record of a key counts: the label on a barrel, or the model for a kind of wine.
# Such a topic is **compacted**: the broker drops a record when a newer one has the same key.

# %%
labels = lesson.topic("labels", compacted=True)
producer.send(labels, key=b"merlot", value=b"young")
producer.send(labels, key=b"syrah", value=b"young")
producer.send(labels, key=b"merlot", value=b"good")
producer.send(labels, key=b"syrah", value=b"too old")
producer.send(labels, key=b"merlot", value=b"very good")
producer.flush()

# %% [markdown]
# > **Predict, then run.** Which of the five will be left, and at which offsets?

# %% tags=["nbval-check-output"]
def labels_left():
    # The newest record of all is never cleaned up, so there must be one after the labels.
    producer.send(labels, key=b"end", value=b"of the list").get(timeout=10)
    return [record for record in read_topic(lesson.connection, labels) if record.key != b"end"]


lesson.wait_for(lambda: len(labels_left()) == 2, "the clean-up")
left = labels_left()
records_table(left)

# %%
offsets = [record.offset for record in left]
happened(
    f"Offsets {offsets} of `{labels}` are left: the last label of each barrel. "
    "The others are gone, but nobody moved up: a record keeps its offset."
)

# %% [markdown]
# A reader who comes next year gets one label for each barrel, and not the history. The models of this workbook travel on such a topic.
# (A real broker cleans up every now and then; for this lesson it does so five times a second.)

# %% [markdown]
# ## Break it: kill a helper
#
# Bob's program is killed, as by a crash: he cannot say goodbye.
#
# > **Predict, then run.** Who looks after Bob's partitions, and how does anybody notice that he is gone?

# %% tags=["breaks"]
lost = bob.partitions
bob.kill()
ann.wait_for_partitions(3)

happened(f"Bob had {list(lost)}. After six seconds without a sign of life, they went to Ann.")

# %% [markdown]
# Is Ann really doing his work?

# %%
report_again("report 5")
ann

# %% [markdown]
# ## Break it: stop the broker
#
# Now the broker itself. (In a terminal: `modelserving broker stop`.)

# %% tags=["breaks"]
lesson.stop_broker()

# %% [markdown]
# > **Predict, then run.** You send a report while there is no broker. An error? Lost? Or what?

# %% tags=["breaks"]
promise = producer.send(cellar, key=b"merlot", value=b"13.1, and nobody listens")
promise.is_done

# %% [markdown]
# None of these. `send` only makes a promise, and `False` says that it is still open: the producer keeps the record, and tries again for two
# minutes. So there is time to start the broker. (In a terminal: `modelserving broker start`.)

# %% tags=["breaks"]
lesson.start_broker()

# %% tags=["nbval-check-output"]
late = promise.get(timeout=60)
survivors = list(read_topic(lesson.connection, cellar))

happened(
    f"The promise was kept: offset **{late.offset}** of `{late.topic}`. "
    f"The {len(survivors) - 1} records from before the stop are all there, at their old offsets."
)

# %% tags=["nbval-check-output"]
records_table(survivors)

# %% [markdown]
# ## Recap
#
# You can now send, read, replay and share records, and say what happens when a helper or the broker goes away.
#
# * A **topic** is a log that only grows; an **offset** is a record's place in it, for good.
# * **Reading takes nothing away.** Each reader, or group of readers, has its own position.
# * **Same key, same partition, in order.** Between partitions there is no order.
# * A **group** divides the partitions; what a lost member had not committed, another one gets again: **at least once**.
# * Records stay for a time, or, in a **compacted** topic, as long as they are the newest of their key.
#
# **In practice** each partition is copied to three machines, so that one may burn. The rest is as you have seen it.
#
# **Source**: [modelserving/kafka/clients.py](../modelserving/kafka/clients.py), [modelserving/workshop/processes/member.py](../modelserving/workshop/processes/member.py), [modelserving/workshop/display/reading.py](../modelserving/workshop/display/reading.py)

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [02 · The client, and records as bytes](02_client_and_records.ipynb)
