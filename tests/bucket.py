"""A real S3 server on loopback, with one bucket."""

from __future__ import annotations

import urllib.request

import boto3
from moto.server import ThreadedMotoServer


class Bucket:
    """The bucket `models` of a server of its own. `endpoint`: the server's address."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        reset = urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")
        urllib.request.urlopen(reset).close()  # servers of one process share what they hold
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.client.create_bucket(Bucket="models")

    def names(self) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket="models").get("Contents", ())]

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket="models", Key=name)
