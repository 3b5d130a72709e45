"""The gateway against the upstream itself, nginx, Portkey and LiteLLM: latency, throughput, streams, memory."""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import peers
import upstream
from governed import governed
from load import Generator, Load
from measure import Context, interleaved, median_by
from proxy import Proxy

RATE = 1_000
# Of a rate; so many that none waits for a connection unless the proxy stalls.
RATE_CONNECTIONS = 64
# At full speed; both cores are busy long before.
MAX_CONNECTIONS = 32
SECONDS = 6
ROUNDS = 5
# With text; a few more come before and after.
FRAMES = 100
OPEN_STREAMS = 1_000
OPEN_SECONDS = 10
# They last longer than they are held.
OPEN_BEHAVIOUR = "frames=300;frame-ms=200"
# What the log is sealed for where a goal is measured. With RSA-4096, `gatelog keygen`'s own choice, the public-key
# operation of a record alone takes as much CPU time as all that nginx does for a request, so that is shown beside it.
KEY_BITS = 2048
KEY_BITS_LARGE = 4096
# What the heavy peers can carry with something to spare, and connections for their full speed.
PEER_RATES = {"portkey": 100, "litellm": 20}
PEER_CONNECTIONS = 8
PEER_ROUNDS = 3
# Every prompt has an answer of its own, so sizes differ by chance.
SIZES_RATIO_MAX = 1.02


@dataclass(frozen=True)
class Stage:
    """What stands while a benchmark runs."""

    context: Context
    folder: Path
    upstream: upstream.Upstream
    generator: Generator
    stack: ExitStack

    @property
    def seconds(self) -> int:
        return 2 if self.context.quick else SECONDS

    def rounds(self, full: int) -> int:
        return 1 if self.context.quick else full

    def gatelog(self, key_bits: int = KEY_BITS) -> Proxy:
        folder = self.folder / f"gatelog-{key_bits}"
        return self.stack.enter_context(governed(self.context.binaries, folder, self.upstream, key_bits))

    def peer(self, name: str) -> Proxy:
        """nginx, portkey or litellm."""
        start = {"nginx": peers.nginx, "portkey": peers.portkey, "litellm": peers.litellm}[name]
        return self.stack.enter_context(start(PEERS[name], self.folder / name, self.upstream))

    def with_nginx(self) -> list[Proxy]:
        """The two that the goals are about."""
        return [self.peer("nginx"), self.gatelog()]


PEERS = peers.installed()


@contextmanager
def stage(context: Context) -> Iterator[Stage]:
    allow_open_files()
    folder = Path(tempfile.mkdtemp(dir=context.folder))
    with ExitStack() as stack:
        azure = stack.enter_context(upstream.running(context.binaries))
        yield Stage(context, folder, azure, Generator(context.binaries, folder, azure), stack)


def allow_open_files() -> None:
    """A stream takes a file descriptor in the generator, two in a proxy, one in the upstream."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def latency(context: Context) -> dict[str, float]:
    """What is added at a fixed rate, paired within each round."""
    with stage(context) as on:
        proxies = [on.upstream.direct(), *on.with_nginx()]
        load = partial(on.generator.rate, per_second=RATE, seconds=on.seconds, connections=RATE_CONNECTIONS)
        results = compared(proxies, load, on.rounds(ROUNDS))
    print_latencies(results, RATE)
    return {
        "gateway_added_p50": added(results, proxies[2].name, lambda load: load.latency.p50),
        "gateway_added_p99": added(results, proxies[2].name, lambda load: load.latency.p99),
    }


def throughput(context: Context) -> dict[str, float]:
    """Plain answers at full speed."""
    with stage(context) as on:
        load = partial(on.generator.max, seconds=on.seconds, connections=MAX_CONNECTIONS)
        proxies = [on.upstream.direct(), *on.with_nginx(), on.gatelog(KEY_BITS_LARGE)]
        results = compared(proxies, load, on.rounds(ROUNDS))
    print_speeds(results, "answers")
    return {"gateway_answers_ratio": ratio(results, proxies[2].name, "nginx")}


def streams(context: Context) -> dict[str, float]:
    """Streamed answers at full speed; the upstream sends all frames of one at once, which is the hardest."""
    with stage(context) as on:
        on.upstream.behave(f"frames={FRAMES}")
        load = partial(on.generator.max, seconds=on.seconds, connections=MAX_CONNECTIONS, is_stream=True)
        proxies = [on.upstream.direct(), *on.with_nginx()]
        results = compared(proxies, load, on.rounds(ROUNDS))
    print_speeds(results, f"streams of {FRAMES} frames")
    return {"gateway_streams_ratio": ratio(results, proxies[2].name, "nginx")}


def open_streams(context: Context) -> dict[str, float]:
    """The most memory of a gateway that does nothing but hold many streams."""
    count = context.scaled(OPEN_STREAMS)
    with stage(context) as on:
        on.upstream.behave(OPEN_BEHAVIOUR)
        for proxy in on.with_nginx():
            idle = proxy.peak_rss_mb()
            with on.generator.holding(proxy, count, on.seconds if context.quick else OPEN_SECONDS) as held:
                peak = proxy.peak_rss_mb()
            if held["begun"] != count or held["held"] != count:
                sys.exit(f"{proxy.name} did not hold {count} streams: {held}")
            proxy.settle()
            said = f"peak RSS {peak:.0f} MB with {count} streams open, {idle:.0f} MB before"
            print(f"{proxy.name}: {said}, {proxy.peak_rss_mb():.0f} MB once all hung up at once", flush=True)
    return {"gateway_peak_rss": peak}


def heavy_peers(context: Context) -> dict[str, float]:
    """Portkey and LiteLLM, at rates that they can carry and at full speed. No goals: others are not ours to reach."""
    for name, rate in PEER_RATES.items():
        if name not in PEERS:
            print(f"{name}: not installed, left out")
            continue
        with stage(context) as on:
            peer, rounds = on.peer(name), on.rounds(PEER_ROUNDS)
            at_rate = partial(on.generator.rate, per_second=rate, seconds=on.seconds, connections=PEER_CONNECTIONS)
            results = compared([on.upstream.direct(), on.gatelog(), peer], at_rate, rounds)
            print_latencies(results, rate)
            full = partial(on.generator.max, seconds=on.seconds, connections=PEER_CONNECTIONS)
            print_speeds(compared([peer], full, rounds), "answers")
            on.upstream.behave(f"frames={FRAMES}")
            streamed = partial(full, is_stream=True)
            print_speeds(compared([peer], streamed, rounds), f"streams of {FRAMES} frames")
    return {}


def compared(proxies: list[Proxy], load: Callable[[Proxy], Load], rounds: int) -> dict[str, list[Load]]:
    """Loads them in turn. Those that pass answers on as they are must have passed on as much."""
    results = interleaved(rounds, {proxy.name: partial(load, proxy) for proxy in proxies})
    sizes = {proxy.name: body_bytes(results[proxy.name]) for proxy in proxies if proxy.must_not_fail}
    if sizes and max(sizes.values()) > SIZES_RATIO_MAX * min(sizes.values()):
        sys.exit(f"bytes per answer differ: {sizes}")
    return results


def answers(loads: list[Load]) -> int:
    return sum(load.answers for load in loads)


def body_bytes(loads: list[Load]) -> float:
    return sum(load.body_bytes for load in loads) / answers(loads)


def added(results: dict[str, list[Load]], name: str, figure: Callable[[Load], float]) -> float:
    """What a proxy adds to the upstream: the median over the rounds, in each of which both had the same machine."""
    pairs = zip(results[name], results["direct"], strict=True)
    return statistics.median(figure(proxy) - figure(direct) for proxy, direct in pairs)


def ratio(results: dict[str, list[Load]], name: str, to: str) -> float:
    """Of answers per CPU second: the median over the rounds."""
    pairs = zip(results[name], results[to], strict=True)
    return statistics.median(mine.per_cpu_second / theirs.per_cpu_second for mine, theirs in pairs)


def print_latencies(results: dict[str, list[Load]], rate: int) -> None:
    for name, loads in results.items():
        if not answers(loads):
            print(f"{name} at {rate}/s: no answer, {loads[0].errors}")
            continue
        median = median_by(loads, lambda load: load.latency.p50)
        p99 = statistics.median(load.latency.p99 for load in loads)
        line = f"{name} at {rate}/s: p50 {median.latency.p50:.3f} ms, p99 {p99:.2f} ms"
        if name != "direct":
            more50 = added(results, name, lambda load: load.latency.p50)
            more99 = added(results, name, lambda load: load.latency.p99)
            line += f", added {more50:.3f} and {more99:.2f} ms, {cpu(median)}"
        print(line + troubles(loads), flush=True)
    late = statistics.median(load.late.p99 for load in results["direct"])
    print(f"requests to the upstream itself were sent at most {late * 1000:.0f} us late, but for 1 %", flush=True)


def print_speeds(results: dict[str, list[Load]], what: str) -> None:
    for name, loads in results.items():
        if not answers(loads):
            print(f"{name}: no {what}, {loads[0].errors}")
            continue
        median = median_by(loads, lambda load: load.per_second)
        line = f"{name}: {median.per_second:.0f} {what} per second, {body_bytes(loads) / 1000:.1f} kB each"
        if name != "direct":
            median = median_by(loads, lambda load: load.per_cpu_second)
            line += f"; {median.per_cpu_second:.0f} per CPU second, {cpu(median)}"
        print(line + troubles(loads), flush=True)


def cpu(load: Load) -> str:
    """CPU time, and how much of it came after the last answer: shipping, new sealing keys."""
    said = f"{load.cpu_micros:.0f} us of CPU each"
    after = load.cpu_seconds_after / load.asked * 1e6
    return f"{said} ({after:.0f} of them afterwards)" if after >= 1 else said


def troubles(loads: list[Load]) -> str:
    """What went wrong, if anything did."""
    errors: dict[str, int] = {}
    for load in loads:
        for what, count in load.errors.items():
            errors[what] = errors.get(what, 0) + count
    said = [f"{count} times {what}" for what, count in errors.items()]
    unsent = sum(load.unsent for load in loads)
    said += [f"{unsent} requests unsent: the rate was not carried"] if unsent else []
    return f"; {', '.join(said)}" if said else ""
