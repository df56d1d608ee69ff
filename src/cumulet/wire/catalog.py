"""The services that Cumulet plans, and what is needed to recognise their requests before a model is read.

Written by `tools/make_catalog.py` from botocore's models; a test compares the two.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A service. `name` is botocore's folder name; `protocols` are what its endpoint speaks, the preferred first."""

    name: str
    api_version: str
    protocols: tuple[str, ...]
    endpoint_prefix: str
    signing_name: str
    target_prefix: str | None
    json_version: str
    global_endpoint: bool


CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("s3", "2006-03-01", ("rest-xml",), "s3", "s3", None, "", True),
        Entry("dynamodb", "2012-08-10", ("json",), "dynamodb", "dynamodb", "DynamoDB_20120810", "1.0", False),
        Entry(
            "dynamodbstreams",
            "2012-08-10",
            ("json",),
            "streams.dynamodb",
            "dynamodb",
            "DynamoDBStreams_20120810",
            "1.0",
            False,
        ),
        Entry("lambda", "2015-03-31", ("rest-json",), "lambda", "lambda", None, "", False),
        Entry("apigateway", "2015-07-09", ("rest-json",), "apigateway", "apigateway", None, "", False),
        Entry("apigatewayv2", "2018-11-29", ("rest-json",), "apigateway", "apigateway", None, "1.1", False),
        Entry(
            "cognito-idp",
            "2016-04-18",
            ("json",),
            "cognito-idp",
            "cognito-idp",
            "AWSCognitoIdentityProviderService",
            "1.1",
            False,
        ),
        Entry(
            "cognito-identity",
            "2014-06-30",
            ("json",),
            "cognito-identity",
            "cognito-identity",
            "AWSCognitoIdentityService",
            "1.1",
            False,
        ),
        Entry("iam", "2010-05-08", ("query",), "iam", "iam", None, "", True),
        Entry("sts", "2011-06-15", ("query",), "sts", "sts", None, "", True),
        Entry("logs", "2014-03-28", ("json",), "logs", "logs", "Logs_20140328", "1.1", False),
        Entry(
            "cloudwatch",
            "2010-08-01",
            ("smithy-rpc-v2-cbor", "json", "query"),
            "monitoring",
            "monitoring",
            "GraniteServiceVersion20100801",
            "1.0",
            False,
        ),
        Entry("sns", "2010-03-31", ("query",), "sns", "sns", None, "", False),
        Entry("sqs", "2012-11-05", ("json",), "sqs", "sqs", "AmazonSQS", "1.0", False),
        Entry("kinesis", "2013-12-02", ("json",), "kinesis", "kinesis", "Kinesis_20131202", "1.1", False),
        Entry("firehose", "2015-08-04", ("json",), "firehose", "firehose", "Firehose_20150804", "1.1", False),
        Entry(
            "kinesisanalytics",
            "2015-08-14",
            ("json",),
            "kinesisanalytics",
            "kinesisanalytics",
            "KinesisAnalytics_20150814",
            "1.1",
            False,
        ),
        Entry("athena", "2017-05-18", ("json",), "athena", "athena", "AmazonAthena", "1.1", False),
        Entry("glue", "2017-03-31", ("json",), "glue", "glue", "AWSGlue", "1.1", False),
        Entry("emr", "2009-03-31", ("json",), "elasticmapreduce", "elasticmapreduce", "ElasticMapReduce", "1.1", False),
        Entry("redshift", "2012-12-01", ("query",), "redshift", "redshift", None, "", False),
        Entry("redshift-data", "2019-12-20", ("json",), "redshift-data", "redshift-data", "RedshiftData", "1.1", False),
        Entry(
            "machinelearning",
            "2014-12-12",
            ("json",),
            "machinelearning",
            "machinelearning",
            "AmazonML_20141212",
            "1.1",
            False,
        ),
        Entry("sagemaker", "2017-07-24", ("json",), "api.sagemaker", "sagemaker", "SageMaker", "1.1", False),
        Entry("sagemaker-runtime", "2017-05-13", ("rest-json",), "runtime.sagemaker", "sagemaker", None, "1.1", False),
        Entry("ecs", "2014-11-13", ("json",), "ecs", "ecs", "AmazonEC2ContainerServiceV20141113", "1.1", False),
        Entry("ecr", "2015-09-21", ("json",), "api.ecr", "ecr", "AmazonEC2ContainerRegistry_V20150921", "1.1", False),
        Entry("elbv2", "2015-12-01", ("query",), "elasticloadbalancing", "elasticloadbalancing", None, "", False),
        Entry("elb", "2012-06-01", ("query",), "elasticloadbalancing", "elasticloadbalancing", None, "", False),
        Entry("autoscaling", "2011-01-01", ("query",), "autoscaling", "autoscaling", None, "", False),
        Entry("elasticbeanstalk", "2010-12-01", ("query",), "elasticbeanstalk", "elasticbeanstalk", None, "", False),
        Entry("ec2", "2016-11-15", ("ec2",), "ec2", "ec2", None, "", False),
        Entry("cloudformation", "2010-05-15", ("query",), "cloudformation", "cloudformation", None, "", False),
        Entry("codecommit", "2015-04-13", ("json",), "codecommit", "codecommit", "CodeCommit_20150413", "1.1", False),
        Entry(
            "codebuild",
            "2016-10-06",
            ("smithy-rpc-v2-cbor", "json"),
            "codebuild",
            "codebuild",
            "CodeBuild_20161006",
            "1.1",
            False,
        ),
        Entry(
            "codepipeline",
            "2015-07-09",
            ("smithy-rpc-v2-cbor", "json"),
            "codepipeline",
            "codepipeline",
            "CodePipeline_20150709",
            "1.1",
            False,
        ),
        Entry(
            "cloud9", "2017-09-23", ("json",), "cloud9", "cloud9", "AWSCloud9WorkspaceManagementService", "1.1", False
        ),
        Entry("events", "2015-10-07", ("json",), "events", "events", "AWSEvents", "1.1", False),
        Entry(
            "secretsmanager",
            "2017-10-17",
            ("json",),
            "secretsmanager",
            "secretsmanager",
            "secretsmanager",
            "1.1",
            False,
        ),
        Entry("ssm", "2014-11-06", ("json",), "ssm", "ssm", "AmazonSSM", "1.1", False),
        Entry("kms", "2014-11-01", ("json",), "kms", "kms", "TrentService", "1.1", False),
        Entry("stepfunctions", "2016-11-23", ("json",), "states", "states", "AWSStepFunctions", "1.0", False),
    )
}
