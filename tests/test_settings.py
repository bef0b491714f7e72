"""Settings: every wrong variable is named with its value and the mend, all at once; nothing is ignored in silence."""

import pytest

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.settings import Settings, read


def problem(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(variables)
    return str(caught.value)


def test_the_defaults_stand_in_an_empty_environment() -> None:
    settings = Settings.from_env({"PATH": "/bin", "OTEL_MCP_AUDIT_DIR": "", "OTEL_SERVICE_NAME": "x"})
    assert settings == Settings()
    assert (settings.max_bytes, settings.sinks, settings.disabled) == (1 << 30, None, False)


def test_values_are_read_and_blanks_are_allowed() -> None:
    settings = Settings.from_env(
        {
            "OTEL_MCP_AUDIT_DISABLED": "TRUE",
            "OTEL_MCP_AUDIT_MAX_BYTES": " 1048576 ",
            "OTEL_MCP_AUDIT_USER_CLAIM": "oid , sub",
            "OTEL_MCP_AUDIT_SINKS": "none",
        }
    )
    assert (settings.disabled, settings.max_bytes, settings.user_claim) == (True, 1048576, ("oid", "sub"))


def test_a_misspelt_variable_is_an_error_with_the_right_name() -> None:
    assert "did you mean OTEL_MCP_AUDIT_DURABILITY?" in problem(OTEL_MCP_AUDIT_DURABILTY="power")


@pytest.mark.parametrize("value", ["1", "yes", "on", "0"])
def test_a_boolean_is_true_or_false_and_nothing_else(value: str) -> None:
    assert f"OTEL_MCP_AUDIT_DISABLED='{value}': write true or false" in problem(OTEL_MCP_AUDIT_DISABLED=value)


@pytest.mark.parametrize("value", ["1GB", "-5", "0", "٣٣٣٣٣٣٣"])
def test_a_size_is_a_whole_number_of_bytes(value: str) -> None:
    assert "whole number of bytes, at least" in problem(OTEL_MCP_AUDIT_MAX_BYTES=value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POLICY", "profile:hipaa"),
        ("KEY_FILE", "/k"),
        ("KEY_RING", "/r"),
        ("DURABILITY", "machine"),
        ("PERSONAL", "sealed"),
        ("CAPTURE", "request"),
        ("CAPTURE", "request_response"),
    ],
)
def test_a_setting_that_is_not_built_yet_is_refused_and_never_accepted_in_silence(variable: str, value: str) -> None:
    text = problem(**{f"OTEL_MCP_AUDIT_{variable}": value})
    assert f"OTEL_MCP_AUDIT_{variable}" in text
    assert "not supported yet" in text
    with pytest.raises(ConfigurationError, match="not supported yet"):
        Settings(**{variable.lower(): value})  # pyright: ignore[reportArgumentType] -- the test's parameter


def test_all_problems_are_named_at_once_and_the_rest_is_still_read() -> None:
    settings, problems = read(
        {"OTEL_MCP_AUDIT_DISABLED": "1", "OTEL_MCP_AUDIT_NOSUCH": "x", "OTEL_MCP_AUDIT_SINKS": "none"}
    )
    assert len(problems) == 2
    assert (settings.disabled, settings.sinks) == (False, "none")


@pytest.mark.parametrize(
    "value", ["module", "module.function", "module:", ":function", "a b:c", "m:f()", "../m:f", "1m:f"]
)
def test_a_resolver_is_named_as_module_and_function(value: str) -> None:
    assert f"OTEL_MCP_AUDIT_IDENTITY={value!r}: write module:function" in problem(OTEL_MCP_AUDIT_IDENTITY=value)


def test_a_resolver_is_not_looked_for_when_settings_are_read() -> None:
    assert Settings.from_env({"OTEL_MCP_AUDIT_IDENTITY": "no.such.module:Who.calls"}).identity
    assert Settings(identity=len).identity is len
    with pytest.raises(ConfigurationError, match="OTEL_MCP_AUDIT_IDENTITY: write module:function"):
        Settings(identity=7)


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        ("10.0.0.0/33", "10.0.0.0/33 is no network; write it like 10.0.0.0/8"),
        ("10.0.0.1/8", "10.0.0.1/8 is no network"),
        ("127.0.0.1, localhost", "localhost is no network"),
        ("::ffff:10.0.0.0/104", "write the IPv4 network itself"),
        (",", "write networks or addresses separated by commas"),
    ],
)
def test_a_proxy_is_a_network_or_an_address(value: str, mend: str) -> None:
    assert mend in problem(OTEL_MCP_AUDIT_TRUSTED_PROXIES=value)
    with pytest.raises(ConfigurationError, match="OTEL_MCP_AUDIT_TRUSTED_PROXIES: "):
        Settings(trusted_proxies=value)


def test_proxies_are_given_as_text() -> None:
    with pytest.raises(ConfigurationError, match="OTEL_MCP_AUDIT_TRUSTED_PROXIES: write text"):
        Settings(trusted_proxies=["10.0.0.0/8"])  # pyright: ignore[reportArgumentType] -- what is refused
