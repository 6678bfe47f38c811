"""Django settings, all of them from the environment; ``docs/deployment.md`` lists the variables."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF

from project import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

DEBUG = env.boolean("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY")
if len(SECRET_KEY) < 50:
    raise env.EnvironmentProblem("SECRET_KEY", "is shorter than 50 characters; use a long random one")
_LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", ",".join(_LOCAL_HOSTS))
if DEBUG and not set(ALLOWED_HOSTS) <= {*_LOCAL_HOSTS, "testserver"}:
    raise env.EnvironmentProblem("DEBUG", "is on while ALLOWED_HOSTS names a public host; it would show secrets there")

INSTALLED_APPS = [
    "predictions",
    "predictions.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "knox",
    "axes",
]
MIDDLEWARE = [
    "project.middleware.RequestIdMiddleware",
    "predictions.api.errors.ProblemMiddleware",
    "predictions.health.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "predictions.api.middleware.ApiMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "project.middleware.PageBodyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "predictions.context.site",
            ],
        },
    },
]

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'inhouse.sqlite3'}", conn_max_age_s=600)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "predictions.sqlite_backend"
    env.writable_folder("DATABASE_URL", Path(DATABASES["default"]["NAME"]).parent)
    # A transaction that begins by reading and then writes fails at once when another one wrote in between, whatever the
    # timeout; IMMEDIATE takes the write lock first. FULL keeps the last commits through a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;",
    }
    # REST framework imports the fields of PostgreSQL, and with them its driver, wherever that is installed: some 10 MB that
    # nobody here needs. It goes without them where they cannot be imported.
    sys.modules["django.contrib.postgres.fields"] = None  # type: ignore[assignment]
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
else:
    raise env.EnvironmentProblem("DATABASE_URL", "names a database that is neither SQLite nor PostgreSQL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Failed log-ins are counted by address: counted by name, a stranger could lock the reviewers out.
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_CLIENT_IP_CALLABLE = "predictions.client_address.address_of"
AXES_USERNAME_CALLABLE = "predictions.passwords.attempted_name"
AXES_FAILURE_LIMIT = env.integer("LOGIN_FAILURES", default=10, least=1, most=10_000)
AXES_COOLOFF_TIME = timedelta(minutes=env.integer("LOGIN_WAIT_MINUTES", default=15, least=1, most=1440))
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "predictions.error_pages.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    *(
        {"NAME": f"django.contrib.auth.password_validation.{name}"}
        for name in (
            "UserAttributeSimilarityValidator",
            "MinimumLengthValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        )
    ),
    {"NAME": "predictions.passwords.TokensEndWithPassword"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True

# gunicorn takes the same variable from the environment, and removes it from the path of each request.
FORCE_SCRIPT_NAME = env.path_prefix("SCRIPT_NAME") or None
_PREFIX = FORCE_SCRIPT_NAME or ""
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_PREFIX}/"
STATIC_URL = f"{_PREFIX}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Pages ask for files by the names with a digest alone; without the others a worker knows half as many.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

MODEL_RELEASES = BASE_DIR / "ml_model" / "trained"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
# No form of this site takes a file, so no file is read or written to a temporary folder.
FILE_UPLOAD_HANDLERS: list[str] = []
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("MAX_BODY_BYTES", default=32 * 2**20, least=2**16, most=2**30)

HTTPS = env.boolean("HTTPS", default=False)
BEHIND_PROXY = env.boolean("BEHIND_PROXY", default=False)
if HTTPS and not BEHIND_PROXY:
    raise env.EnvironmentProblem(
        "HTTPS",
        "is on, but this server itself speaks http only, so every page would redirect for ever. Put a proxy with TLS in front "
        "that sets X-Forwarded-Proto, and set BEHIND_PROXY=1",
    )
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Browsers remember for a year what is promised here, so sub-domains and the preload list are a decision of the operator.
_HSTS_SCOPE = env.choice("HSTS_SCOPE", "HOST", ["HOST", "SUBDOMAINS", "PRELOAD"])
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HSTS_SCOPE != "HOST"
SECURE_HSTS_PRELOAD = _HSTS_SCOPE == "PRELOAD"
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CSRF_FAILURE_VIEW = "predictions.views.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["predictions.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["predictions.api.renderers.QuickJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "predictions.api.negotiation.QuickNegotiation",
    "DEFAULT_PARSER_CLASSES": ["predictions.api.parsers.StrictJSONParser"],
    "EXCEPTION_HANDLER": "predictions.api.errors.handle",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_THROTTLE_CLASSES": ["predictions.api.throttling.SharedThrottle"],
}
# Limits on requests, see predictions.limits; None is no limit.
API_RATE = env.rate("API_RATE", None)
FORM_RATE = env.rate("FORM_RATE", "60/minute")
WRONG_TOKEN_RATE = env.rate("WRONG_TOKEN_RATE", "30/minute")
API_TOKEN_DAYS = env.integer("API_TOKEN_DAYS", default=365, least=1, most=3650)
KNOX_TOKEN_MODEL = "knox.AuthToken"  # noqa: S105  # the name of a model
REST_KNOX = {"TOKEN_TTL": timedelta(days=API_TOKEN_DAYS), "AUTH_HEADER_PREFIX": "Token"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "project.middleware.RequestIdFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["stderr"], "level": env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])},
}
