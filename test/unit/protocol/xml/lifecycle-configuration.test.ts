import { describe, expect, it } from "vitest";
import type { LifecycleRule } from "../../../../src/model/lifecycle.ts";
import {
  formatLifecycleRules,
  MAX_LIFECYCLE_RULES,
  parseLifecycleRules,
} from "../../../../src/protocol/xml/lifecycle-configuration.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const DAY = "<Expiration><Days>1</Days></Expiration>";
const IA = "<StorageClass>STANDARD_IA</StorageClass>";
const rule = (content: string, status = "Enabled") => `<Rule>${content}<Status>${status}</Status></Rule>`;
const document = (...rules: string[]) => `<LifecycleConfiguration>${rules.join("")}</LifecycleConfiguration>`;
const parse = (...rules: string[]) => parseLifecycleRules(bytes(document(...rules)));
const refusal = (...rules: string[]) => {
  const { code, message, details } = failure(() => parse(...rules));
  return [code, message, details.ArgumentName, details.ArgumentValue].filter((each) => each !== undefined);
};
const NO_TRANSITIONS = { transitions: [], noncurrentTransitions: [] };

describe("LifecycleConfiguration", () => {
  it("is read and written back, with every element of a rule", () => {
    const rules: readonly LifecycleRule[] = [
      {
        id: "everything & more",
        isEnabled: true,
        schema: "V2",
        filter: {
          isAnd: true,
          prefix: "logs/",
          tags: [
            { key: "a", value: "1" },
            { key: "b", value: "" },
          ],
          sizeGreaterThan: 0,
          sizeLessThan: 64_000,
        },
        expiration: { kind: "days", days: 365 },
        noncurrentExpiration: { days: 90, newerVersions: 3 },
        transitions: [{ kind: "days", days: 30, storageClass: "STANDARD_IA" }],
        noncurrentTransitions: [{ days: 30, newerVersions: 1, storageClass: "STANDARD_IA" }],
      },
      {
        id: "uploads",
        isEnabled: false,
        schema: "V2",
        filter: { tags: [] },
        expiration: { kind: "expired-delete-marker", isOn: true },
        abortUploadAfterDays: 7,
        ...NO_TRANSITIONS,
      },
      {
        id: "dates",
        isEnabled: true,
        schema: "V2",
        filter: { prefix: "", tags: [] },
        expiration: { kind: "date", date: Date.UTC(2030, 0, 2) },
        transitions: [{ kind: "date", date: Date.UTC(2030, 0, 1), storageClass: "STANDARD_IA" }],
        noncurrentTransitions: [],
      },
    ];
    const written = formatLifecycleRules(rules);
    expect(written).toBe(
      golden(
        "LifecycleConfiguration",
        `<Rule>
           <ID>everything &amp; more</ID>
           <Filter>
             <And>
               <Prefix>logs/</Prefix>
               <Tag><Key>a</Key><Value>1</Value></Tag>
               <Tag><Key>b</Key><Value/></Tag>
               <ObjectSizeGreaterThan>0</ObjectSizeGreaterThan>
               <ObjectSizeLessThan>64000</ObjectSizeLessThan>
             </And>
           </Filter>
           <Status>Enabled</Status>
           <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>
           <Expiration><Days>365</Days></Expiration>
           <NoncurrentVersionTransition>
             <NoncurrentDays>30</NoncurrentDays>
             <NewerNoncurrentVersions>1</NewerNoncurrentVersions>
             <StorageClass>STANDARD_IA</StorageClass>
           </NoncurrentVersionTransition>
           <NoncurrentVersionExpiration>
             <NoncurrentDays>90</NoncurrentDays>
             <NewerNoncurrentVersions>3</NewerNoncurrentVersions>
           </NoncurrentVersionExpiration>
         </Rule>
         <Rule>
           <ID>uploads</ID>
           <Filter></Filter>
           <Status>Disabled</Status>
           <Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>
           <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>
         </Rule>
         <Rule>
           <ID>dates</ID>
           <Filter><Prefix/></Filter>
           <Status>Enabled</Status>
           <Transition><Date>2030-01-01T00:00:00.000Z</Date><StorageClass>STANDARD_IA</StorageClass></Transition>
           <Expiration><Date>2030-01-02T00:00:00.000Z</Date></Expiration>
         </Rule>`,
      ),
    );
    expect(parseLifecycleRules(bytes(written))).toEqual(rules);
  });

  it("has the Prefix of the older schema in the rule", () => {
    const rules = parse(rule(`<ID>old</ID><Prefix>a/</Prefix>${DAY}`), rule(`<ID>new</ID><Prefix>b/</Prefix>${DAY}`));
    expect(rules.map(({ schema, filter }) => [schema, filter])).toEqual([
      ["V1", { prefix: "a/", tags: [] }],
      ["V1", { prefix: "b/", tags: [] }],
    ]);
    expect(formatLifecycleRules(rules.slice(0, 1))).toBe(
      golden(
        "LifecycleConfiguration",
        `<Rule><ID>old</ID><Prefix>a/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>`,
      ),
    );
  });

  it.each<[why: string, content: string]>([
    ["an empty Filter", `<Filter/>${DAY}`],
    ["one tag", `<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>${DAY}`],
    ["one size", `<Filter><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan></Filter>${DAY}`],
    ["a date without a time", "<Prefix/><Expiration><Date>2017-09-27</Date></Expiration>"],
    ["a date in another zone", "<Prefix/><Expiration><Date>2023-01-01T02:00:00+02:00</Date></Expiration>"],
    [
      "a marker that is not to be removed",
      "<Filter/><Expiration><ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker></Expiration>",
    ],
    [
      "a marker next to a transition",
      `<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration><Transition><Days>30</Days>${IA}</Transition>`,
    ],
    [
      "many newer versions",
      "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>500</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
    ],
    [
      "overlapping prefixes of different actions",
      `<Prefix>a</Prefix>${DAY}<Status>Enabled</Status></Rule><Rule><Prefix>a/b</Prefix><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>`,
    ],
    [
      "overlapping Filters",
      `<Filter><Prefix>a</Prefix></Filter>${DAY}<Status>Enabled</Status></Rule><Rule><Filter/>${DAY}`,
    ],
  ])("is accepted with %s", (_why, content) => {
    expect(parse(rule(content)).length).toBeGreaterThan(0);
  });

  it("gives a rule without ID one, and keeps those of others", () => {
    const ids = parse(
      rule(`<Filter/>${DAY}`),
      rule(`<ID></ID><Filter/>${DAY}`),
      rule(`<ID>${"i".repeat(255)}</ID><Filter/>${DAY}`),
    ).map(({ id }) => id);
    expect(ids[2]).toBe("i".repeat(255));
    expect(new Set(ids).size).toBe(3);
  });

  it.each<[why: string, ...rules: string[]]>([
    ["no rule"],
    ["neither Filter nor Prefix", rule(DAY)],
    ["both Filter and Prefix", rule(`<Prefix/><Filter/>${DAY}`)],
    [
      "a Filter with two conditions",
      rule(`<Filter><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan><Prefix/></Filter>${DAY}`),
    ],
    [
      "a Filter with And and another condition",
      rule(`<Filter><And><Prefix>test</Prefix></And><Prefix/></Filter>${DAY}`),
    ],
    ["And with one condition", rule(`<Filter><And><Prefix>test</Prefix></And></Filter>${DAY}`)],
    ["no Status", `<Rule><Filter/>${DAY}</Rule>`],
    ["Status in lower case", rule(`<Filter/>${DAY}`, "enabled")],
    ["an unknown element", rule(`<Filter/>${DAY}<Priority>1</Priority>`)],
    ["a misspelt element of its Filter", rule(`<Filter><Prefx>logs/</Prefx></Filter>${DAY}`)],
    ["a misspelt element of its action", rule("<Filter/><Expiration><Days>1</Days><Dates>2030</Dates></Expiration>")],
    ["an element twice", rule(`<Filter/>${DAY}${DAY}`)],
    ["an empty Expiration", rule("<Filter/><Expiration/>")],
    [
      "Days and ExpiredObjectDeleteMarker",
      rule(
        "<Filter/><Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
      ),
    ],
    ["Days and Date", rule("<Filter/><Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>")],
    ["Days that are no number", rule("<Filter/><Expiration><Days>1.5</Days></Expiration>")],
    ["Days of more than 32 bits", rule("<Filter/><Expiration><Days>2147483648</Days></Expiration>")],
    ["a Date that is none", rule("<Prefix/><Expiration><Date>20200101</Date></Expiration>")],
    ["an empty NoncurrentVersionExpiration", rule("<Filter/><NoncurrentVersionExpiration/>")],
    [
      "NoncurrentVersionExpiration without NoncurrentDays",
      rule(
        "<Filter/><NoncurrentVersionExpiration><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
      ),
    ],
    [
      "NoncurrentVersionTransition without NoncurrentDays",
      rule(`<Filter/><NoncurrentVersionTransition>${IA}</NoncurrentVersionTransition>`),
    ],
    ["an empty AbortIncompleteMultipartUpload", rule("<Filter/><AbortIncompleteMultipartUpload/>")],
    ["a Transition without a class", rule("<Filter/><Transition><Days>30</Days></Transition>")],
    [
      "a Transition to a class that R2 does not have",
      rule("<Filter/><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>"),
    ],
    ["a Transition with neither Days nor Date", rule(`<Filter/><Transition>${IA}</Transition>`)],
    [
      "a Transition with Days and Date",
      rule(`<Filter/><Transition><Days>30</Days><Date>2030-01-01T00:00:00Z</Date>${IA}</Transition>`),
    ],
  ])("is MalformedXML with %s", (_why, ...rules) => {
    expect(failure(() => parse(...rules)).code).toBe("MalformedXML");
  });

  const expires = (content: string) => rule(`<Filter/><Expiration>${content}</Expiration>`);
  const noncurrent = (content: string) =>
    rule(`<Filter/><NoncurrentVersionExpiration>${content}</NoncurrentVersionExpiration>`);
  it.each<[why: string, rules: string | string[], message: string, name: string, value: string]>([
    [
      "a Date that is not midnight",
      expires("<Date>2023-01-01T02:02:00Z</Date>"),
      "'Date' must be at midnight GMT",
      "Date",
      "2023-01-01T02:02:00.000Z",
    ],
    ["Days 0", expires("<Days>0</Days>"), "'Days' for Expiration action must be a positive integer", "Days", "0"],
    ["Days -1", expires("<Days>-1</Days>"), "'Days' for Expiration action must be a positive integer", "Days", "-1"],
    [
      "NoncurrentDays 0",
      noncurrent("<NoncurrentDays>0</NoncurrentDays>"),
      "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
      "NoncurrentDays",
      "0",
    ],
    [
      "NewerNoncurrentVersions 0",
      noncurrent("<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>0</NewerNoncurrentVersions>"),
      "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive integer",
      "NewerNoncurrentVersions",
      "0",
    ],
    [
      "DaysAfterInitiation 0",
      rule(
        "<Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>0</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
      ),
      "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
      "DaysAfterInitiation",
      "0",
    ],
    [
      "a long ID",
      rule(`<ID>${"i".repeat(256)}</ID><Filter/>${DAY}`),
      "ID length should not exceed allowed limit of 255",
      "ID",
      "i".repeat(256),
    ],
    [
      "an ID twice",
      [rule(`<ID>i</ID><Filter/>${DAY}`), rule(`<ID>i</ID><Filter/>${DAY}`)],
      "Rule ID must be unique. Found same ID for more than one rule",
      "ID",
      "i",
    ],
    [
      "a Transition to STANDARD",
      rule("<Filter/><Transition><Days>30</Days><StorageClass>STANDARD</StorageClass></Transition>"),
      "Invalid target Storage class for Transition action",
      "StorageClass",
      "STANDARD",
    ],
    [
      "a Transition before 30 days",
      rule(`<Filter/><Transition><Days>29</Days>${IA}</Transition>`),
      "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
      "Days",
      "29",
    ],
    [
      "a Transition after negative days",
      rule(`<Filter/><Transition><Days>-1</Days>${IA}</Transition>`),
      "'Days' in Transition action must be nonnegative",
      "Days",
      "-1",
    ],
    [
      "a noncurrent Transition before 30 days",
      rule(
        `<Filter/><NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays>${IA}</NoncurrentVersionTransition>`,
      ),
      "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
      "NoncurrentDays",
      "1",
    ],
    [
      "an Expiration on the day of the Transition",
      rule(
        `<Filter><Prefix>test/</Prefix></Filter><Expiration><Days>30</Days></Expiration><Transition><Days>30</Days>${IA}</Transition>`,
      ),
      "'Days' in the Expiration action for filter '(prefix=test/)' must be greater than 'Days' in the Transition action",
      "Days",
      "30",
    ],
    [
      "an Expiration on the date of the Transition",
      rule(
        `<Prefix>test/</Prefix><Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration><Transition><Date>2030-01-01T00:00:00Z</Date>${IA}</Transition>`,
      ),
      "'Date' in the Expiration action for prefix 'test/' must be greater than 'Date' in the Transition action",
      "Date",
      "2030-01-01T00:00:00.000Z",
    ],
    [
      "a noncurrent Expiration on the day of the Transition",
      rule(
        `<Filter><And><Prefix>test/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan><ObjectSizeLessThan>120120</ObjectSizeLessThan></And></Filter><NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays></NoncurrentVersionExpiration><NoncurrentVersionTransition><NoncurrentDays>30</NoncurrentDays>${IA}</NoncurrentVersionTransition>`,
      ),
      "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '(prefix=test/ and tag={key=k, value=v} and objectsizegreaterthan=500 and objectsizelessthan=120120)' must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action",
      "NoncurrentDays",
      "30",
    ],
  ])("is InvalidArgument with %s", (_why, rules, message, name, value) => {
    expect(refusal(...[rules].flat())).toEqual(["InvalidArgument", message, name, value]);
  });

  const tagged = (tags: string, actions = DAY) => rule(`<Filter><And><Prefix/>${tags}</And></Filter>${actions}`);
  const sized = (sizes: string, actions = DAY) => rule(`<Filter><And><Prefix/>${sizes}</And></Filter>${actions}`);
  const TAG = "<Tag><Key>k</Key><Value>v</Value></Tag>";
  const ABORT =
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
  const MARKER = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>";
  const LESS = "<ObjectSizeLessThan>9</ObjectSizeLessThan>";
  it.each<[why: string, rules: string | string[], message: string]>([
    ["no action", rule("<Filter/>"), "At least one action needs to be specified in a rule"],
    ["a tag key twice", tagged(TAG + TAG), "Duplicate Tag Keys are not allowed."],
    [
      "an empty tag key",
      tagged("<Tag><Key></Key><Value>v</Value></Tag>"),
      "A Tag's Key must be a length between 1 and 128.",
    ],
    [
      "a long tag value",
      tagged(`<Tag><Key>k</Key><Value>${"v".repeat(257)}</Value></Tag>`),
      "A Tag's Value must be a length between 0 and 256.",
    ],
    [
      "a negative size",
      sized("<ObjectSizeGreaterThan>-1</ObjectSizeGreaterThan>"),
      "'ObjectSizeGreaterThan' should be between 0 and 1099511627776000.",
    ],
    [
      "a size of 0",
      sized("<ObjectSizeLessThan>0</ObjectSizeLessThan>"),
      "'ObjectSizeLessThan' should be between 1 and 1099511627776000.",
    ],
    [
      "sizes that contradict each other",
      sized(`<ObjectSizeGreaterThan>9</ObjectSizeGreaterThan>${LESS}`),
      "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
    ],
    ["uploads with tags", tagged(TAG, ABORT), "AbortIncompleteMultipartUpload cannot be specified with Tags."],
    ["uploads with a size", sized(LESS, ABORT), "AbortIncompleteMultipartUpload cannot be specified with Object Size."],
    ["markers with tags", tagged(TAG, MARKER), "ExpiredObjectDeleteMarker cannot be specified with Tags."],
    ["markers with a size", sized(LESS, MARKER), "ExpiredObjectDeleteMarker cannot be specified with Object Size."],
    [
      "a class twice",
      rule(`<Filter/><Transition><Days>30</Days>${IA}</Transition><Transition><Days>60</Days>${IA}</Transition>`),
      "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '()'",
    ],
    [
      "days and dates",
      rule(`<Filter/>${DAY}<Transition><Date>2030-01-01T00:00:00Z</Date>${IA}</Transition>`),
      "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '()'",
    ],
    [
      "a Filter after a Prefix",
      [rule(`<Prefix/>${DAY}`), rule(`<Filter/>${DAY}`)],
      "Filter element can only be used in Lifecycle V2.",
    ],
    [
      "a Prefix after a Filter",
      [rule(`<Filter/>${DAY}`), rule(`<Prefix/>${DAY}`)],
      "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.",
    ],
    [
      "NewerNoncurrentVersions in the older schema",
      rule(
        "<Prefix/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
      ),
      "NewerNoncurrentVersions element can only be used in Lifecycle V2.",
    ],
    [
      "overlapping prefixes in the older schema",
      ["a/b", "b", "a"].map((prefix) => rule(`<Prefix>${prefix}</Prefix>${DAY}`)),
      "Found overlapping prefixes 'a' and 'a/b' for same action type 'Expiration'",
    ],
    [
      "too many rules",
      Array.from({ length: MAX_LIFECYCLE_RULES + 1 }, () => rule(`<Filter/>${DAY}`)),
      "The number of lifecycle rules must not exceed the allowed limit of 1000 rules.",
    ],
  ])("is InvalidRequest with %s", (_why, rules, message) => {
    expect(refusal(...[rules].flat())).toEqual(["InvalidRequest", message]);
  });

  it("takes 1,000 rules", () => {
    const rules = Array.from({ length: MAX_LIFECYCLE_RULES }, (_, index) => rule(`<ID>${index}</ID><Filter/>${DAY}`));
    expect(parse(...rules)).toHaveLength(MAX_LIFECYCLE_RULES);
  });
});
