"""The airflow DAGs of the newspapers, `crawl_<site>`, made from the site files: bucket 7 of 10."""

from morgue_airflow.buckets import bucket

globals().update(bucket(7))
