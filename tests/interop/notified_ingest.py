"""A daemon that lists once and then follows a queue, and all that the queue tells it, truly and falsely."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs

from agreement import agree
from deliveries import DELETED, LONG_AGO, Deliveries, Objects, minute
from follower import Follower, stop, wait_until
from notified_bucket import CREATED, OTHER_BUCKET, REMOVED, NotifiedBucket
from odd_messages import odd_messages
from sandbox import SOURCE_BUCKET

REPETITIONS = 3
LISTING = re.compile(rf'"GET /{SOURCE_BUCKET}/?\?(\S*list-type=2\S*) HTTP')


class NotifiedIngest:
    """One daemon, one queue, and what was sent to it so far."""

    def __init__(self, bucket: NotifiedBucket, gatelog: Follower, objects: Deliveries, moto_log: Path) -> None:
        self.bucket, self.gatelog, self.objects, self.moto_log = bucket, gatelog, objects, moto_log
        self.sent: Counter[str] = Counter()

    def follow(self) -> Iterator[bool]:
        """The life of the daemon."""
        self.bucket.put(self.objects.before)
        with self.gatelog.daemon() as process:
            at_first = len(self.listings())
            yield from self.queue_comes_late()
            yield from self.notifications_flow()
            yield from self.event_bridge_tells()
            yield from self.messages_are_wrong()
            known = {*self.objects.before, *self.objects.told()}
            yield agree("objects found, with none of the lost", self.gatelog.found(), known)
            yield agree("notices by kind", self.gatelog.notices(), self.sent)
            yield agree("exit code of the daemon", stop(process), 0)
        named = {*self.objects.told(), DELETED, LONG_AGO, self.known_key()}
        yield agree("places listed after the first listing", set(self.listings()[at_first:]), set(map(minute, named)))
        yield agree("backlog after the end", self.bucket.backlog(), (0, 0))

    def known_key(self) -> str:
        """Of an object that the first listing showed."""
        return next(iter(self.objects.before))

    def queue_comes_late(self) -> Iterator[bool]:
        """The queue fails at first, which is no reason not to ingest."""
        yield self.arrives("what was there at the start", self.objects.before)
        yield agree("the queue fails", wait_until(lambda: self.gatelog.failures() > 0), True)
        yield agree("healthy without the queue", self.gatelog.is_healthy(), True)
        self.bucket.put(self.objects.lost_early)
        self.bucket.create_queue(self.bucket.queue_url)

    def notifications_flow(self) -> Iterator[bool]:
        """S3 to SQS to gatelog, for each way to make an object."""
        self.bucket.notify(self.bucket.queue_url, CREATED)
        self.bucket.put(self.objects.put)
        self.bucket.put_as_copy(self.objects.copied)
        self.bucket.put_in_parts(self.objects.multipart)
        # moto tells twice of one in parts, first as if it had been put.
        self.sent.update(other_event=1, listed=len(self.objects.straight()) + len(self.objects.multipart))
        yield self.arrives("what S3 told of", self.objects.straight())

    def event_bridge_tells(self) -> Iterator[bool]:
        self.bucket.notify_by_event_bridge(self.bucket.queue_url)
        self.bucket.put(self.objects.bridged)
        self.sent.update(listed=len(self.objects.bridged))
        yield self.arrives("what EventBridge told of", self.objects.bridged)
        self.bucket.notify_nobody()
        self.bucket.put(self.objects.lost_late)

    def messages_are_wrong(self) -> Iterator[bool]:
        """Late, repeated and in any order; stale; about another bucket or nothing at all."""
        kept = self.kept_messages()
        for body in [*reversed(kept), *kept * (REPETITIONS - 1)]:
            self.bucket.send(body)
        # The test event, the deletion, and the creations.
        self.sent.update(other_event=2 * REPETITIONS, listed=(len(kept) - 2) * REPETITIONS)
        self.bucket.notify(self.bucket.queue_url, CREATED, bucket=OTHER_BUCKET)
        self.bucket.put(self.objects.lost(), OTHER_BUCKET)
        self.sent.update(other_event=1, other_bucket=len(self.objects.lost()))
        for kind, body in odd_messages(self.known_key(), next(iter(self.objects.lost()))):
            self.bucket.send(body)
            self.sent[kind] += 1
        yield self.arrives("what was told late and repeatedly", self.objects.repeated)
        # Also of known objects: the same key and bytes, put and told of again.
        self.bucket.notify(self.bucket.queue_url, CREATED)
        self.bucket.put(self.objects.put)
        self.sent.update(other_event=1, listed=len(self.objects.put))
        wait_until(lambda: self.bucket.backlog() == (0, 0))
        yield agree("backlog of the queue, seen and unseen", self.bucket.backlog(), (0, 0))

    def kept_messages(self) -> list[str]:
        """What S3 says of objects while gatelog does not hear it; one of them is gone by the time it does."""
        self.bucket.create_queue(self.bucket.kept_url)
        self.bucket.notify(self.bucket.kept_url, CREATED, REMOVED)
        self.bucket.put(self.objects.repeated | {DELETED: b"gone"})
        self.bucket.delete(DELETED)
        self.bucket.notify_nobody()
        return self.bucket.take_kept()

    def arrives(self, title: str, objects: Objects) -> bool:
        """Whether all is committed in time; tells how long it took, which is no check."""
        arrived = wait_until(lambda: objects.keys() <= self.gatelog.committed().keys())
        at = self.gatelog.committed()
        lags = [at[key] - self.bucket.put_at[key] for key in objects if key in at]
        if lags:
            print(f"lag of {title}: {min(lags):.1f} to {max(lags):.1f} s, median {median(lags):.1f} s")
        return agree(f"arrived, {title}", arrived, True)

    def listings(self) -> list[str]:
        """Prefixes of all listings of the source bucket, by moto's access log."""
        return [parse_qs(query).get("prefix", [""])[0] for query in LISTING.findall(self.moto_log.read_text())]
