"""What the broker and its JVM are told: their files, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from modelserving.broker.layout import Layout
from modelserving.kafka.clients import TOPIC_BYTES

_JVM = (
    "-XX:+UseSerialGC",
    "-Xmx256m",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    # Java says much about a start-up cache that fits all but perfectly, and nothing that helps.
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED",
    "-Djava.awt.headless=true",
    "-Dlog4j2.disableJmx=true",
)


def server_properties(data: Path, port: int, controller_port: int, *, after_crash: bool = False) -> str:
    """The broker's settings: one node, both roles, loopback only.

    Args:
        data: folder of its topics.
        port: for clients.
        controller_port: for the broker to talk to itself as its own controller.
        after_crash: the last run was killed; see below.
    """
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{port}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": data.as_posix(),
        "auto.create.topics.enable": "false",
        "message.max.bytes": TOPIC_BYTES,
        "socket.request.max.bytes": 100 * 1024 * 1024,
        # One machine and one class: a broker that starts fast and stays small.
        "num.partitions": 1,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 2,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.segment.bytes": 128 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
        "group.initial.rebalance.delay.ms": 0,
        # A transaction whose producer was killed holds up all readers of its topic until it is aborted.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        **_internal_topics("offsets.topic"),
        **_internal_topics("transaction.state.log"),
        **_internal_topics("share.coordinator.state.topic"),
    }
    del settings["offsets.topic.min.isr"]
    if after_crash:
        # The controller believes a killed broker to be alive for a session, nine seconds, and turns its successor away.
        settings |= {"broker.session.timeout.ms": 1000, "broker.heartbeat.interval.ms": 250}
    return _text(settings)


def _internal_topics(name: str) -> Mapping[str, object]:
    return {f"{name}.num.partitions": 1, f"{name}.replication.factor": 1, f"{name}.min.isr": 1}


def logging_properties(layout: Layout) -> str:
    """log4j's settings: one file of 5 MB at most, and the two before it."""
    file = layout.log.as_posix()
    return _text(
        {
            "status": "error",
            "appender.file.type": "RollingFile",
            "appender.file.name": "file",
            "appender.file.fileName": file,
            "appender.file.filePattern": f"{file}.%i",
            "appender.file.layout.type": "PatternLayout",
            "appender.file.layout.pattern": "%d{yyyy-MM-dd HH:mm:ss.SSS} %-5p %m (%c{1})%n",
            "appender.file.policies.type": "Policies",
            "appender.file.policies.size.type": "SizeBasedTriggeringPolicy",
            "appender.file.policies.size.size": "5MB",
            "appender.file.strategy.type": "DefaultRolloverStrategy",
            "appender.file.strategy.max": 2,
            "rootLogger.level": "info",
            "rootLogger.appenderRef.file.ref": "file",
        }
    )


def java_arguments(layout: Layout, class_path: str, flags: Sequence[str] = ()) -> str:
    """Java's argument file, without the main class: a command line has a limit, a file has none.

    Args:
        layout: where the files are.
        class_path: all jars, joined as Java wants them.
        flags: more for the JVM.
    """
    words = [
        *_JVM,
        *flags,
        f"-XX:ErrorFile={layout.folder / 'java-crash.log'}",
        f"-Dlog4j2.configurationFile={layout.logging.as_uri()}",
        "-cp",
        class_path,
    ]
    return "".join(f"{_quoted(word)}\n" for word in words)


def _quoted(word: str) -> str:
    """A word of an argument file: inside quotes a backslash escapes."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(settings: Mapping[str, object]) -> str:
    """A properties file. Java reads it as Latin-1, so all beyond ASCII is escaped."""
    return "".join(f"{key}={_escaped(str(value))}\n" for key, value in settings.items())


def _escaped(value: str) -> str:
    units = value.replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)
