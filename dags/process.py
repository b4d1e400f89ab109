"""The generic airflow DAG that follows every published crawl: index, extract, quality."""

from morgue_airflow.factory import process_dag

process = process_dag()
