import { describe, expect, it } from "vitest";
import type { ObjectLockConfiguration } from "../../../../src/model/object-lock.ts";
import {
  formatLegalHold,
  formatObjectLockConfiguration,
  formatRetention,
  parseLegalHold,
  parseObjectLockConfiguration,
  parseRetention,
} from "../../../../src/protocol/xml/object-lock.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const NOW = new Date("2026-11-28T12:00:00Z");

describe("ObjectLockConfiguration", () => {
  const configuration = (inner: string) => `<ObjectLockConfiguration>${inner}</ObjectLockConfiguration>`;
  const ENABLED = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";
  const retention = (inner: string) => `<Rule><DefaultRetention>${inner}</DefaultRetention></Rule>`;
  const GOVERNANCE = "<Mode>GOVERNANCE</Mode>";

  it.each<[string, ObjectLockConfiguration]>([
    ["", {}],
    [
      retention(`${GOVERNANCE}<Days>36500</Days>`),
      { defaultRetention: { mode: "GOVERNANCE", period: { unit: "Days", length: 36_500 } } },
    ],
    [
      retention("<Mode>COMPLIANCE</Mode><Years>100</Years>"),
      { defaultRetention: { mode: "COMPLIANCE", period: { unit: "Years", length: 100 } } },
    ],
  ])("%j is written and read back", (rule, expected) => {
    const document = formatObjectLockConfiguration(expected);
    expect(document).toBe(golden("ObjectLockConfiguration", ENABLED + rule));
    expect(parseObjectLockConfiguration(bytes(document))).toEqual(expected);
  });

  // Cases 1 to 8 as recorded on AWS by LocalStack, 2026-02.
  it.each([
    configuration(retention(`${GOVERNANCE}<Days>1</Days>`)),
    configuration(""),
    configuration(`${ENABLED}<Rule/>`),
    configuration(ENABLED + retention("")),
    configuration(ENABLED + retention(GOVERNANCE)),
    configuration(ENABLED + retention("<Mode>BAD-VALUE</Mode><Days>1</Days>")),
    configuration(ENABLED + retention(`${GOVERNANCE}<Days>1</Days><Years>1</Years>`)),
    "",
    "<Other/>",
    configuration("<ObjectLockEnabled>Disabled</ObjectLockEnabled>"),
    configuration(ENABLED + retention("<Mode>governance</Mode><Days>1</Days>")),
    configuration(ENABLED + retention("<Days>1</Days>")),
    configuration(ENABLED + retention(`${GOVERNANCE}<Days>1.5</Days>`)),
    configuration(ENABLED + retention(`${GOVERNANCE}<Days/>`)),
    configuration(`${ENABLED}<Surprise/>`),
  ])("refuses %j with MalformedXML", (document) => {
    expect(failure(() => parseObjectLockConfiguration(bytes(document))).code).toBe("MalformedXML");
  });

  it.each([
    ["Days", 0, "Default retention period must be a positive integer value."],
    ["Years", -1, "Default retention period must be a positive integer value."],
    ["Days", 36_501, "Default retention period too large."],
    ["Years", 101, "Default retention period too large."],
  ])("refuses %s of %d with InvalidArgument", (unit, length, message) => {
    const document = configuration(ENABLED + retention(`${GOVERNANCE}<${unit}>${length}</${unit}>`));
    const error = failure(() => parseObjectLockConfiguration(bytes(document)));
    expect([error.code, error.message, error.details]).toEqual(["InvalidArgument", message, { ArgumentName: unit }]);
  });

  it("refuses a default event hold with NotImplemented", () => {
    const hold = "<DefaultEventHold><Days>1</Days></DefaultEventHold>";
    const document = configuration(ENABLED + retention(`${GOVERNANCE}<Days>1</Days>${hold}`));
    expect(failure(() => parseObjectLockConfiguration(bytes(document))).code).toBe("NotImplemented");
    const only = configuration(ENABLED + retention(hold));
    expect(failure(() => parseObjectLockConfiguration(bytes(only))).code).toBe("NotImplemented");
  });
});

describe("Retention", () => {
  const document = (mode: string, date: string) =>
    `<Retention><Mode>${mode}</Mode><RetainUntilDate>${date}</RetainUntilDate></Retention>`;

  it("is written to the millisecond and read back", () => {
    const retention = { mode: "COMPLIANCE", until: Date.parse("2140-01-01T00:00:00.125Z") } as const;
    const written = formatRetention(retention);
    const inner = "<Mode>COMPLIANCE</Mode><RetainUntilDate>2140-01-01T00:00:00.125Z</RetainUntilDate>";
    expect(written).toBe(golden("Retention", inner));
    expect(parseRetention(bytes(written), NOW)).toEqual(retention);
  });

  it.each(["<Retention/>", "<Retention></Retention>", '<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'])(
    "%s removes the retention",
    (empty) => {
      expect(parseRetention(bytes(empty), NOW)).toBeUndefined();
    },
  );

  it.each([
    "",
    "<Other/>",
    "<Retention><Mode>GOVERNANCE</Mode></Retention>",
    "<Retention><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
    document("BAD-VALUE", "2030-01-01T00:00:00Z"),
    document("governance", "2030-01-01T00:00:00Z"),
    document("GOVERNANCE", "tomorrow"),
  ])("refuses %j with MalformedXML", (text) => {
    expect(failure(() => parseRetention(bytes(text), NOW)).code).toBe("MalformedXML");
  });

  it.each([
    ["2020-01-01T00:00:00Z", "Tue Dec 31 16:00:00 PST 2019"],
    ["2026-07-01T07:05:09Z", "Wed Jul 01 00:05:09 PDT 2026"],
  ])("refuses %s, a date in the past, with InvalidArgument", (date, shown) => {
    const error = failure(() => parseRetention(bytes(document("GOVERNANCE", date)), NOW));
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      "The retain until date must be in the future!",
      { ArgumentName: "RetainUntilDate", ArgumentValue: shown },
    ]);
  });

  it.each(["<EventHold>ON</EventHold>", "<EventHoldDuration><Days>1</Days></EventHoldDuration>"])(
    "refuses %s with NotImplemented",
    (hold) => {
      expect(failure(() => parseRetention(bytes(`<Retention>${hold}</Retention>`), NOW)).code).toBe("NotImplemented");
    },
  );
});

describe("LegalHold", () => {
  it.each([
    ["ON", true],
    ["OFF", false],
  ] as const)("%s is written and read back", (status, isOn) => {
    const document = formatLegalHold(isOn);
    expect(document).toBe(golden("LegalHold", `<Status>${status}</Status>`));
    expect(parseLegalHold(bytes(document))).toBe(isOn);
  });

  it.each(["", "<LegalHold/>", "<LegalHold><Status>abc</Status></LegalHold>", "<LegalHold><Status/></LegalHold>"])(
    "refuses %j with MalformedXML",
    (document) => {
      expect(failure(() => parseLegalHold(bytes(document))).code).toBe("MalformedXML");
    },
  );
});
