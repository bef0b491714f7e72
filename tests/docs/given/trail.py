"""Leave a small trail in the journal, as a server would have: three calls, two tenants."""

from otel_mcp_audit import Actor, Auditor, Settings, annotate

CALLS = (("alice", "acme", "4711"), ("bob", "globex", "8001"), ("alice", "acme", "4712"))

auditor = Auditor(Settings(sinks="none"))
for user, tenant, patient in CALLS:
    with auditor.call("read_chart", {"patient_id": patient}, Actor(user, tenant_id=tenant)):
        annotate(resource=f"patient:{patient}", purpose="treatment")
auditor.close()
