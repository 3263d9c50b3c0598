import { describe, expect, it } from "vitest";
import type { Website } from "../../../../src/model/website.ts";
import {
  formatWebsiteConfiguration,
  MAX_WEBSITE_BYTES,
  parseWebsiteConfiguration,
} from "../../../../src/protocol/xml/website-configuration.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const parse = (content: string) => parseWebsiteConfiguration(bytes(golden("WebsiteConfiguration", content)));
const INDEX = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";
const rule = (redirect: string, condition = "") =>
  `<RoutingRule>${condition && `<Condition>${condition}</Condition>`}<Redirect>${redirect}</Redirect></RoutingRule>`;
const site = (...rules: string[]) => parse(`${INDEX}<RoutingRules>${rules.join("")}</RoutingRules>`);
const HOST = "<HostName>example.com</HostName>";
const BAD_PROTOCOL =
  "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.";

describe("WebsiteConfiguration", () => {
  it.each<[what: string, content: string, website: Website]>([
    [
      "a site with every element",
      `<IndexDocument><Suffix>index.html</Suffix></IndexDocument>
       <ErrorDocument><Key>errors/404 &amp; 403.html</Key></ErrorDocument>
       <RoutingRules>
         <RoutingRule>
           <Condition>
             <HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>
             <KeyPrefixEquals>docs/</KeyPrefixEquals>
           </Condition>
           <Redirect>
             <HostName>example.com:8080</HostName>
             <HttpRedirectCode>307</HttpRedirectCode>
             <Protocol>https</Protocol>
             <ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith>
           </Redirect>
         </RoutingRule>
         <RoutingRule>
           <Redirect>
             <ReplaceKeyWith>moved.html</ReplaceKeyWith>
           </Redirect>
         </RoutingRule>
       </RoutingRules>`,
      {
        kind: "site",
        indexSuffix: "index.html",
        errorKey: "errors/404 & 403.html",
        routingRules: [
          {
            condition: { errorCode: 404, keyPrefix: "docs/" },
            redirect: {
              hostName: "example.com:8080",
              statusCode: 307,
              protocol: "https",
              replaceKeyPrefixWith: "documents/",
            },
          },
          { redirect: { replaceKeyWith: "moved.html" } },
        ],
      },
    ],
    ["only an index", INDEX, { kind: "site", indexSuffix: "index.html", routingRules: [] }],
    [
      "a redirect of everything",
      "<RedirectAllRequestsTo><HostName>example.com</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>",
      { kind: "redirect-all", hostName: "example.com", protocol: "https" },
    ],
    [
      "a redirect of everything by the request's protocol",
      "<RedirectAllRequestsTo><HostName>example.com</HostName></RedirectAllRequestsTo>",
      { kind: "redirect-all", hostName: "example.com" },
    ],
  ])("%s is read and written back", (_what, content, website) => {
    expect(parse(content)).toEqual(website);
    expect(formatWebsiteConfiguration(website)).toBe(golden("WebsiteConfiguration", content));
  });

  it("reads the reference system's example", () => {
    const website = parse(
      `<IndexDocument><Suffix>home.html</Suffix></IndexDocument>
       <ErrorDocument><Key>err/oops.html</Key></ErrorDocument>
       <RoutingRules>
         <RoutingRule>
           <Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>
           <Redirect>
             <HostName>origin.example.org</HostName>
             <ReplaceKeyPrefixWith>missing/</ReplaceKeyPrefixWith>
           </Redirect>
         </RoutingRule>
       </RoutingRules>`,
    );
    expect(website).toEqual({
      kind: "site",
      indexSuffix: "home.html",
      errorKey: "err/oops.html",
      routingRules: [
        {
          condition: { errorCode: 404 },
          redirect: { hostName: "origin.example.org", replaceKeyPrefixWith: "missing/" },
        },
      ],
    });
  });

  it.each<[why: string, rule: string, expected: object]>([
    ["an empty replacement, which removes the prefix", rule("<ReplaceKeyPrefixWith/>"), { replaceKeyPrefixWith: "" }],
    ["a status among blanks", rule("<HttpRedirectCode> 302\n</HttpRedirectCode>"), { statusCode: 302 }],
    ["a host with a path", rule("<HostName>a.example/b?c</HostName>"), { hostName: "a.example/b?c" }],
    ["an IPv6 address", rule("<HostName>[::1]:80</HostName>"), { hostName: "[::1]:80" }],
  ])("accepts %s", (_why, written, redirect) => {
    expect(site(written)).toMatchObject({ routingRules: [{ redirect }] });
  });

  it("accepts an empty key prefix, which matches every key", () => {
    expect(site(rule(HOST, "<KeyPrefixEquals/>"))).toMatchObject({ routingRules: [{ condition: { keyPrefix: "" } }] });
  });

  it.each([301, 302, 303, 304, 305, 307, 308])("accepts %i as HttpRedirectCode", (statusCode) => {
    expect(site(rule(`<HttpRedirectCode>${statusCode}</HttpRedirectCode>`))).toMatchObject({
      routingRules: [{ redirect: { statusCode } }],
    });
  });

  it.each([300, 306, 309, 399, 200, 400, 0])("refuses %i as HttpRedirectCode with InvalidRequest", (code) => {
    const refused = failure(() => site(rule(`${HOST}<HttpRedirectCode>${code}</HttpRedirectCode>`)));
    expect([refused.code, refused.message]).toEqual([
      "InvalidRequest",
      `The provided HTTP redirect code (${code}) is not valid. Valid codes are 3XX except 300.`,
    ]);
  });

  it.each([400, 403, 404, 417, 500, 505])("accepts %i as HttpErrorCodeReturnedEquals", (errorCode) => {
    const condition = `<HttpErrorCodeReturnedEquals>${errorCode}</HttpErrorCodeReturnedEquals>`;
    expect(site(rule(HOST, condition))).toMatchObject({ routingRules: [{ condition: { errorCode } }] });
  });

  it.each([200, 302, 399, 418, 499, 506])("refuses %i as HttpErrorCodeReturnedEquals with InvalidRequest", (code) => {
    const condition = `<HttpErrorCodeReturnedEquals>${code}</HttpErrorCodeReturnedEquals>`;
    const refused = failure(() => site(rule(HOST, condition)));
    expect([refused.code, refused.message]).toEqual([
      "InvalidRequest",
      `The provided HTTP error code (${code}) is not valid. Valid codes are 4XX or 5XX.`,
    ]);
  });

  it("accepts 50 routing rules and refuses 51 with InvalidRequest", () => {
    expect(site(...Array.from({ length: 50 }, () => rule(HOST)))).toMatchObject({ kind: "site" });
    const refused = failure(() => site(...Array.from({ length: 51 }, () => rule(HOST))));
    expect([refused.code, refused.message]).toEqual([
      "InvalidRequest",
      "51 routing rules provided, the number of routing rules in a website configuration is limited to 50.",
    ]);
  });

  it.each<[why: string, content: string, message: string]>([
    [
      "another protocol in a rule",
      `${INDEX}<RoutingRules>${rule("<Protocol>http2</Protocol>")}</RoutingRules>`,
      BAD_PROTOCOL,
    ],
    [
      "another protocol for everything",
      `<RedirectAllRequestsTo>${HOST}<Protocol>HTTP</Protocol></RedirectAllRequestsTo>`,
      BAD_PROTOCOL,
    ],
    [
      "both replacements",
      `${INDEX}<RoutingRules>${rule("<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>")}</RoutingRules>`,
      "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
    ],
    [
      "an empty condition",
      `${INDEX}<RoutingRules><RoutingRule><Condition/><Redirect>${HOST}</Redirect></RoutingRule></RoutingRules>`,
      "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
    ],
    [
      "no host for everything",
      "<RedirectAllRequestsTo><HostName/></RedirectAllRequestsTo>",
      'A host name must be provided to redirect all requests (e.g. "example.com").',
    ],
  ])("refuses %s with InvalidRequest", (_why, content, message) => {
    const refused = failure(() => parse(content));
    expect([refused.code, refused.status, refused.message]).toEqual(["InvalidRequest", 400, message]);
  });

  const tooLong = "é".repeat(513);
  it.each<[why: string, content: string, message: string, name: string, value: string]>([
    [
      "no index",
      "<ErrorDocument><Key>404.html</Key></ErrorDocument>",
      "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
      "IndexDocument",
      "null",
    ],
    ...["", "/index.html", "a/b", tooLong].map((suffix): [string, string, string, string, string] => [
      `the suffix "${suffix.slice(0, 20)}"`,
      `<IndexDocument><Suffix>${suffix}</Suffix></IndexDocument>`,
      "The IndexDocument Suffix is not well formed",
      "IndexDocument",
      suffix,
    ]),
    ...["", tooLong].map((key): [string, string, string, string, string] => [
      `the error key "${key.slice(0, 20)}"`,
      `${INDEX}<ErrorDocument><Key>${key}</Key></ErrorDocument>`,
      "The ErrorDocument Key is not well formed",
      "ErrorDocument",
      key,
    ]),
    ...[INDEX, "<ErrorDocument><Key>k</Key></ErrorDocument>", `<RoutingRules>${rule(HOST)}</RoutingRules>`].map(
      (other): [string, string, string, string, string] => [
        `a redirect of everything with ${other.slice(1, 14)}`,
        `<RedirectAllRequestsTo>${HOST}</RedirectAllRequestsTo>${other}`,
        "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
        "RedirectAllRequestsTo",
        "not null",
      ],
    ),
    ...[
      "",
      "/evil.example",
      "//evil.example",
      "http://a.example",
      "a b",
      "a.example\r\nx: y",
      "*.example",
      "ü.example",
      "\\a",
      'a"',
    ].map((host): [string, string, string, string, string] => [
      `the host ${JSON.stringify(host)}`,
      `${INDEX}<RoutingRules>${rule(`<HostName>${host.replaceAll("\r", "&#13;").replaceAll("\n", "&#10;")}</HostName>`)}</RoutingRules>`,
      "The HostName is not well formed",
      "HostName",
      host,
    ]),
  ])("refuses %s with InvalidArgument", (_why, content, message, name, value) => {
    const refused = failure(() => parse(content));
    expect([refused.code, refused.status, refused.message, refused.details]).toEqual([
      "InvalidArgument",
      400,
      message,
      { ArgumentName: name, ArgumentValue: value },
    ]);
  });

  it.each<[why: string, content: string]>([
    ["an unknown element", `${INDEX}<Cache/>`],
    ["two indexes", `${INDEX}${INDEX}`],
    ["an index without suffix", "<IndexDocument/>"],
    ["another element in the index", "<IndexDocument><Suffix>a</Suffix><Key>b</Key></IndexDocument>"],
    ["an error document without key", `${INDEX}<ErrorDocument/>`],
    ["no rule among the rules", `${INDEX}<RoutingRules/>`],
    ["a rule without redirect", `${INDEX}<RoutingRules><RoutingRule/></RoutingRules>`],
    ["an empty redirect", `${INDEX}<RoutingRules>${rule("")}</RoutingRules>`],
    ["another element in a redirect", `${INDEX}<RoutingRules>${rule("<Path>a</Path>")}</RoutingRules>`],
    ["another element in a condition", `${INDEX}<RoutingRules>${rule(HOST, "<Tag>a</Tag>")}</RoutingRules>`],
    [
      "a code that is not a number",
      `${INDEX}<RoutingRules>${rule("<HttpRedirectCode>3xx</HttpRedirectCode>")}</RoutingRules>`,
    ],
    [
      "an error that is not a number",
      `${INDEX}<RoutingRules>${rule(HOST, "<HttpErrorCodeReturnedEquals>4xx</HttpErrorCodeReturnedEquals>")}</RoutingRules>`,
    ],
    ["an empty error", `${INDEX}<RoutingRules>${rule(HOST, "<HttpErrorCodeReturnedEquals/>")}</RoutingRules>`],
    ["a redirect of everything without a host", "<RedirectAllRequestsTo/>"],
    ["text between elements", `${INDEX}text`],
  ])("refuses %s with MalformedXML", (_why, content) => {
    expect(failure(() => parse(content)).code).toBe("MalformedXML");
  });

  it("refuses another root, and more than 128 KB, with MalformedXML", () => {
    expect(failure(() => parseWebsiteConfiguration(bytes("<CORSConfiguration/>"))).code).toBe("MalformedXML");
    const long = bytes(golden("WebsiteConfiguration", INDEX + " ".repeat(MAX_WEBSITE_BYTES)));
    expect(failure(() => parseWebsiteConfiguration(long)).code).toBe("MalformedXML");
  });

  it("checks the redirect of a rule before its condition", () => {
    const both = rule(
      "<HttpRedirectCode>300</HttpRedirectCode>",
      "<HttpErrorCodeReturnedEquals>200</HttpErrorCodeReturnedEquals>",
    );
    expect(failure(() => site(both)).message).toMatch(/^The provided HTTP redirect code/);
  });
});
