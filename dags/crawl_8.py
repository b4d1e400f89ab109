"""The airflow DAGs of the newspapers, `crawl_<site>`, made from the site files: bucket 8 of 10."""

from morgue_airflow.buckets import bucket

globals().update(bucket(8))
