# One image for every process: the API, the workers, the ticker and the migration differ by their command only.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# The locked packages first: this layer changes only when the locks do.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/slamon \
    && /opt/slamon/bin/pip install --no-deps --require-hashes --requirement requirements.lock \
    && pip install --no-deps --require-hashes --requirement requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY slamon slamon
COPY workers workers
COPY migrations migrations
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/slamon/bin/pip install --no-deps dist/*.whl \
    && /opt/slamon/bin/pip check


FROM python:3.13-slim-trixie
ENV PATH=/opt/slamon/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# pg_dump and pg_restore for `slamon backup` and `restore`: Debian 13's own, not older than the server of
# docker-compose.yml, since pg_dump refuses a newer one.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 slamon \
    && useradd --uid 10001 --gid slamon --no-create-home --home-dir /srv/slamon --shell /usr/sbin/nologin slamon \
    && install --directory --owner slamon --group slamon /srv/slamon /srv/slamon/var /srv/slamon/var/files
COPY --from=build /opt/slamon /opt/slamon
USER slamon
# var/ holds the SQLite file of a single-container installation, var/files the files of requests; mount a volume there.
WORKDIR /srv/slamon
EXPOSE 8000
CMD ["slamon", "api", "--host", "0.0.0.0", "--port", "8000"]
