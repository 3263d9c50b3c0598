/** PutObject (API_PutObject). */
import { parseAclHeaders } from "../../protocol/acl-headers.ts";
import { parseWriteCondition } from "../../protocol/conditions.ts";
import { parseReplicaState } from "../../protocol/replica-state.ts";
import { objectBody, operation, requireObject } from "../operation.ts";
import {
  created,
  ownerAndAcl,
  parseAttributes,
  permissionsToWrite,
  permissionToCompare,
  permissionToReplicate,
  writtenHeaders,
} from "./write-input.ts";

export const PutObject = operation({
  name: "PutObject",
  body: objectBody({ md5ShownIn: "hex" }),
  parse(request) {
    const { headers } = request;
    return {
      ...requireObject(request),
      attributes: parseAttributes(headers),
      acl: parseAclHeaders(headers, "object"),
      condition: parseWriteCondition(headers),
      replicaOf: parseReplicaState(headers, request.now, "write"),
    };
  },
  requires: ({ bucket, key, attributes, acl, condition, replicaOf }) => [
    ...permissionToReplicate("s3:ReplicateObject", { bucket, key }, replicaOf),
    ...permissionsToWrite({ bucket, key }, { tags: attributes.tags, acl }),
    ...permissionToCompare({ bucket, key }, condition),
  ],
  async execute({ bucket: name, key, attributes, acl, condition, replicaOf }, { grant, stores, journal }, body) {
    const bucket = grant.bucket(name);
    const owned = { ...attributes, ...ownerAndAcl(grant.caller, bucket, acl) };
    return journal.write(
      bucket,
      { key, event: "ObjectCreated:Put", ...(replicaOf && { replicaOf }) },
      {
        commit: (ticket) => stores.objects.put({ bucket, key, attributes: owned, ticket, condition }, body),
        describe: created,
      },
    );
  },
  respond: (written) => ({ status: 200, headers: writtenHeaders(written) }),
});
