"""The airflow DAG that reads all pages of the archive again, in parallel, and says what differs."""

from morgue_airflow.again import again_dag

extract_again = again_dag()
