"""A clinic's patient records behind an MCP server: two clinics, three people, bearer tokens, streamable HTTP.

It is an ordinary server written with nothing but the MCP SDK, 1.x or 2.x. It knows nothing of auditing: what makes the
trail is how it is started, ``opentelemetry-instrument python server.py``.
"""

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings

if TYPE_CHECKING or find_spec("mcp.server.mcpserver"):
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
else:  # mcp 1.x has the same under other names
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as MCPServer
    from mcp.server.fastmcp.exceptions import ToolError

PEOPLE: Final = {
    "token-alice": ("alice", "acme"),
    "token-bob": ("bob", "globex"),
    "token-carol": ("carol", "acme"),
}
PATIENTS: Final = {
    "4711": ("acme", "Ada Archer"),
    "4712": ("acme", "Ben Baker"),
    "8001": ("globex", "Cleo Carter"),
}
INSURERS: Final = {"4711": "Northern Mutual"}
NOTES: Final[dict[str, list[str]]] = {patient: [f"{name} was admitted."] for patient, (_, name) in PATIENTS.items()}


class ClaimsToken(AccessToken):
    """Before 1.27 the SDK's own AccessToken had neither subject nor claims."""

    subject: str | None = None
    claims: dict[str, Any] | None = None


class Verifier:
    """Knows three tokens; a real one would ask the identity provider."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The person behind a token."""
        if token not in PEOPLE:
            return None
        user, clinic = PEOPLE[token]
        claims = {"iss": "https://login.example", "sub": user, "tenant_id": clinic}
        return ClaimsToken(token=token, client_id="ward-assistant", scopes=["records"], subject=user, claims=claims)


def clinic() -> str:
    """The clinic of whoever is calling."""
    token = get_access_token()
    return PEOPLE[token.token][1] if token else ""


def patient_here(patient_id: str) -> str:
    """The name of a patient of the caller's clinic; the other clinic's patients do not exist for it."""
    belongs_to, name = PATIENTS.get(patient_id, ("", ""))
    if belongs_to != clinic():
        raise ToolError(f"no patient {patient_id} in this clinic")
    return name


def find_patient(name: str) -> list[str]:
    """The ids of the patients whose name begins like this."""
    return [key for key, (owner, full) in PATIENTS.items() if owner == clinic() and full.startswith(name)]


def read_chart(patient_id: str) -> list[str]:
    """Everything noted about a patient."""
    patient_here(patient_id)
    return NOTES[patient_id]


def add_note(patient_id: str, text: str) -> str:
    """Note something about a patient."""
    NOTES[patient_id].append(f"{patient_here(patient_id)}: {text}")
    return "noted"


def insurer_of(patient_id: str) -> str:
    """Who pays for a patient."""
    patient_here(patient_id)
    return INSURERS[patient_id]


async def export_charts(ctx: Context) -> str:
    """Export every chart of the clinic, which takes its time."""
    for minute in range(60):
        await ctx.report_progress(minute, 60)
        await asyncio.sleep(1)
    return "exported"


def application() -> Any:
    """The server as an ASGI application behind the SDK's own bearer authentication."""
    options: dict[str, Any] = {
        "issuer_url": "https://login.example",
        "resource_server_url": "http://127.0.0.1/mcp",
        "required_scopes": ["records"],
        "validate_token_resource": False,
    }
    server = MCPServer("records", token_verifier=Verifier(), auth=AuthSettings.model_validate(options))
    for tool in (find_patient, read_chart, add_note, insurer_of, export_charts):
        server.add_tool(tool)
    return server.streamable_http_app()


if __name__ == "__main__":
    uvicorn.run(application(), host="127.0.0.1", port=0)  # any free port: its log says which
