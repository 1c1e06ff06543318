# Parley as a container: one process, which writes to /data and /tmp alone. docs/operations.md says how to run it.
FROM python:3.13-slim-trixie

WORKDIR /app

COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt

COPY CHANGELOG.md LICENSE alembic.ini ./
COPY app ./app
COPY migrations ./migrations
COPY static ./static
COPY templates ./templates
COPY deploy/healthcheck.py ./
# Compiled now, because later nothing may be written here. A volume begins as a copy of /data, its owner included.
RUN python -m compileall -q --invalidation-mode unchecked-hash app migrations \
    && install -d -m 700 -o 10001 -g 10001 /data

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PARLEY_HOST=0.0.0.0 \
    PARLEY_PORT=8000 \
    PARLEY_DATA=/data

USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "healthcheck.py"]

ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
