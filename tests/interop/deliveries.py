"""The objects of the notifications check, by how gatelog is to learn of each."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import sandbox

# S3 encodes keys in its messages: a blank, a plus and a letter beyond ASCII come out different.
PREFIX = "gateway a+b/ü"
FILES = 12
# Of a minute that nothing else lies in, and in no corpus.
MIXED = f"{PREFIX}/20260102/20260102T000000Z_20260102T000030Z_00000001.log.gz"
REDELIVERED = f"{PREFIX}/20260102/20260102T000200Z_20260102T000230Z_00000002.log.gz"
DELETED = f"{PREFIX}/20260102/20260102T000400Z_20260102T000430Z_00000003.log.gz"
LONG_AGO = f"{PREFIX}/20200101/20200101T000000Z_20200101T000030Z_00000000.log.gz"
NOT_JSON = b"no JSON\n"
LINES_MIXED = 20

Objects = dict[str, bytes]


@dataclass(frozen=True)
class Deliveries:
    """Bytes by key. Each corpus file has hours of its own, so no listing of one minute shows another object."""

    before: Objects
    put: Objects
    copied: Objects
    multipart: Objects
    bridged: Objects
    repeated: Objects
    # While the queue fails, and while no notification is set up.
    lost_early: Objects
    lost_late: Objects

    @staticmethod
    def of(corpus: Path) -> Deliveries:
        files = {f"{PREFIX}/{file.relative_to(corpus)}": file.read_bytes() for file in sandbox.log_objects(corpus)}
        keys = list(files)
        if len(keys) != FILES:
            raise ValueError(f"the corpus has {len(keys)} files")
        lines = gzip.decompress(files[keys[0]]).splitlines(keepends=True)[:LINES_MIXED]
        # Lines of another object, among them two that are no records.
        mixed = {MIXED: gzip.compress(b"".join([NOT_JSON, *lines, lines[0].replace(b"}", b"")]), mtime=0)}
        # A lost object's bytes under another key: here the copy is counted and the original is the duplicate, while a
        # listing of everything meets the original first. Totals may not tell.
        redelivered = {REDELIVERED: files[keys[10]]}

        def some(start: int, end: int) -> Objects:
            return {key: files[key] for key in keys[start:end]}

        return Deliveries(
            before=some(0, 2),
            put=some(2, 5) | mixed | redelivered,
            copied=some(5, 6),
            multipart=some(6, 7),
            bridged=some(7, 8),
            repeated=some(8, 10),
            lost_early=some(10, 11),
            lost_late=some(11, 12),
        )

    def straight(self) -> Objects:
        """What S3 itself tells the queue of."""
        return self.put | self.copied | self.multipart

    def told(self) -> Objects:
        """What some message names."""
        return self.straight() | self.bridged | self.repeated

    def lost(self) -> Objects:
        return self.lost_early | self.lost_late


def minute(key: str) -> str:
    """The key up to the minute of its name."""
    return key[: key.rfind("/") + len("/YYYYMMDDTHHMM")]
