"""Write the data of `services/iam/managed.py`: the texts of AWS's managed policies, as the PyPI package moto lists them.

    pip download moto --no-deps && unzip moto*.whl 'moto/iam/aws_managed_policies.py'
    python tools/make_managed_policies.py moto/iam/aws_managed_policies.py

Kept are the policies of the services that Cumulet plans, of the job functions, and those that the consoles attach. The
index is JSON; the documents stand behind one another, each compressed by itself with a dictionary of frequent words, so
that reading one costs what one costs.
"""

from __future__ import annotations

import ast
import re
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).resolve().parent.parent / "src" / "cumulet" / "services" / "iam" / "data"
LARGEST = 100_000
ORDER = [
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
]
WINDOW = 32_768

# Names of services as they appear in the names of policies.
SERVICES = [
    "APIGateway",
    "ApiGateway",
    "AppSync",
    "Athena",
    "AutoScaling",
    "Batch",
    "CertificateManager",
    "Cloud9",
    "CloudFormation",
    "CloudFront",
    "CloudTrail",
    "CloudWatch",
    "Cloudwatch",
    "CodeArtifact",
    "CodeBuild",
    "CodeCommit",
    "CodeDeploy",
    "CodePipeline",
    "CodeStar",
    "Cognito",
    "Comprehend",
    "DataPipeline",
    "DMS",
    "DynamoDB",
    "DAX",
    "EC2",
    "ECR",
    "ECS",
    "EKS",
    "ElastiCache",
    "ElasticBeanstalk",
    "ElasticFileSystem",
    "ElasticLoadBalancing",
    "ElasticMapReduce",
    "EMR",
    "EventBridge",
    "Events",
    "Firehose",
    "Fargate",
    "Glue",
    "Greengrass",
    "IAM",
    "IoT",
    "KMS",
    "KeyManagement",
    "Keyspaces",
    "Kinesis",
    "LakeFormation",
    "Lambda",
    "Lex",
    "Lightsail",
    "Logs",
    "MSK",
    "MemoryDB",
    "MobileAnalytics",
    "OpenSearch",
    "OpenSearchService",
    "Opensearch",
    "Pipes",
    "Polly",
    "QuickSight",
    "RDS",
    "Redshift",
    "Rekognition",
    "ResourceGroups",
    "Route53",
    "S3",
    "SES",
    "SNS",
    "SQS",
    "SSM",
    "SageMaker",
    "Scheduler",
    "SecretsManager",
    "SecurityToken",
    "ServiceCatalog",
    "StepFunctions",
    "SSO",
    "SystemsManager",
    "Textract",
    "TranscribeService",
    "Transcribe",
    "Translate",
    "VPC",
    "WAF",
    "XRay",
    "Xray",
    "XrayDaemon",
    "AWSXRay",
    "ES",
    "ElasticContainerRegistry",
    "Timestream",
    "MachineLearning",
    "ApplicationAutoScaling",
    "Bedrock",
    "AppRunner",
    "Backup",
    "Config",
    "DataExchange",
    "Forecast",
    "Personalize",
    "MQ",
    "Neptune",
    "DocDB",
]
OTHERS = [
    "AdministratorAccess",
    "AdministratorAccess-AWSElasticBeanstalk",
    "AdministratorAccess-Amplify",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "ViewOnlyAccess",
    "SecurityAudit",
    "Billing",
    "SupportUser",
    "SystemAdministrator",
    "DatabaseAdministrator",
    "DataScientist",
    "NetworkAdministrator",
    "AWSBillingReadOnlyAccess",
    "AWSAccountUsageReportAccess",
    "ServiceQuotasFullAccess",
    "ServiceQuotasReadOnlyAccess",
    "ResourceGroupsandTagEditorFullAccess",
    "AWSSupportAccess",
    "AutoScalingServiceRolePolicy",
    "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
    "AWSApplicationAutoscalingDynamoDBTablePolicy",
    "AWSApplicationAutoscalingECSServicePolicy",
    "AWSApplicationAutoscalingSageMakerEndpointPolicy",
    "AWSDenyAll",
    "AWSResourceGroupsReadOnlyAccess",
    "SignInLocalDevelopmentAccess",
    "AccessAnalyzerServiceRolePolicy",
    "IAMAccessAnalyzerFullAccess",
    "IAMAccessAnalyzerReadOnlyAccess",
]
NOT = re.compile(
    "Studio|DataZone|Canvas|HyperPod|ServiceCatalogProducts|Partner|MediaLive|Outposts|ECRPullThrough|Preview|Custom"
    "|DevOpsGuru|AuditManager|Marketplace|Lookout|Geospatial|GroundTruthSynthetic|ConfigMulti|ConfigConformsPack|Robo"
    "|ConfigRole$|ConfigServiceRolePolicy$|RootUser|CloudWatchOmni|Transform|AgentCore|Harmony|LaunchWizard|VMware|Migration|DisasterRecovery"
)


def wanted(name: str, policy: dict[str, Any]) -> bool:
    """Whether to keep a policy."""
    if name in OTHERS or policy["Path"] == "/job-function/":
        return True
    if NOT.search(name) or len(_text(policy)) > LARGEST:
        return False
    bare = re.sub("^(AWS|Amazon)(?=[A-Z_])", "", name).lstrip("_")
    return any(bare.startswith(service) for service in SERVICES)


def _text(policy: dict[str, Any]) -> bytes:
    """A document with its members in the order in which AWS writes them, which moto has not kept."""
    document = policy["Document"]
    statements = document["Statement"]
    one = isinstance(statements, dict)
    ordered = [_ordered(statement) for statement in ([statements] if one else statements)]
    return orjson.dumps({**_ordered(document), "Statement": ordered[0] if one else ordered})


def _ordered(members: dict[str, Any]) -> dict[str, Any]:
    return {name: members[name] for name in sorted(members, key=ORDER.index)}


def _words(texts: list[bytes]) -> bytes:
    """What documents say most often, the most frequent last: zlib's dictionary."""
    said: Counter[bytes] = Counter()
    for text in texts:
        said.update(set(re.findall(rb'"[^"]{6,80}"', text)))
    best = sorted((word for word, times in said.items() if times > 2), key=lambda word: (said[word] * len(word), word))
    return b",".join(best)[-WINDOW:]


def _deflated(text: bytes, words: bytes) -> bytes:
    packer = zlib.compressobj(9, zdict=words)
    return packer.compress(text) + packer.flush()


def main() -> int:
    """Read moto's module, write the data."""
    module = ast.parse(Path(sys.argv[1]).read_text())
    literal = next(
        node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    )
    policies: dict[str, Any] = orjson.loads(str(literal))
    kept = {name: policy for name, policy in policies.items() if wanted(name, policy)}
    words = _words([_text(policy) for policy in kept.values()])
    rows, documents = [], bytearray()
    for name in sorted(kept, key=str.lower):
        policy = kept[name]
        packed = _deflated(_text(policy), words)
        version = int(policy["DefaultVersionId"].removeprefix("v"))
        dates = [policy[member].removesuffix("+00:00") for member in ("CreateDate", "UpdateDate")]
        rows.append([name, policy["Path"], version, *dates, len(documents), len(packed)])
        documents += packed
    HERE.mkdir(exist_ok=True)
    index = b"[\n" + b",\n".join(orjson.dumps(row) for row in rows) + b"\n]\n"
    (HERE / "managed_policies.json").write_bytes(index)
    (HERE / "managed_policies.words").write_bytes(zlib.compress(words, 9))
    (HERE / "managed_policies.documents").write_bytes(documents)
    sys.stdout.write(f"{len(rows)} policies, {len(index)} + {len(documents)} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
