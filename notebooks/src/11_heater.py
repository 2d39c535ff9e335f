# %% [markdown]
# # 11 · A heater that listens
#
# You control heaters by a second stream, move what is wanted while they run, kill a controller, and recognise your model server in it.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | decide when a heater is told something · write its topology · see it beside that of the model server · move sliders, and watch rooms follow · kill one of two controllers, and count what is said twice |
# | **You learn** | the pattern behind this whole workbook, a *dynamically controlled stream*; what belongs into a store and what may stay in memory |
# | **You need** | lesson 07 for processors and stores, lesson 09 for instances |
# | **Time** | 30 minutes, and the exercises as long as you like |
# | **Plan** | half day: the two topologies, and the sliders; full day: all of it |

# %%
# pipeline: streams slot score model-control

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
from collections import Counter

from modelserving.workshop import show, start, table
from modelserving.kafka import read_topic
from modelserving.records import HeaterCommand, HeaterControl, SensorReading, TemperatureControl
from modelserving.records import TOPICS, decode_heater, decode_reading, decode_temperature_control
from modelserving.records import encode_heater, encode_reading, encode_temperature_control

lesson = start("11", fast=fast)

# %% [markdown]
# Later we need two servers that control heaters. They take a few seconds to start, so they may begin now, while you read:

# %%
from modelserving.workshop.processes.process import ServerProcess

def controller(name):
    options = ("--group", heating, "--instance", name, "--port", "0")
    return lesson.manage(lambda: ServerProcess("temperature", lesson.prefix, options), name=name)

heating = lesson.group("heating", goes_on=True)
servers = {name: controller(name) for name in ("one", "two")}

# %% [markdown]
# ## A room, and what is wanted in it
#
# A room loses heat in proportion to how much warmer it is than outside, and gains what its heater gives. This one holds 1,500 kJ for each
# kelvin, loses 50 W for each kelvin of difference, and has a heater of 1,500 W; outside it is 0 °C:

# %%
from modelserving.temperature import Room, decide
from modelserving.workshop.display.figures import curves

def day(**how):
    room = Room(1, temperature=20.0, **how)
    return [(hour, room.after(hour * 3600).temperature) for hour in range(25)]

both = {"heater off": day(), "heater on": day(heating=True)}
curves(both, "Off, it nears 0 °C; on, it nears 30 °C.", x="hours", y="°C in the room")

# %% [markdown]
# What is wanted is neither, but a **band**: 21 °C, say, and half a kelvin above or below is still well. When is the heater told something?

# %%
show(decide)

# %%
# predict: commands

# %%
wish = TemperatureControl(sensor=1, desired=21.0, up=0.5, down=0.5)
told = []
for temperature in (15, 18, 21.2, 21.8, 22, 20.6, 20.4):
    command = decide(temperature, wish, told[-1][1] if told else None)
    told += [(temperature, command)] if command is not None else []

# %%
lesson.tell("commands")

# %% [markdown]
# ## Exercise: the other way round

# %%
# exercise: heater-cooler

# %% [markdown]
# ## Two streams, and what lies between them
#
# Readings come on one topic, `sensor`. What is wanted comes on another, `heater-control`, whenever somebody turns a knob. Between the two lies a **store**:
# what is wanted, by sensor. One processor writes it, and the other one asks it for each reading:

# %%
# diagram: heater

# %%
from modelserving.kstreams import Processor, ProcessorSupplier, TopologyTestDriver
from modelserving.kstreams import describe, serde, text
from modelserving.kstreams.java import Stores, Topology

class Set(Processor):
    def init(self, context):
        super().init(context)
        self.controls = context.getStateStore("controls")

    def process(self, record):
        self.controls.put(record.key(), record.value())

# %%
class Decide(Processor):
    def init(self, context):
        super().init(context)
        self.controls, self.previous = context.getStateStore("controls"), {}

    def process(self, record):
        reading, control = record.value(), self.controls.get(record.key())
        command = decide(reading.temperature, control, self.previous.get(record.key()))
        if command is not None:
            self.previous[record.key()] = command
            said = HeaterControl(reading.sensor, command)
            self.context.forward(record.withValue(said))

# %%
readings = serde(encode_reading, decode_reading)
wishes = serde(encode_temperature_control, decode_temperature_control)
commands = serde(encode_heater, decode_heater)

# %%
def heater():
    kind = Stores.inMemoryKeyValueStore("controls")
    topology = Topology()
    topology.addSource("control", text().deserializer(), wishes.deserializer(), "heater-control")
    topology.addSource("sensor", text().deserializer(), readings.deserializer(), "sensor")
    topology.addProcessor("set", ProcessorSupplier(Set), "control")
    topology.addProcessor("decide", ProcessorSupplier(Decide), "sensor")
    store = Stores.keyValueStoreBuilder(kind, text(), wishes)
    topology.addStateStore(store, "set", "decide")
    topology.addSink("tell", "heater", text().serializer(), commands.serializer(), "decide")
    return topology

# %% [markdown]
# You have seen this before. Here it is beside the topology of our model server (the *co-partitioned* one of lesson 08):

# %%
from modelserving.serving.options import ServerOptions
from modelserving.streams_server.distribution import ModelDistribution, make_models
from modelserving.streams_server.scoring import Tally
from modelserving.streams_server.stores import StoreKind
from modelserving.streams_server.topologies import TopologyParts, make_topology
from modelserving.workshop.display.pictures.beside import beside

way = make_models(ModelDistribution.CO_PARTITIONED, lesson.connection, ServerOptions())
models = lesson.manage(way, name="models")
server = describe(make_topology(StoreKind.CUSTOM, TopologyParts(TOPICS, models, Tally())))
beside(A_heater=describe(heater()), A_model_server=server)

# %% [markdown]
# It is one pattern, a **dynamically controlled stream**: many small records on one side, something that says how to treat them on the other, rare and
# perhaps large, and between the two a state that outlives both.
#
# | | a heater | a model server |
# |---|---|---|
# | many records | `sensor`: how warm it is | `wine-records`: what is in a wine |
# | what controls | `heater-control`: desired, above, below | `wine-models`, `model-control`: a model, a command |
# | the state between them | what is wanted, by sensor | the model in use, by data type |
# | the decision | `decide(reading, control)` | `model.score(record)` |
# | what comes out | `heater`: on, off | `wine-scored`: a prediction |
# | what cannot be read | a dead letter | a dead letter |
# | when it takes effect | between two readings | between two records |
#
# So whatever is said of one holds for the other. A heater is only easier to watch.

# %% [markdown]
# ## Without a broker first
#
# The room has 19 °C, three times. 21 °C is wanted before the first reading; before the third one, somebody turns the knob down to 16 °C.

# %%
# predict: listens

# %%
def live(steps, before=()):
    with TopologyTestDriver(heater(), application_id="try") as driver:
        for key, value in before:
            driver.getStateStore("controls").put(key, value)
        knob = driver.createInputTopic("heater-control", text(), wishes)
        sensor = driver.createInputTopic("sensor", text(), readings)
        for topic, value in steps:
            {"knob": knob, "sensor": sensor}[topic].pipeInput("1", value)
        out = driver.createOutputTopic("heater", text(), commands).readValuesToList()
        log = driver.createOutputTopic("try-controls-changelog", text(), wishes)
        return [one.command.name for one in out], log.readKeyValuesToList()

# %%
warmer, lower = (TemperatureControl(1, degrees, 0.5, 0.5) for degrees in (21.0, 16.0))
cold = ("sensor", SensorReading(1, 19.0))
said, log = live([("knob", warmer), cold, cold, ("knob", lower), cold])
f"told: {', '.join(said)}"

# %%
lesson.tell("listens")

# %% [markdown]
# ## What a restart costs
#
# What is *wanted* is in a store, so it is on a changelog too, and comes back. What the heater was *told* last is only in `self.previous`, an attribute. Suppose
# the instance ends after it has said ON, and another one begins with what the changelog has:

# %%
# predict: restart

# %%
first, log = live([("knob", warmer), cold, cold])
second, _ = live([cold, cold], before=log)
rows = [("the first", ", ".join(first)), ("the next one", ", ".join(second))]
table("What the heater was told", rows, "by which instance", "told")

# %%
lesson.tell("restart")

# %% [markdown]
# Is that bad? An ON for a heater that is on does no harm: such a command is **idempotent**. It would be otherwise if the command were "one degree
# warmer". So the memory is a choice, and this is what it costs: a message for each sensor at each restart. The other choice is a second store.

# %% [markdown]
# ## Exercise: remember what was said

# %%
# exercise: heater-remember

# %% [markdown]
# ## Six rooms
#
# Now for real: the two servers of the beginning, `modelserving serve temperature`, on four partitions. They should be ready. And six rooms, in which an hour
# passes in little more than a second; each has a sensor that publishes ten times a second, and a heater that obeys.

# %%
from modelserving.temperature import HEATING_TOPICS, Simulator
from modelserving.temperature.topics import create_heating_topics

topics = HEATING_TOPICS.prefixed(lesson.prefix)
create_heating_topics(lesson.connection, topics, partitions=4)
for one in servers.values():
    one.wait_until_serving()
rooms = Simulator(
    lesson.connection, [Room(n, 14.0 + n) for n in range(1, 7)], topics, speed=3000, every_s=0.1
)
task = lesson.background(rooms.run, "rooms")

# %%
from modelserving.widgets.heater import HeaterView

def watch():
    return HeaterView(lesson.connection, topics, sensors=list(rooms.rooms))

view = lesson.manage(watch, name="view")
view

# %% [markdown]
# A row is a room: the line is how warm it is, the band what is wanted, the bar below whether its heater is on. Nobody has said yet what is wanted.

# %%
seen = view.wait_for(lambda s: s.readings >= 100, what="a hundred readings")
if not any(room.band for room in seen.rooms):  # or else this runs for the second time
    before = sum(room.commands for room in seen.rooms)
for number in rooms.rooms:
    view.want(number, 18.0 + number / 2)
seen = view.wait_for(
    lambda s: sum(room.reached for room in s.rooms) == len(rooms.rooms),
    90, "each room to have been as warm as is wanted",
)

# %%
lesson.tell("silence")

# %% [markdown]
# **Now it is yours.** Choose a sensor, move the sliders, and watch the band go, and the room after it. Make the band narrow, and count how often the heater
# is told something; make it wide. (Without sliders: `view.want(3, 25)`, and `view.want(3, 25, up=0, down=0)`.)

# %% [markdown]
# ## Who has which room?
#
# Two servers share four partitions, and any of them can be asked for any sensor: it looks up who has it, and asks there.

# %%
def who(server):
    return {number: server.get(f"/state/{number}")["instance"] for number in rooms.rooms}

def settled():
    held = servers["one"].get("/state/instances")
    return all(len(one["partitions"]) == 2 for one in held) and len(held) == 2

lesson.wait_for(settled, "both to have two partitions", 90)
names = {server.url: name for name, server in servers.items()}
holder = {number: names[url] for number, url in who(servers["one"]).items()}
assert who(servers["one"]) == who(servers["two"])
table("Who has which room", list(holder.items()), "room", "server")

# %%
servers["one"].get("/state/5")

# %% [markdown]
# That is what `heater-control` said last of sensor 5, and who answers for it.

# %% [markdown]
# ## Break it: kill one of them
#
# First we want 33 °C everywhere, which is more than a heater can do. So all six are told ON, once, and stay on.

# %%
for number in rooms.rooms:
    view.want(number, 33.0)
seen = view.wait_for(lambda s: all(room.heating for room in s.rooms), 60, "all heaters to be on")
quiet = {room.sensor: room.repeated for room in seen.rooms}
table("How many each has", list(Counter(holder.values()).items()), "server", "rooms")

# %% [markdown]
# And now `kill -9` for one that has three or more of them. Its rooms are nobody's, until the other one has noticed, and taken over: some ten seconds, as you
# measured in lesson 09.

# %%
# predict: killed

# %% tags=["breaks"]
(victim, many), *_ = Counter(holder.values()).most_common()
servers[victim].kill()
lost = [number for number, name in holder.items() if name == victim]
other = next(server for name, server in servers.items() if name != victim)

# %% [markdown]
# Look at the picture: the dead one's rooms go on. A heater that nobody talks to does what it was told last. That is something to think of when you decide to say
# a thing only when it changes.

# %%
def again(s):
    return [room.sensor for room in s.rooms if room.repeated > quiet[room.sensor]]

seen = view.wait_for(lambda s: set(again(s)) >= set(lost), 90, "the other one to take over")
repeated, told = again(seen), {room.sensor: room.commands for room in seen.rooms}
lesson.tell("killed")

# %%
for number in rooms.rooms:
    view.want(number, 20.0)
seen = view.wait_for(
    lambda s: all(room.commands > told[room.sensor] for room in s.rooms),
    60, "each room to be told OFF",
)
lesson.tell("one-server")

# %% [markdown]
# ## Break it: garbage from the knob
#
# Somebody turns a knob that is broken.

# %% tags=["breaks"]
producer = lesson.producer()
producer.send(topics.control, key=b"1", value=b"\xff\xffwarm, please").get(timeout=60)
seen = view.wait_for(lambda s: s.dead_letters >= 1, what="the dead letter")
letter = next(iter(read_topic(lesson.connection, topics.dead_letters)))

# %%
headers = dict(letter.headers)
lesson.tell("dead-letter")

# %% [markdown]
# ## Recap
#
# * A **dynamically controlled stream** has two inputs: records, and what says how to treat them. Between them lies a store.
# * The model server is one: a model is a control, a record is a reading.
# * What must survive is in the store, and on its changelog. What may be said twice can stay in memory; know what it costs.
# * A decision that is told only when it changes leaves the world as it is when whoever decides is gone.
#
# You can now build a stream that is controlled by another one, and say what a restart of it costs.
#
# **In practice** ask of each thing that a processor remembers: what happens if it forgets? Prefer commands that may come twice. And have the heater itself go to a safe
# state when it hears nothing for long.
#
# **Source**: [decide.py](../modelserving/temperature/decide.py), [topology.py](../modelserving/temperature/topology.py) for the real processors,
# [rooms.py](../modelserving/temperature/rooms.py) for the physics, [faces.py](../modelserving/temperature/faces.py) for the queries

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [12 · Time and windows](12_windows.ipynb)
