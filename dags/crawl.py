"""One airflow DAG per newspaper: `crawl_<site>`, made from the site files."""

from morgue_airflow.factory import crawl_dags

globals().update(crawl_dags())
