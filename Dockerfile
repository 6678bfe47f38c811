# docker build -t inhouse . && docker run -p 8000:8000 -e SECRET_KEY=... -e ALLOWED_HOSTS=... -v inhouse:/app/var inhouse
# Before the first start, and after each update: docker run ... inhouse python manage.py migrate

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /venv
COPY requirements.lock /tmp/requirements.lock
RUN /venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/requirements.lock
WORKDIR /app
COPY manage.py ./
COPY project project
COPY ml_model ml_model
COPY predictions predictions
COPY templates templates
COPY deploy/gunicorn.conf.py deploy/gunicorn.conf.py
# The key signs nothing here: it only lets the settings be read, and it does not outlive this step.
RUN SECRET_KEY=$(/venv/bin/python -c "import secrets; print(secrets.token_urlsafe(60))") \
    /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf var && mkdir -m 700 var

FROM python:3.12-slim
COPY --from=build /venv /venv
COPY --from=build /app /app
# Any user id may run it with a read-only root, as OpenShift does: such a user is in group 0, and only var is written.
RUN chgrp 0 /app/var && chmod 2770 /app/var && chown 10001 /app/var
ENV PATH=/venv/bin:$PATH HOME=/app/var TMPDIR=/app/var PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 HOST=0.0.0.0 PORT=8000
WORKDIR /app
USER 10001:0
VOLUME /app/var
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + os.environ.get('SCRIPT_NAME', '') + '/health/ready', timeout=4)"]
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "project.wsgi"]
