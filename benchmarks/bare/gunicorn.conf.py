"""The gunicorn configuration of Inhouse without its model, which is all that ``post_worker_init`` is there for."""

import runpy
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[2] / "deploy" / "gunicorn.conf.py")))
del globals()["post_worker_init"]
