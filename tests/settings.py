"""The project's settings as the tests run them: a key of their own, plain static files, quick password hashes."""

import os

os.environ["SECRET_KEY"] = "tests-only-" + "0123456789" * 5
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"

from project.settings import *  # noqa: F403

# The manifest of compressed files is made by collectstatic, which `make run` and the checks run.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
# The web app is tested with a release of its own, so that its tests hold whatever model this project ships.
MODEL_RELEASES = BASE_DIR / "tests" / "data" / "releases"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "predictions.sqlite_backend":  # noqa: F405
    # In memory; pytest-django appends the name of a worker, which SQLite ignores in a parameter that it does not know.
    DATABASES["default"]["TEST"] = {"NAME": "file:tests?mode=memory&cache=shared&worker=main"}  # noqa: F405
