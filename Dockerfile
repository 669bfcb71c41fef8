# mysqlclient is compiled in a stage of its own, so that no compiler reaches production.
FROM python:3.11.14-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev pkg-config default-libmysqlclient-dev \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -r /requirements.txt

FROM python:3.11.14-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libmariadb3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin monitor
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/tmp/monitor
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
USER monitor
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "healthcheck.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--loop", "uvloop", "--http", "healthcheck.connections:Connection", "--lifespan", "off", \
     "--log-level", "warning", "--no-access-log", "--timeout-graceful-shutdown", "3"]
