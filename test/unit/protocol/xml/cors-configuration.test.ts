import { describe, expect, it } from "vitest";
import type { CorsRule } from "../../../../src/model/bucket.ts";
import { formatCorsConfiguration, parseCorsConfiguration } from "../../../../src/protocol/xml/cors-configuration.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const MINIMAL = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>";
const rule = (content: string) => `<CORSRule>${content}</CORSRule>`;
const configuration = (...rules: string[]) => `<CORSConfiguration>${rules.join("")}</CORSConfiguration>`;
const parse = (document: string) => parseCorsConfiguration(bytes(document));
const parseRule = (content: string) => parse(configuration(rule(content)))[0];
const EMPTY = { allowedHeaders: [], exposeHeaders: [] };
const ANY: CorsRule = { ...EMPTY, allowedOrigins: ["*"], allowedMethods: ["GET"] };

describe("CORSConfiguration", () => {
  // The first rule of API_PutBucketCors's sample, with every element of a rule.
  it("is read and written back", () => {
    const rules: readonly CorsRule[] = [
      {
        id: "Rule 1 & more",
        allowedOrigins: ["http://www.example.com", "https://*.example.com"],
        allowedMethods: ["PUT", "POST", "DELETE", "GET", "HEAD"],
        allowedHeaders: ["*", "x-AMZ-meta-*"],
        exposeHeaders: ["x-amz-server-side-encryption", "ETag"],
        maxAgeSeconds: 3000,
      },
      ANY,
    ];
    const document = formatCorsConfiguration(rules);
    expect(document).toBe(
      golden(
        "CORSConfiguration",
        `<CORSRule>
           <AllowedHeader>*</AllowedHeader>
           <AllowedHeader>x-AMZ-meta-*</AllowedHeader>
           <AllowedMethod>PUT</AllowedMethod>
           <AllowedMethod>POST</AllowedMethod>
           <AllowedMethod>DELETE</AllowedMethod>
           <AllowedMethod>GET</AllowedMethod>
           <AllowedMethod>HEAD</AllowedMethod>
           <AllowedOrigin>http://www.example.com</AllowedOrigin>
           <AllowedOrigin>https://*.example.com</AllowedOrigin>
           <ExposeHeader>x-amz-server-side-encryption</ExposeHeader>
           <ExposeHeader>ETag</ExposeHeader>
           <ID>Rule 1 &amp; more</ID>
           <MaxAgeSeconds>3000</MaxAgeSeconds>
         </CORSRule>
         <CORSRule>
           <AllowedMethod>GET</AllowedMethod>
           <AllowedOrigin>*</AllowedOrigin>
         </CORSRule>`,
      ),
    );
    expect(parse(document)).toEqual(rules);
  });

  it.each<[why: string, content: string, expected: CorsRule]>([
    ["elements in any order", "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>", ANY],
    ["blanks between elements", "\n  <AllowedOrigin>*</AllowedOrigin>\n  <AllowedMethod>GET</AllowedMethod>\n", ANY],
    // LocalStack's recording test_put_cors_empty_origin.
    ["an empty origin", "<AllowedOrigin/><AllowedMethod>GET</AllowedMethod>", { ...ANY, allowedOrigins: [""] }],
    ["an empty ID, which is ignored", `${MINIMAL}<ID/>`, ANY],
    ["an ID of 255 characters", `${MINIMAL}<ID>${"i".repeat(255)}</ID>`, { ...ANY, id: "i".repeat(255) }],
    ["0 seconds to cache", `${MINIMAL}<MaxAgeSeconds>0</MaxAgeSeconds>`, { ...ANY, maxAgeSeconds: 0 }],
    ["blanks around the seconds", `${MINIMAL}<MaxAgeSeconds> 30 </MaxAgeSeconds>`, { ...ANY, maxAgeSeconds: 30 }],
    [
      "the longest time",
      `${MINIMAL}<MaxAgeSeconds>2147483647</MaxAgeSeconds>`,
      { ...ANY, maxAgeSeconds: 2_147_483_647 },
    ],
    // boto3 issue 2972: any header name is accepted.
    ["unusual exposed headers", `${MINIMAL}<ExposeHeader>x_y.z</ExposeHeader>`, { ...ANY, exposeHeaders: ["x_y.z"] }],
    ["a repeated origin", `<AllowedOrigin>*</AllowedOrigin>${MINIMAL}`, { ...ANY, allowedOrigins: ["*", "*"] }],
  ])("accepts %s", (_why, content, expected) => {
    expect(parseRule(content)).toEqual(expected);
  });

  it("accepts 100 rules, and namespaces of any prefix", () => {
    expect(parse(configuration(...Array.from({ length: 100 }, () => rule(MINIMAL))))).toHaveLength(100);
    const prefixed = `<s3:CORSConfiguration xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/">
      <s3:CORSRule><s3:AllowedOrigin>*</s3:AllowedOrigin><s3:AllowedMethod>GET</s3:AllowedMethod></s3:CORSRule>
    </s3:CORSConfiguration>`;
    expect(parse(prefixed)).toEqual([ANY]);
  });

  it("accepts 64 KB and refuses more", () => {
    const padded = (size: number) => {
      const document = configuration(rule(MINIMAL));
      return document + " ".repeat(size - document.length);
    };
    expect(parse(padded(64 * 1024))).toEqual([ANY]);
    expect(failure(() => parse(padded(64 * 1024 + 1))).code).toBe("MalformedXML");
  });

  it.each([
    ["", "no document"],
    ["<CORSConfiguration/>", "no rule"],
    [`<CorsConfiguration>${rule(MINIMAL)}</CorsConfiguration>`, "another root"],
    [configuration("<CORSRule/>"), "an empty rule"],
    [configuration(rule("<AllowedOrigin>*</AllowedOrigin>")), "no method"],
    [configuration(rule("<AllowedMethod>GET</AllowedMethod>")), "no origin"],
    [configuration(rule(`${MINIMAL}<Other/>`)), "an unknown element"],
    [configuration(rule(MINIMAL), "<Other/>"), "an unknown element next to the rules"],
    [configuration(rule(`${MINIMAL}text`)), "text between elements"],
    [configuration(rule(`${MINIMAL}<ID>a</ID><ID>b</ID>`)), "two IDs"],
    [configuration(rule(`${MINIMAL}<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>1</MaxAgeSeconds>`)), "two ages"],
    [configuration(rule(`${MINIMAL}<MaxAgeSeconds/>`)), "no seconds"],
    [configuration(rule(`${MINIMAL}<MaxAgeSeconds>-1</MaxAgeSeconds>`)), "negative seconds"],
    [configuration(rule(`${MINIMAL}<MaxAgeSeconds>1.5</MaxAgeSeconds>`)), "a fraction"],
    [configuration(rule(`${MINIMAL}<MaxAgeSeconds>1e3</MaxAgeSeconds>`)), "an exponent"],
    [configuration(rule(`${MINIMAL}<MaxAgeSeconds>2147483648</MaxAgeSeconds>`)), "too many seconds"],
    [configuration(rule(`${MINIMAL}<AllowedHeader><b/></AllowedHeader>`)), "an element for text"],
    [configuration(rule(`${MINIMAL}<AllowedOrigin>http://a&#13;&#10;X: y</AllowedOrigin>`)), "line ends in an origin"],
    [configuration(rule(`${MINIMAL}<AllowedHeader>a&#0;</AllowedHeader>`)), "a control character in a header"],
    [configuration(rule("<AllowedMethod>PATCH</AllowedMethod>"), rule("")), "a broken rule behind a wrong method"],
  ])("refuses %s with MalformedXML: %s", (document) => {
    expect(failure(() => parse(document)).code).toBe("MalformedXML");
  });

  it.each([
    // Recorded on AWS by LocalStack and in versitygw's issues 1863 and 1870.
    [
      "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>MYMETHOD</AllowedMethod>",
      "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD",
    ],
    [
      `${MINIMAL}<AllowedMethod>OPTIONS</AllowedMethod>`,
      "Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS",
    ],
    [`${MINIMAL}<AllowedMethod>*</AllowedMethod>`, /Unsupported method is \*$/],
    [`${MINIMAL}<AllowedMethod>get</AllowedMethod>`, /Unsupported method is get$/],
    [`${MINIMAL}<AllowedMethod/>`, "Found unsupported HTTP method in CORS config. Unsupported method is "],
    [
      `${MINIMAL}<AllowedOrigin>*example*.com</AllowedOrigin>`,
      'AllowedOrigin "*example*.com" can not have more than one wildcard.',
    ],
    [`${MINIMAL}<AllowedOrigin>**</AllowedOrigin>`, 'AllowedOrigin "**" can not have more than one wildcard.'],
    [
      `${MINIMAL}<AllowedHeader>x-*-meta-*</AllowedHeader>`,
      'AllowedHeader "x-*-meta-*" can not have more than one wildcard.',
    ],
    [
      `${MINIMAL}<ExposeHeader>*</ExposeHeader>`,
      'ExposeHeader "*" contains wildcard. We currently do not support wildcard for ExposeHeader.',
    ],
    [`${MINIMAL}<AllowedHeader>a b</AllowedHeader>`, 'AllowedHeader "a b" contains invalid character.'],
    [`${MINIMAL}<ExposeHeader>a b</ExposeHeader>`, 'ExposeHeader "a b" contains invalid character.'],
    [`${MINIMAL}<ExposeHeader>a,b</ExposeHeader>`, 'ExposeHeader "a,b" contains invalid character.'],
    [`${MINIMAL}<ExposeHeader/>`, 'ExposeHeader "" contains invalid character.'],
    [`${MINIMAL}<ExposeHeader>a&#13;&#10;Set-Cookie: b</ExposeHeader>`, /contains invalid character\.$/],
    [`${MINIMAL}<ExposeHeader>é</ExposeHeader>`, 'ExposeHeader "é" contains invalid character.'],
  ])("refuses %s with InvalidRequest", (content, message) => {
    const error = failure(() => parseRule(content));
    expect([error.code, error.status]).toEqual(["InvalidRequest", 400]);
    expect(error.message).toMatch(message);
    if (typeof message === "string") expect(error.message).toBe(message);
  });

  it("refuses 101 rules with InvalidRequest", () => {
    const error = failure(() => parse(configuration(...Array.from({ length: 101 }, () => rule(MINIMAL)))));
    expect(error.code).toBe("InvalidRequest");
    expect(error.message).toBe("The number of CORS rules should not exceed allowed limit of 100 rules.");
  });

  it.each([
    ["an ID of 256 characters", ["i".repeat(256)], "ID length should not exceed allowed limit of 255"],
    ["a repeated ID", ["a", "b", "a"], "Rule ID must be unique. Found same ID for more than one rule"],
  ])("refuses %s with InvalidArgument", (_why, ids, message) => {
    const error = failure(() => parse(configuration(...ids.map((id) => rule(`${MINIMAL}<ID>${id}</ID>`)))));
    expect([error.code, error.message]).toEqual(["InvalidArgument", message]);
    expect(error.details).toEqual({ ArgumentName: "ID", ArgumentValue: ids[0] });
  });
});
