// The AWS SDK for JavaScript, version 3, as an application uses it: what it answers goes to standard output as JSON.
import { S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { STSClient, AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { Readable } from "node:stream";

const [bucket, role] = process.argv.slice(2);
const key = "a b/ü+(1).txt";
const out = {};
const s3 = new S3Client({});
await s3.send(new CreateBucketCommand({ Bucket: bucket }));
await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "hello", Metadata: { who: "js" } }));
const got = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
out.body = await got.Body.transformToString();
out.metadata = got.Metadata;
const chunks = function* () { for (let i = 0; i < 11; i++) yield Buffer.alloc(1 << 20, i); };
await new Upload({ client: s3, params: { Bucket: bucket, Key: "large", Body: Readable.from(chunks()) } }).done();
out.keys = (await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents.map((item) => [item.Key, item.Size]);
const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: key }));
out.presigned = await (await fetch(url)).text();
out.spoiled = (await fetch(url.replace("X-Amz-Expires=900", "X-Amz-Expires=901"))).status;

const name = async (promise) => promise.then(() => "answered", (error) => error.name);
const stranger = { credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x" } };
const liar = { credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong" } };
out.strangerS3 = await name(new S3Client(stranger).send(new ListObjectsV2Command({ Bucket: bucket })));
out.liarS3 = await name(new S3Client(liar).send(new ListObjectsV2Command({ Bucket: bucket })));
out.strangerLambda = await name(new LambdaClient(stranger).send(new ListFunctionsCommand({})));
out.liarLambda = await name(new LambdaClient(liar).send(new ListFunctionsCommand({})));
const { Credentials: given } = await new STSClient({}).send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: "js" }));
const session = { accessKeyId: given.AccessKeyId, secretAccessKey: given.SecretAccessKey, sessionToken: given.SessionToken };
out.session = (await new STSClient({ credentials: session }).send(new GetCallerIdentityCommand({}))).Arn;
out.refused = await name(new LambdaClient({ credentials: session }).send(new ListFunctionsCommand({})));
console.log(JSON.stringify(out));
