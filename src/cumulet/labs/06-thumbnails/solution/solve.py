"""The whole lab, done by boto3."""

import importlib.util
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from cumulet.labs.api import Cloud
from cumulet.labs.catalog import LabError

HERE = Path(__file__).parent
FUNCTION = "create-thumbnail"
ROLE = "thumbnail-role"
PICTURES = {
    "rocket.jpg": ("rocket.jpg", "image/jpeg"),
    "cats/Chelsea the cat.png": ("chelsea.png", "image/png"),
    "Müller + rocket.jpg": ("rocket.jpg", "image/jpeg"),
}


def solve(cloud: Cloud) -> None:
    """Do everything that the steps ask for."""
    make_buckets(cloud)
    make_function(cloud, make_role(cloud))
    make_trigger(cloud)
    upload_pictures(cloud)


def make_buckets(cloud: Cloud) -> None:
    """One bucket for pictures, one for thumbnails."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=cloud.name("photos"))
    s3.create_bucket(Bucket=f"{cloud.name('photos')}-resized")


def make_role(cloud: Cloud) -> str:
    """The role that the function takes: Lambda may assume it, it may write logs and use the buckets. Returns its ARN."""
    iam = cloud.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    arn: str = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    bucket = f"arn:aws:s3:::{cloud.name('photos')}"
    statements = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"{bucket}-resized/*"},
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    iam.put_role_policy(RoleName=ROLE, PolicyName="buckets", PolicyDocument=json.dumps(policy))
    return arn


def make_function(cloud: Cloud, role: str) -> None:
    """The function, with Pillow in its zip."""
    client = cloud.client("lambda")
    client.create_function(
        FunctionName=FUNCTION,
        Runtime=cloud.runtime,
        Handler="thumbnail.handler",
        Role=role,
        Timeout=30,
        MemorySize=256,
        Code={"ZipFile": package(cloud, HERE / "thumbnail.py")},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})


def package(cloud: Cloud, source: Path) -> bytes:
    """A zip with the function's file and Pillow."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(source, source.name)
        for root in pillow(cloud.folder):
            for file in sorted(root.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    archive.write(file, file.relative_to(root.parent))
    return buffer.getvalue()


def pillow(folder: Path) -> list[Path]:
    """The folders of Pillow: the installed ones, which work offline, else fresh ones from PyPI."""
    spec = importlib.util.find_spec("PIL")
    if spec is not None and spec.submodule_search_locations:
        home = Path(spec.submodule_search_locations[0])
    else:
        target = folder / "package"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "Pillow"]
        if subprocess.run(command, check=False).returncode != 0:
            raise LabError(
                "Pillow is not installed and cannot be fetched. Install it with: pip install 'cumulet[labs]'"
            )
        home = target / "PIL"
    libraries = home.parent / "pillow.libs"
    return [home, libraries] if libraries.is_dir() else [home]


def make_trigger(cloud: Cloud) -> None:
    """Let S3 call the function, then tell it to."""
    bucket = cloud.name("photos")
    arn = cloud.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"]
    cloud.client("lambda").add_permission(
        FunctionName=FUNCTION,
        StatementId="photos-may-invoke",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=cloud.account,
    )
    cloud.client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )


def upload_pictures(cloud: Cloud) -> None:
    """Pictures with easy and with difficult names."""
    for key, (file, kind) in PICTURES.items():
        path = HERE.parent / "pictures" / file
        cloud.client("s3").upload_file(str(path), cloud.name("photos"), key, ExtraArgs={"ContentType": kind})
