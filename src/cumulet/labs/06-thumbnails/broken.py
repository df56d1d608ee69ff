"""For each check of the lab, one way to spoil a solved account so that the check must fail."""

from cumulet.labs.api import Cloud

FUNCTION = "create-thumbnail"


def _empty(cloud: Cloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=item["Key"])


def _resized(cloud: Cloud) -> str:
    return f"{cloud.name('photos')}-resized"


def buckets(cloud: Cloud) -> None:
    """The bucket for thumbnails is gone."""
    _empty(cloud, _resized(cloud))
    cloud.client("s3").delete_bucket(Bucket=_resized(cloud))


def role(cloud: Cloud) -> None:
    """The role lost its right to write logs."""
    cloud.client("iam").detach_role_policy(
        RoleName="thumbnail-role", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    )


def least_privilege(cloud: Cloud) -> None:
    """The role may do everything."""
    cloud.client("iam").attach_role_policy(
        RoleName="thumbnail-role", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"
    )


def function(cloud: Cloud) -> None:
    """The function is gone."""
    cloud.client("lambda").delete_function(FunctionName=FUNCTION)


def permission(cloud: Cloud) -> None:
    """S3 may no longer call the function."""
    cloud.client("lambda").remove_permission(FunctionName=FUNCTION, StatementId="photos-may-invoke")


def trigger(cloud: Cloud) -> None:
    """The bucket tells nobody."""
    cloud.client("s3").put_bucket_notification_configuration(Bucket=cloud.name("photos"), NotificationConfiguration={})


def thumbnails(cloud: Cloud) -> None:
    """A picture came while the trigger was away."""
    trigger(cloud)
    cloud.client("s3").put_object(Bucket=cloud.name("photos"), Key="late.jpg", Body=b"late")


def names(cloud: Cloud) -> None:
    """Only easy names came through."""
    s3 = cloud.client("s3")
    for item in s3.list_objects_v2(Bucket=_resized(cloud)).get("Contents", []):
        if item["Key"] != "thumbnail-rocket.jpg":
            s3.delete_object(Bucket=_resized(cloud), Key=item["Key"])


def size_and_type(cloud: Cloud) -> None:
    """A thumbnail is as large as its picture."""
    source = {"Bucket": cloud.name("photos"), "Key": "rocket.jpg"}
    cloud.client("s3").copy_object(Bucket=_resized(cloud), Key="thumbnail-rocket.jpg", CopySource=source)


def log(cloud: Cloud) -> None:
    """The log is gone."""
    cloud.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{FUNCTION}")
