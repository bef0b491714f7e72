"""Writes what the stand-ins took as an export of Splunk's, ``splunk.json``, and of Datadog's, ``datadog.json``."""

import json
from collections.abc import Iterator
from pathlib import Path


def bodies(sink: str) -> Iterator[str]:
    """The bodies of the audit records that a sink took."""
    for request in Path("sinks", "sinks", f"{sink}.jsonl").read_text(encoding="utf-8").splitlines():
        for resource in json.loads(request)["resourceLogs"]:
            for scope in resource["scopeLogs"]:
                yield from (record["body"]["stringValue"] for record in scope["logRecords"])


rows = [{"preview": False, "offset": n, "result": {"_raw": body}} for n, body in enumerate(bodies("splunk"))]
Path("splunk.json").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
logs = [{"type": "log", "attributes": {"message": body, "tags": ["env:prod"]}} for body in bodies("datadog")]
Path("datadog.json").write_text(json.dumps({"data": logs, "meta": {"status": "done"}}), encoding="utf-8")
