"""What all tests share. The environment is set before Django reads it."""

import os

os.environ["SECRET_KEY"] = "tests-only-" + "0123456789" * 5
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("ALLOWED_HOSTS", "testserver,127.0.0.1,localhost")
