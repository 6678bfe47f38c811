"""The settings as a whole process reads them: a configuration that is unsafe stops the start and names its key."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as here

SAFE = {"SECRET_KEY": "0123456789" * 6}
ASKED = "import json; from project import settings; print(json.dumps({0}))"


def start(expression: str = "1", **variables: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of their own."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    command = [sys.executable, "-c", ASKED.format(expression)]
    return subprocess.run(
        command, env=kept | SAFE | variables, cwd=here.BASE_DIR, capture_output=True, text=True, timeout=60, check=False
    )


def value(expression: str, **variables: str) -> object:
    """Return what an expression over the settings is."""
    process = start(expression, **variables)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


UNSAFE = {
    "no key": ("SECRET_KEY", {"SECRET_KEY": ""}),
    "a key of spaces": ("SECRET_KEY", {"SECRET_KEY": " " * 60}),
    "a time zone that is none": ("TIME_ZONE", {"TIME_ZONE": "Mars/Olympus"}),
    "a level that is none": ("LOG_LEVEL", {"LOG_LEVEL": "LOUD"}),
    "no URL of a database": ("DATABASE_URL", {"DATABASE_URL": "garbage"}),
    "another kind of database": ("DATABASE_URL", {"DATABASE_URL": "foo://bar"}),
    "a folder as database": ("DATABASE_URL", {"DATABASE_URL": "sqlite:////tmp"}),
    "a short key": ("SECRET_KEY", {"SECRET_KEY": "x" * 49}),
    "debugging in public": ("DEBUG", {"DEBUG": "1", "ALLOWED_HOSTS": "houses.example,localhost"}),
    "debugging for all": ("ALLOWED_HOSTS", {"DEBUG": "1", "ALLOWED_HOSTS": "*"}),
    "all hosts": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "*"}),
    "all hosts among others": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "houses.example, *"}),
    "a word for debugging": ("DEBUG", {"DEBUG": "maybe"}),
    "a host with a scheme": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "https://houses.example.com"}),
    "a host with a port": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "houses.example.com:8000"}),
    "a host with a path": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "houses.example.com/houses"}),
    "hosts without a comma": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "a b"}),
    "a pattern of hosts": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "*.example.com"}),
    "no host": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": ","}),
    "an address of IPv6 without brackets": ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "::1"}),
    "an origin without a scheme": ("CSRF_TRUSTED_ORIGINS", {"CSRF_TRUSTED_ORIGINS": "houses.example.com"}),
    "an origin with a slash": ("CSRF_TRUSTED_ORIGINS", {"CSRF_TRUSTED_ORIGINS": "https://houses.example.com/"}),
    "an origin of another scheme": ("CSRF_TRUSTED_ORIGINS", {"CSRF_TRUSTED_ORIGINS": "ftp://houses.example.com"}),
    "all origins": ("CSRF_TRUSTED_ORIGINS", {"CSRF_TRUSTED_ORIGINS": "https://a.example, *"}),
    "https that nobody speaks": ("HTTPS", {"HTTPS": "1"}),
    "another scope": ("HSTS_SCOPE", {"HSTS_SCOPE": "all"}),
    "a path without its first slash": ("SCRIPT_NAME", {"SCRIPT_NAME": "houses"}),
    "a path with a last slash": ("SCRIPT_NAME", {"SCRIPT_NAME": "/houses/"}),
    "another database": ("DATABASE_URL", {"DATABASE_URL": "mysql://localhost/x"}),
    "no place for the database": ("DATABASE_URL", {"DATABASE_URL": "sqlite:////dev/null/x.sqlite3"}),
    "no limit": ("MAX_BODY_BYTES", {"MAX_BODY_BYTES": "0"}),
    "a rate of nothing": ("API_RATE", {"API_RATE": "0/minute"}),
}


@pytest.mark.parametrize(("key", "variables"), UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_configuration_stops_the_start_and_names_its_key(key, variables):
    process = start(**variables)
    assert process.returncode != 0
    message = process.stderr.splitlines()[-1]
    assert f"environment variable {key}: " in message
    assert "x" * 49 not in message, "a secret must not reach the log"


def test_the_defaults_are_safe_and_local():
    expression = (
        "[settings.DEBUG, settings.ALLOWED_HOSTS, settings.DATABASES['default']['ENGINE'], settings.SESSION_COOKIE_SECURE]"
    )
    assert value(expression) == [False, ["127.0.0.1", "localhost", "[::1]"], "predictions.sqlite_backend", False]


def test_debugging_is_allowed_at_home():
    assert value("settings.DEBUG", DEBUG="1") is True


def test_https_closes_what_http_leaves_open():
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"]
    assert value(f"[getattr(settings, name) for name in {names}]", HTTPS="1", BEHIND_PROXY="1") == [True] * 3


@pytest.mark.parametrize(
    ("scope", "meant"),
    [("", [31536000, False, False]), ("subdomains", [31536000, True, False]), ("PRELOAD", [31536000, True, True])],
)
def test_strict_transport_covers_sub_domains_only_if_asked(scope, meant):
    names = ["SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD"]
    expression = f"[getattr(settings, name) for name in {names}]"
    assert value(expression, HTTPS="1", BEHIND_PROXY="1", HSTS_SCOPE=scope) == meant


def test_hosts_and_origins_as_they_should_be_written():
    hosts = "houses.example.com, .example.org,192.0.2.7,[2001:db8::1]"
    origins = "https://houses.example.com,https://*.example.org:8443"
    got = value("[settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS]", ALLOWED_HOSTS=hosts, CSRF_TRUSTED_ORIGINS=origins)
    assert got == [
        ["houses.example.com", ".example.org", "192.0.2.7", "[2001:db8::1]"],
        ["https://houses.example.com", "https://*.example.org:8443"],
    ]


def test_postgresql_is_a_database_too():
    assert value("settings.DATABASES['default']['ENGINE']", DATABASE_URL="postgres://u:p@h/n") == "django.db.backends.postgresql"


def test_the_limits_of_the_api_come_from_the_environment():
    assert value("settings.API_RATE", API_RATE="600/minute") == "600/minute"
    assert value("settings.DATA_UPLOAD_MAX_MEMORY_SIZE", MAX_BODY_BYTES="70000") == 70000


@pytest.mark.parametrize("key", ["API_RATE", "FORM_RATE", "WRONG_TOKEN_RATE"])
def test_each_limit_can_be_set_and_switched_off(key):
    assert value(f"settings.{key}", **{key: "7/hour"}) == "7/hour"
    assert value(f"settings.{key}", **{key: "none"}) is None


def test_wrong_passwords_and_tokens_and_the_form_are_limited_by_default():
    expression = "[settings.FORM_RATE, settings.WRONG_TOKEN_RATE, settings.AXES_FAILURE_LIMIT, settings.API_TOKEN_DAYS]"
    assert value(expression) == ["60/minute", "30/minute", 10, 365]


def test_a_transaction_of_sqlite_takes_its_lock_first_and_outlives_a_power_cut():
    options = value("settings.DATABASES['default']['OPTIONS']")
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]
    assert "journal_mode=WAL" in options["init_command"]
