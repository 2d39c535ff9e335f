# %% [markdown]
# # 03 · Streams in a nutshell
#
# You build a stream out of a few lines of Python, make it choke, and find the one rule that keeps a model server alive.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | make an endless stream of factorials · put a buffer between a fast producer and a slow consumer, and watch it fill · measure what a buffer without a bound costs · merge two streams into one |
# | **You learn** | to say who waits for whom in a stream, why back pressure is a good thing, and what a model server must look at first |
# | **You need** | Python with `async` and `await` as far as: an `async def` may wait, and others go on meanwhile |
# | **Time** | 25 minutes |
# | **Plan** | half day: read along, do the first exercise · full day: all of it |

# %%
# pipeline: decode score

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import asyncio
import math
import tracemalloc
from itertools import count

from modelserving.workshop import start, table

import anyio

from modelserving.widgets import BackPressureView
from modelserving.workshop.display.flow import Flow, sliders, work

lesson = start("03", fast=fast)

# %% [markdown]
# ## A stream to play with
#
# The lit part of the picture works on streams: wine records come in on one side, scores go out on the other, and it never ends. This lesson
# leaves Kafka and wine aside and looks at nothing but the streaming.
#
# Here is one: a **producer** that could make 200 items a second, a **consumer** that can take 50, and a **buffer** with room for 10 in between.

# %%
# predict: first-look

# %%
flow = Flow(producer_ms=5, consumer_ms=20, buffer=10, max_items=6000 if fast else None)
producer, consumer = sliders(flow)
view = lesson.manage(lambda: BackPressureView(flow, controls=(producer, consumer)), name="view")
view

# %%
producer.value, consumer.value = 5, 20  # wherever you have moved the sliders
seen = view.wait_for(lambda s: s.at_s > 2 and s.buffered == s.capacity and s.steady)
lesson.tell("first-look")

# %% [markdown]
# Move the sliders, as long as you like: they say how many milliseconds each of the two works on an item. Then let the consumer be the faster one:

# %%
consumer.value = 2
seen = view.wait_for(lambda s: s.buffered == 0)
lesson.tell("consumer-faster")

# %% [markdown]
# ## A stream is one value after the other
#
# Now we take such a thing apart. A list is there as a whole. A stream is not: its values come one by one, and perhaps it never ends. In Python, an
# `async def` with a `yield` in it is a stream. This one has no end:

# %%
async def numbers():
    for number in count(1):
        made.append(number)  # for us, to see how far it has got
        yield number

# %% [markdown]
# And this takes the first few values out of any stream:

# %%
async def take(how_many, stream):
    taken = []
    async for value in stream:
        taken.append(value)
        if len(taken) == how_many:
            return taken

# %%
# predict: pull

# %%
made = []
five = await take(5, numbers())
await work(500)  # milliseconds, in which others may go on
five

# %%
lesson.tell("pull")

# %% [markdown]
# ## Streams out of streams
#
# Three small machines, with a stream going in and a stream coming out. `mapped` changes each value, `filtered` lets some
# of them through:

# %%
async def mapped(function, stream):
    async for value in stream:
        yield function(value)

# %%
async def filtered(keep, stream):
    async for value in stream:
        if keep(value):
            yield value

# %% [markdown]
# `scanned` is the interesting one. It has a **state**, which each value moves one step on:

# %%
async def scanned(step, state, stream):
    async for value in stream:
        state = step(state, value)
        yield state

# %% [markdown]
# The factorials are 1, 1·2, 1·2·3, and so on: each is the one before it, times the next number. That is a scan.

# %%
def times(state, number):
    return state * number

def factorials():
    return scanned(times, 1, numbers())

await take(10, factorials())

# %%
# predict: factorial

# %%
made = []
(big,) = await take(1, filtered(lambda f: len(str(f)) > 20, factorials()))
big

# %%
lesson.tell("factorial")

# %% [markdown]
# ## Exercise 1
#
# Why does a lesson about wine care? Because a model server is a scan: its state is the model in use.

# %%
# exercise: streams-newest-model

# %% [markdown]
# ## The world pushes
#
# So far, nothing was made that nobody had asked for. But wine records come when they come: a producer **pushes**. Between
# the one who pushes and the one who pulls there is a buffer. Here it is, with two ends, `send` and `receive`, and room for
# ten things:

# %%
send, receive = anyio.create_memory_object_stream(10)
with send, receive:
    await send.send("a wine")
    held = send.statistics()
    wine = await receive.receive()
table("In the buffer", [(held.current_buffer_used, held.max_buffer_size)], "things", "room for")

# %%
lesson.tell("in-and-out")

# %% [markdown]
# Now a producer that takes no time at all, and a consumer that works on each item for a moment. `log` notes how far the
# consumer had got when the producer was through:

# %%
async def produce(send, how_many, log):
    async with send:
        for _ in range(how_many):
            await send.send(bytes(10_000))  # ten kilobytes
    log["taken when the last was sent"] = log["taken"]

# %%
async def consume(receive, log):
    async with receive:
        async for item in receive:
            log["taken"] += 1
            await work(0.5)  # milliseconds

# %%
async def run(buffer, how_many=200):
    log = {"taken": 0}
    send, receive = anyio.create_memory_object_stream(buffer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(produce, send, how_many, log)
        tasks.start_soon(consume, receive, log)
    return log

# %%
# predict: bounded

# %%
bounded = await run(buffer=10)
table("What the consumer has taken", list(bounded.items()), "when", "items")

# %%
lesson.tell("bounded")

# %% [markdown]
# ## Why not simply a bigger buffer?
#
# Or one without any bound, so that nobody ever has to wait? Python measures for us how much memory is in use at most.

# %%
async def peak_memory(buffer, how_many):
    tracemalloc.start()
    try:
        log = await run(buffer, how_many)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return log["taken when the last was sent"], peak / 1e6

# %%
# predict: memory

# %%
sizes = {"room for 10": 10, "no bound": math.inf}
peaks = {name: await peak_memory(size, 1000) for name, size in sizes.items()}
rows = [(name, taken, f"{megabytes:.2f}") for name, (taken, megabytes) in peaks.items()]
table("What 1,000 items of 10 kB cost", rows, "buffer", "taken when all were sent", "MB at most")

# %%
lesson.tell("memory")

# %% [markdown]
# ## No buffer at all: demand
#
# The other end of the scale is a buffer for nothing. Then `send` hands its value to somebody who is waiting for it:

# %%
send, receive = anyio.create_memory_object_stream(0)
async with send, receive, anyio.create_task_group() as tasks:
    tasks.start_soon(send.send, "a score")
    await work(1)  # give it a moment
    waiting = send.statistics().tasks_waiting_send
    score = await receive.receive()

# %%
lesson.tell("demand")

# %%
# diagram: demand

# %% [markdown]
# ## Two streams into one
#
# A model server listens to two streams, records and models. Which one first? This `merge` takes from the first stream that
# has something, in the order in which it was given them:

# %%
async def merge(*streams):
    for _ in count():
        ready = [stream for stream in streams if stream.statistics().current_buffer_used]
        if not ready:
            return
        yield await ready[0].receive()

# %%
def filled(thing, how_many):
    send, receive = anyio.create_memory_object_stream(math.inf)
    with send:
        for _ in range(how_many):
            send.send_nowait(thing)
    return receive

# %% [markdown]
# It is a busy morning: 5,000 wines are waiting, and one new model has just arrived.

# %%
# predict: starved

# %%
with filled("wine", 5000) as wines, filled("model", 1) as models:
    wines_first = [thing async for thing in merge(wines, models)]
lesson.tell("starved")

# %%
with filled("wine", 5000) as wines, filled("model", 1) as models:
    models_first = [thing async for thing in merge(models, wines)]
before_it = models_first.index("model")
lesson.tell("models-first")

# %% [markdown]
# ## Exercise 2

# %%
# exercise: streams-fair-merge

# %% [markdown]
# ## Break it
#
# **The consumer pauses.** Look at the view of the beginning. (Did you stop it? Run its cell again.)

# %%
# predict: pause

# %% tags=["breaks"]
consumer.value = 500
lesson.tell("pause")

# %%
consumer.value = 2
back = view.wait_for(lambda s: s.buffered == 0)
lesson.tell("recovered")

# %%
view.close()

# %% [markdown]
# **The consumer dies.** Its end of the stream is closed. What does the producer notice?

# %% tags=["breaks"]
send, receive = anyio.create_memory_object_stream(10)
receive.close()
try:
    await send.send("a wine")
except anyio.BrokenResourceError as error:
    noticed = error
send.close()

# %%
lesson.tell("closed")

# %%
# predict: queue

# %%
queue = asyncio.Queue(maxsize=1)
await queue.put("a wine")
with anyio.move_on_after(0.3) as patience:
    await queue.put("one more")
lesson.tell("queue")

# %% [markdown]
# ## Recap
#
# * A stream is one value after the other. Pulled, it makes nothing that nobody wants; pushed, it needs a buffer.
# * A full buffer makes the producer wait: **back pressure**. A buffer without a bound takes it away, and takes your memory.
# * A scan carries a state through a stream. A model server is one: its state is the model in use.
# * Where streams meet, somebody comes first. A model server puts models first, or they starve.
#
# You can now say of any chain of streams who waits for whom, and what happens when its last part is slow.
#
# **In practice** Kafka is the biggest buffer of all: the topic between client and server lies on disk, its bound is the
# time that records are kept, and how full it is has a name of its own, the *lag* of a consumer group. The server behind it
# still needs back pressure inside: it reads from the topic only what it can work on.
#
# **Source**: [flow.py](../modelserving/workshop/display/flow.py) has the producer and consumer that you watched,
# [back_pressure.py](../modelserving/widgets/back_pressure.py) the picture, and
# [custom_stage.py](../modelserving/stage/custom_stage.py) the stage that the next lesson is about.

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [04 · The custom stage](04_custom_stage.ipynb)
