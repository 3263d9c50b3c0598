import { describe, expect, it } from "vitest";
import {
  formatIpAddress,
  isInRange,
  kindOfIpAddress,
  parseIpAddress,
  parseIpRange,
} from "../../../src/model/ip-address.ts";

describe("parseIpRange and isInRange", () => {
  it.each<[string, string, boolean]>([
    ["203.0.113.0/24", "203.0.113.7", true],
    ["203.0.113.0/24", "203.0.114.7", false],
    ["203.0.113.9/24", "203.0.113.7", true],
    ["203.0.113.7", "203.0.113.7", true],
    ["203.0.113.7", "203.0.113.8", false],
    ["203.0.113.7/32", "203.0.113.7", true],
    ["0.0.0.0/0", "203.0.113.7", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["10.2.*", "10.2.3.4", true],
    ["10.2.*", "10.3.3.4", false],
    ["10.*", "10.3.3.4", true],
    ["10.2.3.*", "10.2.3.255", true],
    ["2001:DB8:1234:5678::/64", "2001:db8:1234:5678:9::1", true],
    ["2001:DB8:1234:5678::/64", "2001:db8:1234:5679::1", false],
    ["2001:db8::1", "2001:0db8:0:0:0:0:0:1", true],
    ["::/0", "2001:db8::1", true],
    ["::/0", "203.0.113.7", false],
    ["::1", "::1", true],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", true],
    // One address in two spellings.
    ["203.0.113.0/24", "::ffff:203.0.113.7", true],
    ["::ffff:203.0.113.0/120", "203.0.113.7", true],
    ["::ffff:203.0.113.7", "203.0.113.7", true],
    ["64:ff9b::203.0.113.7", "64:ff9b::cb00:7107", true],
    ["203.0.113.0/24", "", false],
    ["203.0.113.0/24", "rubbish", false],
    ["203.0.113.0/24", "203.0.113.7, 10.0.0.1", false],
    ["203.0.113.0/24", "203.0.113.7:443", false],
  ])("the range %s contains %s: %s", (range, address, expected) => {
    const parsed = parseIpRange(range);
    expect(parsed).toBeDefined();
    expect(parsed && isInRange(address, parsed)).toBe(expected);
  });

  it.each([
    "",
    "*",
    ".*",
    "10.2.3.4.*",
    // Its last two groups would be 10.0.0.0, and its first eight bits most reserved addresses.
    "::10.*",
    "::ffff:10.2.*",
    "10.2",
    "10.2.3.4.5",
    "256.0.0.1",
    "010.0.0.1",
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/-1",
    "1.2.3.4/24/8",
    " 1.2.3.4",
    "2001:db8::/129",
    "::1::",
    ":::",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1:2:3",
    "12345::",
    "fe80::1%eth0",
    "1.2.3.4::",
    "::ffff:1.2.3.4/64",
    "localhost",
  ])("refuses the range %j", (text) => {
    expect(parseIpRange(text)).toBeUndefined();
  });
});

describe("parseIpAddress", () => {
  it.each([
    ["203.0.113.7", "203.0.113.7", "global"],
    ["127.0.0.1", "127.0.0.1", "loopback"],
    ["169.254.169.254", "169.254.169.254", "reserved"],
    ["2606:4700:0:0:1:0:0:1", "2606:4700::1:0:0:1", "global"],
    ["2001:DB8::", "2001:db8::", "global"],
    ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1:2:3:4:5", "global"],
    ["::ffff:203.0.113.7", "::ffff:cb00:7107", "reserved"],
    ["0:0:0:0:0:0:0:1", "::1", "loopback"],
    ["::", "::", "reserved"],
    ["fd00::1", "fd00::1", "private"],
  ])("reads %s, which is canonically %s, as a %s address", (text, canonical, kind) => {
    const address = parseIpAddress(text);
    expect(address && formatIpAddress(address)).toBe(canonical);
    expect(address && kindOfIpAddress(address)).toBe(kind);
  });

  it.each(["", "1.2.3", "01.2.3.4", "[::1]", "::1%eth0", "localhost"])("refuses %j", (text) => {
    expect(parseIpAddress(text)).toBeUndefined();
  });
});
