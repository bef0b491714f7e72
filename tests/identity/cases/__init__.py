"""Tokens from the field, whose files lie here: claim names that are URLs, no subject, an agent acting for a person."""

import json
from pathlib import Path
from typing import Any, Final

Claims = dict[str, Any]


def given(case: str, file: str = "tokens.json") -> Any:
    """What a case's file holds."""
    return json.loads((Path(__file__).parent / case / file).read_text(encoding="utf-8"))


def _flat(tokens: dict[str, Claims | list[Claims]]) -> dict[str, Claims]:
    """By name; several under one name are numbered."""
    found: dict[str, Claims] = {}
    for name, claims in tokens.items():
        several = claims if isinstance(claims, list) else [claims]
        found |= {f"{name} {number}" if several[1:] else name: each for number, each in enumerate(several)}
    return found


FIRST: Final[str] = given("case-018", "settings.json")[0]["OTEL_MCP_AUDIT_TENANT_CLAIM"]
"""Case 018: the tenant's claims in most of its expectations."""

CASES: Final = {case: _flat(given(case)) for case in ("case-018", "case-019", "case-020")}
TOKENS: Final = {name: claims for tokens in CASES.values() for name, claims in tokens.items()}
