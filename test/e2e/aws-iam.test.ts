/** The AWS CLI's `aws iam` and `aws sts` against this endpoint: a key that is limited to one prefix of one bucket, and its deletion. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { awsCli, type Keys } from "../clients/support/aws.ts";
import { describeTool, newBucketName, run, temporaryFolder } from "../clients/support/tools.ts";

const server = inject("devServer");

describeTool("aws", ["--version"], () => {
  const folder = temporaryFolder();
  const { root, environment, aws, json, failure } = awsCli(server, folder);

  let names = 0;
  const newName = (kind: string) => `${kind}-${process.pid}-${names++}`;
  const file = join(folder, "file.txt");
  writeFileSync(file, "hello");

  const prefixPolicy = (bucket: string) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: `arn:aws:s3:::${bucket}/photos/*` },
        {
          Effect: "Allow",
          Action: "s3:ListBucket",
          Resource: `arn:aws:s3:::${bucket}`,
          Condition: { StringLike: { "s3:prefix": ["photos/*"] } },
        },
      ],
    });

  // Each call starts a process, which takes a second or two.
  const SLOW = { timeout: 240_000 };

  test("a user, its policy and its key are created, listed, used in one prefix only, and deleted", SLOW, async () => {
    const name = newName("narrow");
    const user = ["--user-name", name];
    const bucket = newBucketName("iam");
    await aws(root, ["s3", "mb", `s3://${bucket}`]);
    await aws(root, ["s3", "cp", file, `s3://${bucket}/other/file.txt`, "--no-progress"]);

    const { User } = await json<{ User: Record<string, string> }>(root, "iam", "create-user", ...user);
    expect(User).toMatchObject({ UserName: name, Path: "/", Arn: expect.stringMatching(`:user/${name}$`) });
    expect(await json(root, "iam", "get-user", ...user)).toEqual({ User });
    const { Users } = await json<{ Users: { UserName: string }[] }>(root, "iam", "list-users", "--page-size", "1");
    expect(Users.map(({ UserName }) => UserName)).toContain(name);
    expect(await failure(root, "iam", "create-user", ...user)).toContain("(EntityAlreadyExists)");

    const policy = ["--policy-name", "photos"];
    const document = prefixPolicy(bucket);
    await aws(root, ["iam", "put-user-policy", ...user, ...policy, "--policy-document", document]);
    const read = await json<{ PolicyDocument: unknown }>(root, "iam", "get-user-policy", ...user, ...policy);
    expect(read.PolicyDocument).toEqual(JSON.parse(document));
    expect(await json(root, "iam", "list-user-policies", ...user)).toEqual({ PolicyNames: ["photos"] });
    const malformed = ["iam", "put-user-policy", ...user, "--policy-name", "x", "--policy-document", "{}"];
    expect(await failure(root, ...malformed)).toContain("(MalformedPolicyDocument)");

    const { AccessKey: key } = await json<{ AccessKey: Keys }>(root, "iam", "create-access-key", ...user);
    const identity = await json(key, "sts", "get-caller-identity");
    expect(identity).toEqual({ UserId: User.UserId, Account: User.Arn?.split(":")[4], Arn: User.Arn });

    await aws(key, ["s3", "cp", file, `s3://${bucket}/photos/a.txt`, "--no-progress"]);
    expect((await aws(key, ["s3", "cp", `s3://${bucket}/photos/a.txt`, "-"])).stdout).toBe("hello");
    expect((await aws(key, ["s3", "ls", `s3://${bucket}/photos/`])).stdout).toContain("a.txt");
    for (const args of [
      ["s3", "cp", `s3://${bucket}/other/file.txt`, "-"],
      ["s3", "cp", file, `s3://${bucket}/other/b.txt`, "--no-progress"],
      ["s3", "ls", `s3://${bucket}/`],
      ["s3", "rm", `s3://${bucket}/photos/a.txt`],
      ["s3", "ls"],
      ["iam", "list-users"],
      ["iam", "create-access-key", ...user],
    ]) {
      expect(await failure(key, ...args)).toMatch(/AccessDenied|403/);
    }

    const keyId = ["--access-key-id", key.AccessKeyId];
    const lastUsed = await json<{ AccessKeyLastUsed: object }>(root, "iam", "get-access-key-last-used", ...keyId);
    expect(lastUsed).toMatchObject({ UserName: name, AccessKeyLastUsed: { ServiceName: "sts" } });
    await aws(root, ["iam", "update-access-key", ...user, ...keyId, "--status", "Inactive"]);
    expect(await failure(key, "sts", "get-caller-identity")).toContain("(InvalidClientTokenId)");
    expect(await failure(root, "iam", "delete-user", ...user)).toContain("(DeleteConflict)");
    await aws(root, ["iam", "delete-access-key", ...user, ...keyId]);
    expect(await json(root, "iam", "list-access-keys", ...user)).toEqual({ AccessKeyMetadata: [] });
    await aws(root, ["iam", "delete-user-policy", ...user, ...policy]);
    await aws(root, ["iam", "delete-user", ...user]);
    expect(await failure(root, "iam", "get-user", ...user)).toContain("(NoSuchEntity)");
  });

  test("the calls of Terraform's AWS provider before it deletes a user are answered", SLOW, async () => {
    const user = ["--user-name", newName("terraform")];
    await aws(root, ["iam", "create-user", ...user, "--path", "/terraform/"]);
    for (const [command, field] of [
      ["list-groups-for-user", "Groups"],
      ["list-attached-user-policies", "AttachedPolicies"],
      ["list-user-tags", "Tags"],
      ["list-mfa-devices", "MFADevices"],
      ["list-ssh-public-keys", "SSHPublicKeys"],
      ["list-service-specific-credentials", "ServiceSpecificCredentials"],
      ["list-signing-certificates", "Certificates"],
    ] as const) {
      expect(await json(root, "iam", command, ...user)).toMatchObject({ [field]: [] });
    }
    expect(await failure(root, "iam", "delete-login-profile", ...user)).toContain("(NoSuchEntity)");
    await aws(root, ["iam", "delete-user", ...user]);
  });

  test("temporary credentials: sts get-session-token and get-federation-token", SLOW, async () => {
    const bucket = newBucketName("sts");
    await aws(root, ["s3", "mb", `s3://${bucket}`]);
    const own = await json<{ Credentials: Keys }>(root, "sts", "get-session-token", "--duration-seconds", "900");
    await aws(own.Credentials, ["s3", "cp", file, `s3://${bucket}/other/x.txt`, "--no-progress"]);
    expect(await failure(own.Credentials, "iam", "list-users")).toContain("(AccessDenied)");
    expect(await failure(own.Credentials, "sts", "get-session-token")).toContain("(AccessDenied)");

    const federate = ["sts", "get-federation-token", "--name", "visitor", "--policy", prefixPolicy(bucket)];
    const { Credentials: visitor } = await json<{ Credentials: Keys }>(root, ...federate);
    await aws(visitor, ["s3", "cp", file, `s3://${bucket}/photos/v.txt`, "--no-progress"]);
    expect(await failure(visitor, "s3", "cp", `s3://${bucket}/other/x.txt`, "-")).toMatch(/AccessDenied|403/);

    const presigned = (await aws(visitor, ["s3", "presign", `s3://${bucket}/photos/v.txt`])).stdout.trim();
    const { stdout } = await run("curl", ["-sS", "--fail", presigned], { env: environment, cwd: folder });
    expect(stdout).toBe("hello");

    const role = ["--role-arn", "arn:aws:iam::123456789012:role/any", "--role-session-name", "any"];
    expect(await failure(root, "sts", "assume-role", ...role)).toContain("(NotImplemented)");
  });
});
