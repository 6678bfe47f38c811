"""The gunicorn configuration of Inhouse without its model and what answers it, which two of its hooks are there for."""

import runpy
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[2] / "deploy" / "gunicorn.conf.py")))
del globals()["on_starting"], globals()["post_worker_init"]
