"""The Airflow side: DAG factory, operators and the one-machine stack."""
