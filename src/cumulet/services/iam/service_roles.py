"""Which service-linked roles there are: data. Source: IAM User Guide, 'AWS services that work with IAM', and the services' pages."""

from __future__ import annotations

from typing import NamedTuple


class Template(NamedTuple):
    """A service-linked role: its name, its policy (path and name), its description, whether names may have a suffix."""

    role: str
    policy: str
    description: str = ""
    suffix: bool = False


_OWN = "/aws-service-role/"

TEMPLATES: dict[str, Template] = {
    "autoscaling.amazonaws.com": Template(
        "AWSServiceRoleForAutoScaling",
        _OWN + "AutoScalingServiceRolePolicy",
        "Default Service-Linked Role enables access to AWS Services and Resources used or managed by Auto Scaling",
        suffix=True,
    ),
    "batch.amazonaws.com": Template("AWSServiceRoleForBatch", _OWN + "BatchServiceRolePolicy"),
    "channels.lex.amazonaws.com": Template("AWSServiceRoleForLexChannels", _OWN + "LexChannelPolicy"),
    "cloud9.amazonaws.com": Template("AWSServiceRoleForAWSCloud9", _OWN + "AWSCloud9ServiceRolePolicy"),
    "cloudtrail.amazonaws.com": Template("AWSServiceRoleForCloudTrail", _OWN + "CloudTrailServiceRolePolicy"),
    "codestar-notifications.amazonaws.com": Template(
        "AWSServiceRoleForCodeStarNotifications", _OWN + "AWSCodeStarNotificationsServiceRolePolicy"
    ),
    "cognito-idp.amazonaws.com": Template(
        "AWSServiceRoleForAmazonCognitoIdp", _OWN + "AmazonCognitoIdpServiceRolePolicy"
    ),
    "contributorinsights.dynamodb.amazonaws.com": Template(
        "AWSServiceRoleForDynamoDBCloudWatchContributorInsights",
        _OWN + "DynamoDBCloudWatchContributorInsightsServiceRolePolicy",
    ),
    "dynamodb.application-autoscaling.amazonaws.com": Template(
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable", _OWN + "AWSApplicationAutoscalingDynamoDBTablePolicy"
    ),
    "ec2fleet.amazonaws.com": Template("AWSServiceRoleForEC2Fleet", _OWN + "AWSEC2FleetServiceRolePolicy"),
    "ecs.amazonaws.com": Template(
        "AWSServiceRoleForECS",
        _OWN + "AmazonECSServiceRolePolicy",
        "Role to enable Amazon ECS to manage your cluster.",
    ),
    "ecs.application-autoscaling.amazonaws.com": Template(
        "AWSServiceRoleForApplicationAutoScaling_ECSService", _OWN + "AWSApplicationAutoscalingECSServicePolicy"
    ),
    "eks.amazonaws.com": Template("AWSServiceRoleForAmazonEKS", _OWN + "AmazonEKSServiceRolePolicy"),
    "elasticache.amazonaws.com": Template("AWSServiceRoleForElastiCache", _OWN + "ElastiCacheServiceRolePolicy"),
    "elasticbeanstalk.amazonaws.com": Template(
        "AWSServiceRoleForElasticBeanstalk", _OWN + "AWSElasticBeanstalkServiceRolePolicy"
    ),
    "elasticfilesystem.amazonaws.com": Template(
        "AWSServiceRoleForAmazonElasticFileSystem", _OWN + "AmazonElasticFileSystemServiceRolePolicy"
    ),
    "elasticloadbalancing.amazonaws.com": Template(
        "AWSServiceRoleForElasticLoadBalancing", _OWN + "AWSElasticLoadBalancingServiceRolePolicy"
    ),
    "elasticmapreduce.amazonaws.com": Template(
        "AWSServiceRoleForEMRCleanup", _OWN + "AmazonEMRCleanupPolicy", suffix=True
    ),
    "email.cognito-idp.amazonaws.com": Template(
        "AWSServiceRoleForAmazonCognitoIdpEmailService", _OWN + "AmazonCognitoIdpEmailServiceRolePolicy"
    ),
    "events.amazonaws.com": Template("AWSServiceRoleForCloudWatchEvents", _OWN + "CloudWatchEventsServiceRolePolicy"),
    "kinesisreplication.dynamodb.amazonaws.com": Template(
        "AWSServiceRoleForDynamoDBKinesisDataStreamsReplication", _OWN + "DynamoDBKinesisReplicationServiceRolePolicy"
    ),
    "lakeformation.amazonaws.com": Template(
        "AWSServiceRoleForLakeFormationDataAccess", _OWN + "LakeFormationDataAccessServiceRolePolicy"
    ),
    "lambda.application-autoscaling.amazonaws.com": Template(
        "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
        _OWN + "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
    ),
    "lex.amazonaws.com": Template("AWSServiceRoleForLexBots", _OWN + "LexBotPolicy"),
    "maintenance.elasticbeanstalk.amazonaws.com": Template(
        "AWSServiceRoleForElasticBeanstalkMaintenance", _OWN + "AWSElasticBeanstalkMaintenance"
    ),
    "managedupdates.elasticbeanstalk.amazonaws.com": Template(
        "AWSServiceRoleForElasticBeanstalkManagedUpdates",
        _OWN + "AWSElasticBeanstalkManagedUpdatesServiceRolePolicy",
    ),
    "opensearchservice.amazonaws.com": Template(
        "AWSServiceRoleForAmazonOpenSearchService", _OWN + "AmazonOpenSearchServiceRolePolicy"
    ),
    "ops.apigateway.amazonaws.com": Template(
        "AWSServiceRoleForAPIGateway",
        _OWN + "APIGatewayServiceRolePolicy",
        "The Service Linked Role is used by Amazon API Gateway.",
    ),
    "rds.amazonaws.com": Template(
        "AWSServiceRoleForRDS",
        _OWN + "AmazonRDSServiceRolePolicy",
        "Allows Amazon RDS to manage AWS resources on your behalf",
    ),
    "redshift.amazonaws.com": Template(
        "AWSServiceRoleForRedshift",
        _OWN + "AmazonRedshiftServiceLinkedRolePolicy",
        "Allows Amazon Redshift to call AWS services on your behalf",
    ),
    "replication.dynamodb.amazonaws.com": Template(
        "AWSServiceRoleForDynamoDBReplication", _OWN + "DynamoDBReplicationServiceRolePolicy"
    ),
    "replicator.lambda.amazonaws.com": Template("AWSServiceRoleForLambdaReplicator", _OWN + "AWSLambdaReplicator"),
    "route53resolver.amazonaws.com": Template(
        "AWSServiceRoleForRoute53Resolver", _OWN + "Route53ResolverServiceRolePolicy"
    ),
    "sagemaker.amazonaws.com": Template(
        "AWSServiceRoleForAmazonSageMakerNotebooks", _OWN + "AmazonSageMakerNotebooksServiceRolePolicy"
    ),
    "sagemaker.application-autoscaling.amazonaws.com": Template(
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        _OWN + "AWSApplicationAutoscalingSageMakerEndpointPolicy",
    ),
    "spot.amazonaws.com": Template("AWSServiceRoleForEC2Spot", _OWN + "AWSEC2SpotServiceRolePolicy"),
    "spotfleet.amazonaws.com": Template("AWSServiceRoleForEC2SpotFleet", _OWN + "AWSEC2SpotFleetServiceRolePolicy"),
    "ssm.amazonaws.com": Template("AWSServiceRoleForAmazonSSM", _OWN + "AmazonSSMServiceRolePolicy"),
    "wafv2.amazonaws.com": Template("AWSServiceRoleForWAFV2Logging", _OWN + "WAFV2LoggingServiceRolePolicy"),
}
