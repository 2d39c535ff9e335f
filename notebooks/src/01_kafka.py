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
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
from time import perf_counter

from modelserving.workshop import GroupMember, lag, records_table
from modelserving.workshop import show, start, table, take, topic_setting

from kafka import TopicPartition
from kafka.partitioner.default import murmur2

from modelserving.kafka import read_topic
from modelserving.widgets import TopicView
from modelserving.workshop.display.figures import bars
from modelserving.workshop.display.lag import LagOverTime
from modelserving.workshop.display.pictures.rebalance import rebalance

lesson = start("01", fast=fast)

# %% [markdown]
# ## A log that only grows
#
# You keep a wine cellar. Every barrel reports its temperature, and several programs want to know: an alarm, a chart, next year's
# statistics. Do you send each report three times?
#
# With Kafka you write it down once. A **topic** is a logbook: a new line goes to its end.

# %% tags=["nbval-check-output"]
cellar = lesson.topic("cellar")
producer = lesson.producer()
receipt = producer.send(cellar, key=b"merlot", value=b"12.5").get(timeout=10)

lesson.tell("receipt")

# %% [markdown]
# A record has a **value** (what you have to say) and may have a **key** (what it is about). Both are bytes.
# The **offset** is its line number in the logbook.

# %%
# predict: next-offsets

# %%
second = producer.send(cellar, key=b"merlot", value=b"12.5").get(timeout=10)
third = producer.send(cellar, key=b"merlot", value=b"12.9").get(timeout=10)

lesson.tell("next-offsets")

# %% [markdown]
# ## Reading
#
# A **consumer** asks the broker for records. It has a name of your choice, here `alarm`; what the name is good for comes with the second reader.

# %% tags=["nbval-check-output"]
alarm = lesson.consumer(cellar, "alarm")
records_table(take(alarm))

# %% [markdown]
# `take` is ours, and short; the work is done by the consumer's `poll`, which answers with whatever is there.

# %%
show(take)

# %% [markdown]
# Here is the logbook as it is now; the bar shows how far the alarm has come. The picture is live: it shows what the broker has, and you may leave it open.

# %%
logbook = TopicPartition(cellar, 0)
bookmarks = {"alarm": {0: alarm.position(logbook)}}
lesson.manage(lambda: TopicView(lesson.connection, cellar, bookmarks=bookmarks), name="view")

# %%
# predict: second-reader

# %%
once_more = take(alarm)
chart = lesson.consumer(cellar, "chart")
found = take(chart)
records_table(found)

# %%
bookmarks["chart"] = {0: chart.position(logbook)}
lesson.tell("second-reader")

# %%
# diagram: log

# %% tags=["nbval-check-output"]
alarm.seek(logbook, 1)
bookmarks["alarm"] = {0: alarm.position(logbook)}
again = [record.offset for record in take(alarm)]

lesson.tell("replay")

# %% [markdown]
# That is more than a trick. When you improve the program that makes the statistics, let it read everything again.

# %% [markdown]
# ## Partitions
#
# One logbook is kept by one machine. A busy topic is therefore split into several: **partitions**. Let us have three, and four barrels,
# named for what is in them, that report three times each. A report is just its number, from 1 to 12.

# %%
barrels = lesson.topic("barrels", partitions=3)
names = ("merlot", "syrah", "chianti", "malbec")
for number, name in enumerate(names * 3, start=1):
    sent = producer.send(barrels, key=name.encode(), value=str(number).encode())
    sent.get(timeout=10)  # the broker has it before the next one is sent

# %%
# predict: order

# %%
written = take(lesson.consumer(barrels, "reader"))
records_table(written)

# %%
arrived = [int(record.value) for record in written]
by_barrel = {name: [int(r.value) for r in written if r.key.decode() == name] for name in names}
late = next((n for n in range(11) if arrived[n] > arrived[n + 1]), 0)
lesson.tell("order")

# %% tags=["nbval-check-output"]
homes = {record.key.decode(): record.partition for record in written}
table("Each key has one home", sorted(homes.items()), "key", "partition")

# %% [markdown]
# Who decided that? The producer: it makes a number of the key (`murmur2` is the recipe; `& 0x7FFFFFFF` takes away a minus sign), divides it by
# the number of partitions, and takes the remainder. Do not believe it; work it out:

# %% tags=["nbval-check-output"]
ours = {key: (murmur2(key.encode()) & 0x7FFFFFFF) % 3 for key in homes}

lesson.tell("same-home")

# %% [markdown]
# So the key is how you say: *these belong together, keep them in order*.

# %%
# diagram: partitions

# %% [markdown]
# With four keys, the shares are as they happen to be. With a hundred times as many, each partition gets about its third:

# %%
spread = dict.fromkeys(("0", "1", "2"), 0)
for number in range(400):
    spread[str((murmur2(b"barrel %d" % number) & 0x7FFFFFFF) % 3)] += 1
bars(spread, "400 keys: each partition has about a third.", x="partition", y="keys")

# %% [markdown]
# ## Exercise: keys

# %%
# exercise: kafka-keys

# %% [markdown]
# ## A group shares the work
#
# One helper is not enough to look after all barrels? Then several consumers take the same **group** name, and the broker says who of them reads which
# partitions. Our helpers are programs of their own, so that we can be rude to them later. In the picture, a lane is a partition; beside it
# stands who reads it, and how far the group is behind; the bar is the group's bookmark.

# %%
helpers, crew = lesson.group("helpers"), {}
watch = {"group": helpers, "members": crew}
lesson.manage(lambda: TopicView(lesson.connection, barrels, **watch), name="view")

# %%
ann = lesson.manage(lambda: GroupMember(lesson.connection, barrels, helpers), name="ann")
crew["Ann"] = ann
ann.wait_for_partitions(3)

def behind_by():
    return lag(lesson.connection, helpers, barrels)

lesson.wait_for(lambda: not any(behind_by().values()), "Ann to deal with all")

# %% [markdown]
# Ann is alone, so she has all three, and she has dealt with all that the barrels reported. Now Bob comes to help.

# %%
# predict: two-helpers

# %%
bob = lesson.manage(lambda: GroupMember(lesson.connection, barrels, helpers), name="bob")
crew["Bob"] = bob
bob.wait_for_partitions(1, 2, 3)
lesson.wait_for(lambda: len(ann.partitions + bob.partitions) == 3, "the group to settle")

shares = (ann.partitions, bob.partitions)
lesson.tell("two-helpers")

# %%
def owners():
    return {part: name for name, one in crew.items() for part in one.partitions}

alone, together = dict.fromkeys(range(3), "Ann"), owners()
rebalance(("Ann alone", alone), ("Bob has come", together))

# %% [markdown]
# When a helper has dealt with a record, it says so to the broker: it **commits**. The barrels report once more, and the helpers deal with it:

# %%
def report_again(times=1):
    for name in names * times:
        producer.send(barrels, key=name.encode(), value=b"and again")
    producer.flush()

report_again()
lesson.wait_for(lambda: not any(behind_by().values()), "all to be dealt with")
rows = [(name, len(one.records)) for name, one in crew.items()]
table("Dealt with so far", rows, "who", "records")

# %% [markdown]
# Ann has dealt with more, for she was there first. Now she pauses:

# %%
# predict: pause

# %%
measured = lesson.manage(lambda: LagOverTime(lesson.connection, helpers, barrels), name="measured")
ann.pause()
report_again(times=5)
lesson.wait_for(lambda: not any(behind_by()[p] for p in shares[1]), "Bob to be through")
behind = behind_by()
lesson.tell("pause")

# %% [markdown]
# And when she is back, does the group catch up?

# %%
ann.resume()
lesson.wait_for(lambda: not any(behind_by().values()), "the group to be through")
measured.stop()
measured.chart()

# %% [markdown]
# It does. Another group, say the chart's, would get every record again: groups do not take from each
# other. Remember that for later. Servers that share the wines are one group; but when a new *model* arrives, every server needs it.

# %% [markdown]
# ## Exercise: commits
#
# What is read, worked on and then committed is a step of its own each time, and a crash may come between any two:

# %%
# diagram: commit

# %%
# exercise: kafka-commit

# %% [markdown]
# ## How long is "stay"?
#
# Not for ever, unless you say so. Each topic has a time after which old records go.

# %%
milliseconds = int(topic_setting(lesson.connection, cellar, "retention.ms"))
lesson.tell("retention")

# %% [markdown]
# There is a second way. Sometimes only the newest record of a key counts: the label on a barrel, or the model for a kind of wine.
# Such a topic is **compacted**: the broker drops a record when a newer one has the same key.

# %%
labels = lesson.topic("labels", compacted=True)
lesson.manage(lambda: TopicView(lesson.connection, labels), name="view")

# %%
producer.send(labels, key=b"merlot", value=b"young")
producer.send(labels, key=b"syrah", value=b"young")
producer.send(labels, key=b"merlot", value=b"good")
producer.send(labels, key=b"syrah", value=b"too old")
producer.send(labels, key=b"merlot", value=b"very good")
producer.flush()

# %% [markdown]
# Five records, two barrels.

# %%
# predict: compacted

# %%
def labels_left():
    # The newest record of all is never cleaned up, so there must be one after the labels.
    producer.send(labels, key=b"end", value=b"of the list").get(timeout=10)
    return [record for record in read_topic(lesson.connection, labels) if record.key != b"end"]


lesson.wait_for(lambda: len(labels_left()) == 2, "the clean-up")
left = labels_left()
records_table(left)

# %%
offsets = [record.offset for record in left]
lesson.tell("compacted")

# %% [markdown]
# A reader who comes next year gets one label for each barrel, and not the history. The models of this workbook travel on such a topic.
# (A real broker cleans up every now and then; for this lesson it does so five times a second.)

# %% [markdown]
# ## Break it: kill a helper
#
# Bob's program is killed, as by a crash: he cannot say goodbye. Look at the lanes:

# %%
lesson.manage(lambda: TopicView(lesson.connection, barrels, **watch), name="view")

# %%
# predict: killed-helper

# %% tags=["breaks"]
if bob.partitions:  # or else this runs for the second time
    lost, began, took = bob.partitions, perf_counter(), 0
    bob.kill()
lesson.wait_for(lambda: len(ann.partitions + bob.partitions) == 3, "the group to settle", 60)
took = took or perf_counter() - began
lesson.tell("killed-helper")

# %% [markdown]
# No **heartbeat** came, so the partitions were shared out anew: that is a **rebalance**. All three of them, from the group's own assignments:

# %%
rebalance(("Ann alone", alone), ("Bob had come", together), ("Bob is dead", owners()))

# %% [markdown]
# Is Ann really doing his work? One more report of each barrel, and then we look at what she dealt with last:

# %%
before = len(ann.records)
report_again()
lesson.wait_for(lambda: not any(behind_by().values()), "Ann to deal with all")
lesson.wait_for(lambda: len(ann.records) == before + len(names), "Ann to say so")
table("What Ann has dealt with since", ann.records[before:], "partition", "offset")

# %% [markdown]
# ## Break it: stop the broker
#
# Now the broker itself. (In a terminal: `modelserving broker stop`.)

# %% tags=["breaks"]
lesson.stop_broker()

# %% [markdown]
# Somebody sends all the same.

# %%
# predict: no-broker

# %% tags=["breaks"]
sending = producer.send(cellar, key=b"merlot", value=b"13.1, and nobody listens")
done = sending.is_done
lesson.tell("no-broker")

# %% tags=["breaks"]
lesson.start_broker()

# %% tags=["nbval-check-output"]
late = sending.get(timeout=60)
survivors = list(read_topic(lesson.connection, cellar))

lesson.tell("promise-kept")

# %% tags=["nbval-check-output"]
records_table(survivors)

# %% [markdown]
# ## Recap
#
# You can now send, read, replay and share records, and say what happens when a helper or the broker goes away.
#
# * A **topic** is a log that only grows; an **offset** is a record's position in it, for good.
# * **Reading takes nothing away.** Each reader, or group of readers, has its own position.
# * **Same key, same partition, in order.** Between partitions there is no order.
# * A **group** divides the partitions; what a lost member had not committed, another one gets again.
#   (So a record is dealt with **at least once**, as in the exercise on commits; lesson 04 makes it exactly once.)
# * Records stay for a time, or, in a **compacted** topic, as long as they are the newest of their key.
#
# **In practice** each partition is copied to three machines, so that one may burn. The rest is as you have seen it.
#
# **Source**: [modelserving/kafka/clients.py](../modelserving/kafka/clients.py), [modelserving/workshop/processes/member.py](../modelserving/workshop/processes/member.py), [modelserving/workshop/display/reading.py](../modelserving/workshop/display/reading.py)

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [02 · The client, and records as bytes](02_client_and_records.ipynb)
