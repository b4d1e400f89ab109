"""The airflow DAGs of the newspapers, `crawl_<site>`, made from the site files: bucket 0 of 10."""

from morgue_airflow.buckets import bucket

globals().update(bucket(0))
