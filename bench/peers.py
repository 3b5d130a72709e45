"""The proxies that gatelog's gateway is held against. Each runs as its makers have it, on loopback, without logs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy import Proxy, free_port, listening
from upstream import API_KEY, API_VERSION, AZURE_PATH, DEPLOYMENT, Upstream

ROOT = Path(__file__).resolve().parent.parent
LITELLM_KEY = "sk-bench"


def installed() -> dict[str, Path]:
    """The peers that this machine has or could get, and where they are."""
    said = subprocess.check_output([ROOT / "tools" / "install-bench.sh"], text=True)
    return {name: Path(path) for name, path in (line.split(" ", 1) for line in said.splitlines())}


def versions(paths: dict[str, Path]) -> list[str]:
    """Names with versions, also of those that are missing."""
    known = {"nginx": nginx_version, "portkey": portkey_version, "litellm": litellm_version}
    return [version(paths[name]) if name in paths else f"no {name}" for name, version in known.items()]


NGINX = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_buffer_size 64k;
    client_max_body_size 25m;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream azure {{
        server {upstream};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $proxy_host;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://azure; }}
    }}
    server {{
        listen 127.0.0.1:{stream_port} backlog=4096;
        location / {{ proxy_pass http://azure; proxy_buffering off; }}
    }}
}}
"""


@contextmanager
def nginx(binary: Path, folder: Path, upstream: Upstream) -> Iterator[Proxy]:
    """A worker per core, kept connections on both sides; streams are passed on unbuffered."""
    folder.mkdir()
    port, stream_port = free_port(), free_port()
    config = folder / "nginx.conf"
    places = {"folder": folder, "port": port, "stream_port": stream_port}
    config.write_text(
        NGINX.format(workers=os.cpu_count(), upstream=upstream.endpoint.removeprefix("http://"), **places)
    )
    # `-e`: before it has read its configuration it would log to /var/log/nginx.
    command = [str(binary), "-p", str(folder), "-e", str(folder / "start.log"), "-c", str(config)]
    with listening(command, port, folder / "out.log") as process:
        urls = [f"http://127.0.0.1:{where}{AZURE_PATH}" for where in (port, stream_port)]
        yield Proxy("nginx", urls[0], [API_KEY], urls[1], process.pid, must_not_fail=True)


def nginx_version(binary: Path) -> str:
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True).stderr
    return said.strip().removeprefix("nginx version: ")


@contextmanager
def portkey(install: Path, folder: Path, upstream: Upstream) -> Iterator[Proxy]:
    """Portkey's gateway: one process, the provider named by headers."""
    folder.mkdir()
    port = free_port()
    preload = ROOT / "bench" / "portkey" / "loopback.cjs"
    command = ["node", "--require", str(preload), str(portkey_package(install) / "build" / "start-server.js")]
    environment = os.environ | {"NODE_ENV": "production"}
    with listening([*command, f"--port={port}", "--headless"], port, folder / "out.log", environment) as process:
        headers = [
            API_KEY,
            "x-portkey-provider: azure-openai",
            "x-portkey-azure-resource-name: unused",
            f"x-portkey-azure-deployment-id: {DEPLOYMENT}",
            f"x-portkey-azure-api-version: {API_VERSION}",
            f"x-portkey-custom-host: {upstream.endpoint}/openai",
        ]
        yield Proxy("Portkey", f"http://127.0.0.1:{port}/v1/chat/completions", headers, process=process.pid)


def portkey_package(install: Path) -> Path:
    return install / "node_modules" / "@portkey-ai" / "gateway"


def portkey_version(install: Path) -> str:
    version = json.loads((portkey_package(install) / "package.json").read_text())["version"]
    node = subprocess.check_output(["node", "--version"], text=True).strip()
    return f"Portkey {version} (Node {node})"


@contextmanager
def litellm(venv: Path, folder: Path, upstream: Upstream) -> Iterator[Proxy]:
    """LiteLLM's proxy: one worker, a master key, no database, no retries."""
    folder.mkdir()
    port = free_port()
    where = {"model": f"azure/{DEPLOYMENT}", "api_base": upstream.endpoint, "api_version": API_VERSION}
    config = {
        "model_list": [{"model_name": DEPLOYMENT, "litellm_params": where | {"api_key": "any"}}],
        "litellm_settings": {"num_retries": 0, "telemetry": False},
        "general_settings": {"master_key": LITELLM_KEY},
    }
    # JSON is YAML too.
    path = folder / "litellm.yaml"
    path.write_text(json.dumps(config))
    command = [str(venv / "bin" / "litellm"), "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]
    # Its list of prices would be fetched otherwise.
    environment = os.environ | {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with listening([*command, "--num_workers", "1"], port, folder / "out.log", environment) as process:
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        yield Proxy("LiteLLM", url, [f"authorization: Bearer {LITELLM_KEY}"], process=process.pid)


def litellm_version(venv: Path) -> str:
    program = "from importlib.metadata import version; print(version('litellm'))"
    said = subprocess.check_output([venv / "bin" / "python", "-c", program], text=True)
    return f"LiteLLM {said.strip()}"
