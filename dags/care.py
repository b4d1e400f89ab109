"""The airflow DAGs that look after the archive: compact, audit, recover, health, package."""

from morgue_airflow.care import care_dags

globals().update(care_dags())
