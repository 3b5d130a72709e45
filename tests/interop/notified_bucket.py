"""A bucket of moto whose S3 notifications flow to SQS, straight or by way of EventBridge."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import sandbox
from deliveries import PREFIX, Objects

# moto's account.
ACCOUNT = "123456789012"
QUEUE = "notices"
# Catches messages before gatelog sees them.
KEPT = "kept"
OTHER_BUCKET = "others"
RULE = "created"
# As `deploy/terraform` has them for R2.
FILTER = [{"Name": "prefix", "Value": f"{PREFIX}/"}, {"Name": "suffix", "Value": ".log.gz"}]
CREATED = "s3:ObjectCreated:*"
REMOVED = "s3:ObjectRemoved:*"
RECEIVED_MAX = 10


class NotifiedBucket:
    """The source bucket, its queue and what lies between them; when each object was put is kept."""

    def __init__(self, s3: sandbox.S3) -> None:
        keys = {"aws_access_key_id": s3.access_key, "aws_secret_access_key": s3.secret_key}
        self.s3 = s3.client()
        self.sqs = boto3.client("sqs", endpoint_url=s3.endpoint, region_name=s3.region, **keys)
        self.events = boto3.client("events", endpoint_url=s3.endpoint, region_name=s3.region, **keys)
        self.region = s3.region
        self.queue_url = f"{s3.endpoint}/{ACCOUNT}/{QUEUE}"
        self.kept_url = f"{s3.endpoint}/{ACCOUNT}/{KEPT}"
        self.put_at: dict[str, float] = {}
        self.s3.create_bucket(Bucket=OTHER_BUCKET)

    def create_queue(self, url: str) -> None:
        name = url.rpartition("/")[2]
        made = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        if made != url:
            raise ValueError(f"the queue is at {made}, not at {url}")

    def arn(self, url: str) -> str:
        return f"arn:aws:sqs:{self.region}:{ACCOUNT}:{url.rpartition('/')[2]}"

    def notify(self, url: str, *events: str, bucket: str = sandbox.SOURCE_BUCKET) -> None:
        """From now on to this queue only, which gets S3's test event first."""
        rules = {"Key": {"FilterRules": FILTER}}
        self._set(bucket, {"QueueConfigurations": [{"QueueArn": self.arn(url), "Events": events, "Filter": rules}]})

    def notify_by_event_bridge(self, url: str) -> None:
        """From now on to the default bus only, whose rule sends to this queue."""
        pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"]}
        self.events.put_rule(Name=RULE, EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=RULE, Targets=[{"Id": QUEUE, "Arn": self.arn(url)}])
        self._set(sandbox.SOURCE_BUCKET, {"EventBridgeConfiguration": {}})

    def notify_nobody(self) -> None:
        self._set(sandbox.SOURCE_BUCKET, {})

    def _set(self, bucket: str, configuration: dict[str, Any]) -> None:
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

    def put(self, objects: Objects, bucket: str = sandbox.SOURCE_BUCKET) -> None:
        for key, body in objects.items():
            self.put_at[key] = time.time()
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def put_as_copy(self, objects: Objects) -> None:
        """From the other bucket, which tells nobody yet."""
        self.put(objects, OTHER_BUCKET)
        for key in objects:
            self.put_at[key] = time.time()
            source = {"Bucket": OTHER_BUCKET, "Key": key}
            self.s3.copy_object(Bucket=sandbox.SOURCE_BUCKET, Key=key, CopySource=source)

    def put_in_parts(self, objects: Objects) -> None:
        for key, body in objects.items():
            self.put_at[key] = time.time()
            place = {"Bucket": sandbox.SOURCE_BUCKET, "Key": key}
            place["UploadId"] = self.s3.create_multipart_upload(**place)["UploadId"]
            part = {"PartNumber": 1, "ETag": self.s3.upload_part(**place, PartNumber=1, Body=body)["ETag"]}
            self.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [part]})

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=sandbox.SOURCE_BUCKET, Key=key)

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def take_kept(self) -> list[str]:
        """The bodies that were kept, oldest first."""
        bodies = []
        while messages := self._receive_kept():
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.kept_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def _receive_kept(self) -> list[dict[str, Any]]:
        return self.sqs.receive_message(QueueUrl=self.kept_url, MaxNumberOfMessages=RECEIVED_MAX).get("Messages", [])

    def backlog(self) -> tuple[int, int]:
        """Messages that wait, and messages that were handed out and not acknowledged."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])
