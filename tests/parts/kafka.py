"""Apache Kafka: one broker that is its own controller, and its own tools."""

import base64
import os
import subprocess
from pathlib import Path
from typing import Final

from tests.collector.collector import free_ports
from tests.parts.part import programs
from tests.parts.server import PATIENCE, Server

TOPIC: Final = "mcp-audit"

_PROPERTIES: Final = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
group.min.session.timeout.ms=500
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
"""


class Kafka(Server):
    """A broker. Where it is first started, it has no topic.

    Attributes:
        address: of the broker, as clients name it.
    """

    def __init__(self, folder: Path) -> None:
        self.programs = programs("kafka")
        port, controller = free_ports(2)
        self.address = f"127.0.0.1:{port}"
        self._properties = folder / "server.properties"
        super().__init__(folder, [str(self.programs / "kafka-server-start.sh"), str(self._properties)])
        properties = _PROPERTIES.format(port=port, controller=controller, folder=folder)
        self._properties.write_text(properties, encoding="utf-8")
        cluster = base64.urlsafe_b64encode(b"A" + os.urandom(15)).decode().rstrip("=")
        self.tool("kafka-storage.sh", *f"format --standalone -t {cluster} -c {self._properties}".split())

    def ready(self) -> bool:
        return "Kafka Server started" in self.log

    def create_topic(self, *options: str, topic: str = TOPIC) -> None:
        """Make the topic of audit records, as the page says, or another one."""
        create = ("--bootstrap-server", self.address, "--create", "--topic", topic, *options)
        self.tool("kafka-topics.sh", *create)

    def taken(self, group: str) -> int:
        """How many messages of the topic are committed as taken by a group of consumers."""
        rows = self.tool("kafka-consumer-groups.sh", "--bootstrap-server", self.address, "--describe", "--group", group)
        offsets = (row.split()[3] for row in rows.decode().splitlines() if row.startswith(group))
        return sum(int(offset) for offset in offsets if offset != "-")

    def dump(self) -> bytes:
        """What Kafka's console consumer writes of the topic, until nothing has come for a while."""
        options = ("--bootstrap-server", self.address, "--topic", TOPIC, "--from-beginning", "--timeout-ms", "5000")
        return self.tool("kafka-console-consumer.sh", *options)

    def tool(self, name: str, *arguments: str) -> bytes:
        """Run one of its programs; answers what it wrote."""
        line = [str(self.programs / name), *arguments]
        done = subprocess.run(line, cwd=self.folder, capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
        return done.stdout
