"""The project's settings as the micro-benchmarks run them: a key of their own, and the database of the tests in a file."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SECRET_KEY", "benchmarks-only-" + "0123456789" * 5)
os.environ.setdefault("LOG_LEVEL", "WARNING")

from project.settings import *  # noqa: F403

# Without a name of its own the database of tests lies in memory, and what is stored there costs no disk.
(VAR_DIR / "bench").mkdir(parents=True, exist_ok=True)  # noqa: F405
DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / "bench" / "micro.sqlite3"}  # noqa: F405
