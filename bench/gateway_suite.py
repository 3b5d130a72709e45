"""The benchmarks of `make bench-gateway`. Started by run.py, beside a private Postgres."""

from __future__ import annotations

import sys

import gateway
import peers
import suite

BENCHMARKS: dict[str, suite.Benchmark] = {
    "latency": gateway.latency,
    "throughput": gateway.throughput,
    "streams": gateway.streams,
    "open_streams": gateway.open_streams,
    "heavy_peers": gateway.heavy_peers,
}

if __name__ == "__main__":
    if "nginx" not in gateway.PEERS:
        sys.exit("the goals are ratios to nginx, and there is none")
    sys.exit(suite.run(BENCHMARKS, peers.versions(gateway.PEERS)))
