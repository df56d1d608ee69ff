"""Writes a thumbnail of every picture that arrives."""

import os
from urllib.parse import unquote_plus

import boto3
from PIL import Image

s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        picture = os.path.join("/tmp", os.path.basename(key))
        small = picture + ".thumbnail"
        s3.download_file(bucket, key, picture)
        with Image.open(picture) as image:
            print(f"{key}: {image.width} x {image.height} pixels")
            image.thumbnail((128, 128))
            image.convert("RGB").save(small, "JPEG")
        s3.upload_file(small, f"{bucket}-resized", f"thumbnail-{key}", ExtraArgs={"ContentType": "image/jpeg"})
        os.remove(picture)
        os.remove(small)
