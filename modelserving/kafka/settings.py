"""What the topics of a pipeline are made with, and whether those that exist already were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelserving.kafka.clients import REQUEST_BYTES, TOPIC_BYTES

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from modelserving.records.topics import Topics

# Models and commands are put in one order by the time at which they reached the broker: one clock, for all servers.
# Records and answers are kept by that clock, too: the timestamp of a client says nothing about how long they were here.
_BROKERS_CLOCK = {"message.timestamp.type": "LogAppendTime"}
KEPT = {**_BROKERS_CLOCK, "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""What waits for a reader is not let go."""
_COMPACTED = {
    **_BROKERS_CLOCK,
    # Of each data type, the newest model stays for ever. Old ones go soon after the segment that holds them is closed.
    "cleanup.policy": "compact",
    "segment.ms": str(10 * 60 * 1000),
    "min.cleanable.dirty.ratio": "0.1",
    "max.message.bytes": str(TOPIC_BYTES),
}
_RELIED_ON = ("message.timestamp.type", "cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes")


def settings_of(topics: Topics) -> dict[str, Mapping[str, str]]:
    """The settings of each topic, by its name. Records and commands wait for a server however long it is away."""
    return {
        topics.records: KEPT,
        topics.models: _COMPACTED,
        topics.scored: _BROKERS_CLOCK,
        topics.dead_letters: {**_BROKERS_CLOCK, "max.message.bytes": str(REQUEST_BYTES)},
        topics.control: KEPT,
    }


def settings_to_mend(admin: KafkaAdminClient, topics: Topics, bootstrap_servers: str) -> tuple[str, ...]:
    """A line for each topic that exists with settings that this package cannot rely on, with the command that mends it.

    Args:
        admin: whom to ask.
        topics: which.
        bootstrap_servers: of the broker, for the command.
    """
    from kafka.admin import ConfigResource, ConfigResourceType

    wanted = settings_of(topics)
    existing = set(admin.list_topics())
    names = [name for name in wanted if name in existing]
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = admin.describe_configs(resources, config_filter="all").get("topic", {})
    lines = (_line(name, wanted[name], found.get(name, {}), bootstrap_servers) for name in names)
    return tuple(line for line in lines if line)


def _line(topic: str, wanted: Mapping[str, str], found: Mapping[str, Any], bootstrap_servers: str) -> str:
    wrong = {
        name: (_value(found[name]), value)
        for name, value in wanted.items()
        if name in _RELIED_ON and name in found and not _suffices(name, _value(found[name]), value)
    }
    if not wrong:
        return ""
    said = ", ".join(f"{name} is {has}, not {value}" for name, (has, value) in wrong.items())
    change = " ".join(f"-c {name}={value}" for name, (_, value) in wrong.items())
    return (
        f"topic {topic} has settings that can lose messages: {said}. Mend it: python -m kafka.admin -b "
        f"{bootstrap_servers} configs alter -r topic -n {topic} {change}"
    )


def _value(config: Any) -> str:
    return str(config.get("value") if isinstance(config, Mapping) else getattr(config, "value", config))


def _suffices(name: str, has: str, wanted: str) -> bool:
    """Whether a setting is as wanted; a limit may be wider."""
    if name == "max.message.bytes":
        return int(has) >= int(wanted)
    return has == wanted
