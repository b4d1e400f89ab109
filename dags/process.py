"""The generic airflow DAG that follows every published crawl: index, then extract."""

from morgue_airflow.factory import process_dag

process = process_dag()
