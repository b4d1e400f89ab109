"""The values for the Helm chart fit what the program reads."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import yaml

import archive.config

ROOT = Path(__file__).parent.parent
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "helm-values.yaml").read_text(encoding="utf-8"))
ENV = {each["name"]: each["value"] for each in VALUES["env"]}
SECRETS = {each["envName"] for each in VALUES["secret"]}


def test_every_variable_is_a_setting_that_exists() -> None:
    known = set(re.findall(r"(?:MORGUE|AWS)_\w+", archive.config.__doc__ or "")) | {"MORGUE_ROOM_URL"}
    assert set(ENV) | SECRETS <= known
    config = archive.config.Config.from_env(ENV)
    assert (config.archive, str(config.spool)) == ("s3://morgue/archive", "/data/spool")


def test_no_secret_stands_in_the_values() -> None:
    assert not set(ENV) & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert all(each["secretName"] and each["secretKey"] for each in VALUES["secret"])


def test_spool_and_site_files_are_mounted_where_the_settings_say() -> None:
    workers = VALUES["workers"]
    spool = {each["name"]: each["mountPath"] for each in workers["extraVolumeMounts"]}
    sites = {each["name"]: each["mountPath"] for each in VALUES["volumeMounts"]}
    assert spool == {workers["extraVolumes"][0]["name"]: ENV["MORGUE_SPOOL"]}
    assert sites == {VALUES["volumes"][0]["name"]: ENV["MORGUE_SITES"]}


def test_image_paths_and_user_are_those_of_the_dockerfile() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"AIRFLOW_HOME={VALUES['airflowHome']}" in text
    assert f"useradd --uid {VALUES['uid']} " in text
    assert VALUES["config"]["core"]["dags_folder"] == "/app/dags"
    assert "WORKDIR /app\n" in text


def test_the_shell_lines_that_end_a_crawl_can_be_read_by_a_shell_and_look_for_the_crawls_own_words() -> None:
    command = VALUES["workers"]["containerLifecycleHooks"]["preStop"]["exec"]["command"]
    assert subprocess.run(["sh", "-n", "-c", command[2]], check=False).returncode == 0
    operator = (ROOT / "dags" / "morgue_airflow" / "operators.py").read_text(encoding="utf-8")
    assert '[sys.executable, "-m", "archive", "crawl"]' in operator
    assert " -m archive crawl " in command[2]
    assert shlex.split(command[2].splitlines()[-1])[0] == "while"
