/** AWS's worked examples of Signature Version 2 ("Signing and authenticating REST requests", RESTAuthentication). */
import { expect, test } from "vitest";
import { readClaim } from "../../../../src/auth/request-claim.ts";
import { readingsV2 } from "../../../../src/auth/sigv2/signature.ts";
import { ACCESS_KEY_ID, type Sent } from "../support.ts";
import { request, signatureV2, verify } from "./support.ts";

const JOHNSMITH = "https://johnsmith.s3.amazonaws.com";

interface Example extends Sent {
  readonly name: string;
  readonly now: Date;
  readonly signature: string;
  readonly stringToSign: string;
}

const EXAMPLES: readonly Example[] = [
  {
    name: "object GET",
    url: `${JOHNSMITH}/photos/puppy.jpg`,
    headers: { date: "Tue, 27 Mar 2007 19:36:42 +0000" },
    now: new Date("2007-03-27T19:36:42Z"),
    signature: "bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
    stringToSign: "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/johnsmith/photos/puppy.jpg",
  },
  {
    name: "object PUT",
    method: "PUT",
    url: `${JOHNSMITH}/photos/puppy.jpg`,
    headers: { "content-type": "image/jpeg", "content-length": "94328", date: "Tue, 27 Mar 2007 21:15:45 +0000" },
    now: new Date("2007-03-27T21:15:45Z"),
    signature: "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
    stringToSign: "PUT\n\nimage/jpeg\nTue, 27 Mar 2007 21:15:45 +0000\n/johnsmith/photos/puppy.jpg",
  },
  {
    name: "list",
    url: `${JOHNSMITH}/?prefix=photos&max-keys=50&marker=puppy`,
    headers: { "user-agent": "Mozilla/5.0", date: "Tue, 27 Mar 2007 19:42:41 +0000" },
    now: new Date("2007-03-27T19:42:41Z"),
    signature: "htDYFYduRNen8P9ZfE/s9SuKy0U=",
    stringToSign: "GET\n\n\nTue, 27 Mar 2007 19:42:41 +0000\n/johnsmith/",
  },
  {
    name: "fetch",
    url: `${JOHNSMITH}/?acl`,
    headers: { date: "Tue, 27 Mar 2007 19:44:46 +0000" },
    now: new Date("2007-03-27T19:44:46Z"),
    signature: "c2WLPFtWHVgbEmeEG93a4cG37dM=",
    stringToSign: "GET\n\n\nTue, 27 Mar 2007 19:44:46 +0000\n/johnsmith/?acl",
  },
  {
    name: "delete, the date among the x-amz- headers",
    method: "DELETE",
    url: "https://s3.amazonaws.com/johnsmith/photos/puppy.jpg",
    headers: { date: "Tue, 27 Mar 2007 21:20:27 +0000", "x-amz-date": "Tue, 27 Mar 2007 21:20:26 +0000" },
    now: new Date("2007-03-27T21:20:26Z"),
    signature: "R4dJ53KECjStyBO5iTBJZ4XVOaI=",
    stringToSign: "DELETE\n\n\n\nx-amz-date:Tue, 27 Mar 2007 21:20:26 +0000\n/johnsmith/photos/puppy.jpg",
  },
  {
    name: "delete, the date in its place",
    method: "DELETE",
    url: "https://s3.amazonaws.com/johnsmith/photos/puppy.jpg",
    headers: { date: "Tue, 27 Mar 2007 21:20:27 +0000", "x-amz-date": "Tue, 27 Mar 2007 21:20:26 +0000" },
    now: new Date("2007-03-27T21:20:26Z"),
    signature: "lx3byBScXR6KzyMaifNkardMwNk=",
    stringToSign: "DELETE\n\n\nTue, 27 Mar 2007 21:20:26 +0000\n/johnsmith/photos/puppy.jpg",
  },
  {
    name: "upload",
    method: "PUT",
    url: "http://static.johnsmith.net.s3.amazonaws.com:8080/db-backup.dat.gz",
    headers: {
      "user-agent": "curl/7.15.5",
      date: "Tue, 27 Mar 2007 21:06:08 +0000",
      "x-amz-acl": "public-read",
      "content-type": "application/x-download",
      "content-md5": "4gJE4saaMU4BqNR0kLY+lw==",
      // As the platform joins the two headers that were sent.
      "x-amz-meta-reviewedby": "joe@johnsmith.net, jane@johnsmith.net",
      "x-amz-meta-filechecksum": "0x02661779",
      "x-amz-meta-checksumalgorithm": "crc32",
      "content-disposition": "attachment; filename=database.dat",
      "content-encoding": "gzip",
      "content-length": "5913339",
    },
    now: new Date("2007-03-27T21:06:08Z"),
    signature: "ilyl83RwaSoYIEdixDQcA4OnAnc=",
    stringToSign: [
      "PUT",
      "4gJE4saaMU4BqNR0kLY+lw==",
      "application/x-download",
      "Tue, 27 Mar 2007 21:06:08 +0000",
      "x-amz-acl:public-read",
      "x-amz-meta-checksumalgorithm:crc32",
      "x-amz-meta-filechecksum:0x02661779",
      "x-amz-meta-reviewedby:joe@johnsmith.net,jane@johnsmith.net",
      "/static.johnsmith.net/db-backup.dat.gz",
    ].join("\n"),
  },
  {
    name: "list all my buckets",
    url: "https://s3.amazonaws.com/",
    headers: { date: "Wed, 28 Mar 2007 01:29:59 +0000" },
    now: new Date("2007-03-28T01:29:59Z"),
    signature: "qGdzdERIC03wnaRNKh6OqZehG9s=",
    stringToSign: "GET\n\n\nWed, 28 Mar 2007 01:29:59 +0000\n/",
  },
  {
    name: "Unicode keys",
    url: "https://s3.amazonaws.com/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
    headers: { date: "Wed, 28 Mar 2007 01:49:49 +0000" },
    now: new Date("2007-03-28T01:49:49Z"),
    signature: "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
    stringToSign: "GET\n\n\nWed, 28 Mar 2007 01:49:49 +0000\n/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
  },
  {
    name: "query string",
    url: `${JOHNSMITH}/photos/puppy.jpg?AWSAccessKeyId=${ACCESS_KEY_ID}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620`,
    now: new Date("2007-03-28T03:00:00Z"),
    signature: "NpgCjnDzrM+WFzoENXmpNDUsSn8=",
    stringToSign: "GET\n\n\n1175139620\n/johnsmith/photos/puppy.jpg",
  },
];

test.each(EXAMPLES)("$name", async ({ name: _, signature, stringToSign, ...sent }) => {
  expect(signatureV2(stringToSign)).toBe(signature);
  const isQuery = sent.url?.includes("Signature=");
  const headers = { ...sent.headers, ...(!isQuery && { authorization: `AWS ${ACCESS_KEY_ID}:${signature}` }) };
  const signed = request({ ...sent, headers });
  const claim = readClaim(signed, { regions: "any", services: ["s3"], signatureV2: true });
  if (claim?.version !== 2) throw new Error("nothing claimed");
  expect([...readingsV2(signed, claim)].map((reading) => reading.stringToSign)).toContain(stringToSign);
  const { caller, style, signatureVersion } = await verify(signed);
  expect([caller.kind, style, signatureVersion]).toEqual(["account", isQuery ? "query" : "header", "AWS"]);
});
