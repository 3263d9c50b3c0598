/** The ways in which an attacker could write an address that must not be called. */
import { describe, expect, it } from "vitest";
import { parseTarget, type RefusalReason, type TargetPolicy, TargetRefused } from "../../../src/outbound/target.ts";

const STRICT: TargetPolicy = {
  allowPrivate: false,
  ownHosts: ["s3.example.com", "web.example.org", "store.account.workers.dev", "Data.Example.NET.:8443", "192.0.2.80"],
};
const DEVELOPMENT: TargetPolicy = { allowPrivate: true, ownHosts: ["s3.localhost", "127.0.0.1:8787"] };

function outcome(url: string, policy = STRICT): RefusalReason | string {
  try {
    return `calls ${parseTarget(url, policy).url}`;
  } catch (error) {
    if (!(error instanceof TargetRefused)) throw error;
    return error.reason;
  }
}

const REFUSED: readonly (readonly [url: string, reason: RefusalReason])[] = [
  // Not an http or https URL.
  ["", "scheme"],
  ["http", "scheme"],
  ["http:/receiver.example/", "scheme"],
  ["http:receiver.example", "scheme"],
  ["//receiver.example/", "scheme"],
  ["ftp://receiver.example/", "scheme"],
  ["file:///etc/passwd", "scheme"],
  ["gopher://receiver.example/", "scheme"],
  ["javascript:alert(1)", "scheme"],
  ["data:text/plain,x", "scheme"],
  ["httpx://receiver.example/", "scheme"],
  // Characters that parsers drop, correct or take for the end of a host.
  [" http://receiver.example/", "character"],
  ["http://receiver.example/ ", "character"],
  ["ht\ntp://receiver.example/", "character"],
  ["http://receiver.example/a b", "character"],
  ["http://receiver.example/\r\nX-Evil: 1", "character"],
  ["http://receiver.example\t/", "character"],
  ["http://receiver.example\u0000.local/", "character"],
  ["http://receiver.example\\@127.0.0.1/", "character"],
  ["http:\\\\127.0.0.1\\", "character"],
  ["http://receiver.example/\u007f", "character"],
  ["http://receiver.example/ä", "character"],
  ["http://127。0。0。1/", "character"],
  ["http://127．0．0．1/", "character"],
  ["http://⑫⑦.0.0.1/", "character"],
  ["http://ⓛocalhost/", "character"],
  ["http://bücher.example/", "character"],
  ["http://local\u00adhost/", "character"],
  ["http://receiver.example/{id}", "character"],
  ["http://receiver.example/?a=<b>", "character"],
  // Credentials and fragments.
  ["http://user@receiver.example/", "userinfo"],
  ["http://user:password@receiver.example/", "userinfo"],
  ["http://receiver.example@127.0.0.1/", "userinfo"],
  ["http://@receiver.example/", "userinfo"],
  ["http://a:b@c:d@127.0.0.1/", "userinfo"],
  ["http://receiver.example/#x", "fragment"],
  ["http://receiver.example#@127.0.0.1/", "fragment"],
  // Ports.
  ["http://receiver.example:0/", "port"],
  ["http://receiver.example:65536/", "port"],
  ["http://receiver.example:99999/", "port"],
  ["http://receiver.example:4294967376/", "port"],
  ["http://receiver.example:/", "port"],
  ["http://receiver.example:080/", "port"],
  ["http://receiver.example:-1/", "port"],
  ["http://receiver.example:80:80/", "port"],
  ["http://receiver.example:8o/", "port"],
  ["http://receiver.example:25/", "port"],
  ["http://receiver.example:22/", "port"],
  ["http://receiver.example:6667/", "port"],
  // Invalid hosts.
  ["http://", "host"],
  ["http:///path", "host"],
  ["http://?query", "host"],
  ["http://:80/", "host"],
  ["http://./", "host"],
  ["http://receiver..example/", "host"],
  ["http://.receiver.example/", "host"],
  ["http://receiver.example../", "host"],
  ["http://-receiver.example/", "host"],
  ["http://receiver-.example/", "host"],
  ["http://re_ceiver.example/", "host"],
  ["http://*.example/", "host"],
  [`http://${"a".repeat(64)}.example/`, "host"],
  [`http://${"a.".repeat(124)}example/`, "host"],
  ["http://%6cocalhost/", "host"],
  ["http://127.0.0.1%00.receiver.example/", "host"],
  ["http://receiver%2eexample/", "host"],
  ["http://xn--localhost-/", "host"],
  ["http://xn--/", "host"],
  ["http://receiver.example,127.0.0.1/", "host"],
  // IPv4 in the spellings of inet_aton.
  ["http://2130706433/", "host"],
  ["http://0x7f000001/", "host"],
  ["http://0x7f.1/", "host"],
  ["http://0x7F.0x0.0x0.0x1/", "host"],
  ["http://0177.0.0.1/", "host"],
  ["http://017700000001/", "host"],
  ["http://127.1/", "host"],
  ["http://127.0.1/", "host"],
  ["http://127.0.0.01/", "host"],
  ["http://10.0.0.010/", "host"],
  ["http://256.256.256.256/", "host"],
  ["http://127.0.0.1.1/", "host"],
  ["http://1.2.3.4.5.6.7.8/", "host"],
  ["http://receiver.1/", "host"],
  ["http://receiver.0x1/", "host"],
  ["http://receiver.0x/", "host"],
  ["http://3232235521/", "host"],
  ["http://0/", "host"],
  // IPv4 ranges, first and last.
  ["http://127.0.0.1/", "private-address"],
  ["http://127.0.0.1./", "private-address"],
  ["http://127.255.255.255:9001/", "private-address"],
  ["http://10.0.0.0/", "private-address"],
  ["http://10.255.255.255/", "private-address"],
  ["http://172.16.0.0/", "private-address"],
  ["http://172.31.255.255/", "private-address"],
  ["http://192.168.0.0/", "private-address"],
  ["http://192.168.255.255/", "private-address"],
  ["http://100.64.0.0/", "private-address"],
  ["http://100.127.255.255/", "private-address"],
  ["http://0.0.0.0/", "reserved-address"],
  ["http://0.255.255.255/", "reserved-address"],
  ["http://169.254.0.0/", "reserved-address"],
  ["http://169.254.169.254/latest/meta-data/", "reserved-address"],
  ["http://169.254.255.255/", "reserved-address"],
  ["http://192.0.0.1/", "reserved-address"],
  ["http://192.88.99.1/", "reserved-address"],
  ["http://198.18.0.0/", "reserved-address"],
  ["http://198.19.255.255/", "reserved-address"],
  ["http://224.0.0.1/", "reserved-address"],
  ["http://239.255.255.255/", "reserved-address"],
  ["http://240.0.0.1/", "reserved-address"],
  ["http://255.255.255.255/", "reserved-address"],
  // IPv6.
  ["http://[::1]/", "private-address"],
  ["http://[0:0:0:0:0:0:0:1]/", "private-address"],
  ["http://[0000:0000:0000:0000:0000:0000:0000:0001]/", "private-address"],
  ["http://[fc00::]/", "private-address"],
  ["http://[fdff:ffff::1]/", "private-address"],
  ["http://[::]/", "reserved-address"],
  ["http://[fe80::1]/", "reserved-address"],
  ["http://[febf::1]/", "reserved-address"],
  ["http://[fec0::1]/", "reserved-address"],
  ["http://[ff02::1]/", "reserved-address"],
  ["http://[::ffff:127.0.0.1]/", "reserved-address"],
  ["http://[::ffff:7f00:1]/", "reserved-address"],
  ["http://[0:0:0:0:0:FFFF:10.0.0.1]/", "reserved-address"],
  ["http://[::127.0.0.1]/", "reserved-address"],
  ["http://[64:ff9b::169.254.169.254]/", "reserved-address"],
  ["http://[64:ff9b:1::1]/", "reserved-address"],
  ["http://[2002:7f00:1::]/", "reserved-address"],
  ["http://[2002:a9fe:a9fe::1]/", "reserved-address"],
  ["http://[2001::1]/", "reserved-address"],
  ["http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "reserved-address"],
  ["http://[100::1]/", "reserved-address"],
  ["http://[4000::1]/", "reserved-address"],
  ["http://[fe80::1%25eth0]/", "host"],
  ["http://[::1%lo]/", "host"],
  ["http://[]/", "host"],
  ["http://[1::2::3]/", "host"],
  ["http://[1:2:3:4:5:6:7]/", "host"],
  ["http://[1:2:3:4:5:6:7:8:9]/", "host"],
  ["http://[1:2:3:4:5:6:7::8]/".replace("::8", ":8::"), "host"],
  ["http://[12345::]/", "host"],
  ["http://[::127.1]/", "host"],
  ["http://[127.0.0.1]/", "host"],
  ["http://[v1.a]/", "host"],
  ["http://[:::1]/", "host"],
  ["http://[::1]x/", "port"],
  ["http://[::1", "port"],
  ["http://::1/", "port"],
  // Names of private networks.
  ["http://localhost/", "private-name"],
  ["http://LOCALHOST:9000/", "private-name"],
  ["http://localhost./", "private-name"],
  ["http://a.b.localhost/", "private-name"],
  ["http://metadata/", "private-name"],
  ["http://metadata.google.internal/computeMetadata/v1/", "private-name"],
  ["http://printer.local/", "private-name"],
  ["http://localhost.localdomain/", "private-name"],
  ["http://router.home.arpa/", "private-name"],
  ["http://nas.lan/", "private-name"],
  ["http://redis:6379/", "private-name"],
  // This deployment.
  ["https://s3.example.com/", "own-address"],
  ["https://S3.Example.COM./bucket/key", "own-address"],
  ["http://s3.example.com:8080/", "own-address"],
  ["https://bucket.s3.example.com/", "own-address"],
  ["https://a.b.s3.example.com/", "own-address"],
  ["http://site.web.example.org/", "own-address"],
  ["https://store.account.workers.dev/", "own-address"],
  ["https://0a1b2c3d-store.account.workers.dev/", "own-address"],
  ["https://data.example.net/", "own-address"],
  ["http://192.0.2.80/", "own-address"],
  // Paths that would be changed before they are sent.
  ["http://receiver.example/a/../b", "path"],
  ["http://receiver.example/./b", "path"],
  ["http://receiver.example/a/..", "path"],
  ["http://receiver.example/a/%2e%2E/b", "path"],
  ["http://receiver.example/.%2e", "path"],
  ["http://receiver.example/%", "path"],
  ["http://receiver.example/%zz", "path"],
  ["http://receiver.example/?%f", "path"],
];

const ACCEPTED: readonly (readonly [url: string, called: string])[] = [
  ["http://receiver.example", "http://receiver.example/"],
  ["HTTPS://Receiver.Example/Path", "https://receiver.example/Path"],
  ["http://receiver.example:80/", "http://receiver.example/"],
  ["https://receiver.example:443/", "https://receiver.example/"],
  ["https://receiver.example:80/", "https://receiver.example:80/"],
  ["http://receiver.example:65535/", "http://receiver.example:65535/"],
  ["http://receiver.example./cb", "http://receiver.example/cb"],
  ["http://203.0.113.7:9001/cb", "http://203.0.113.7:9001/cb"],
  ["http://11.0.0.0/", "http://11.0.0.0/"],
  ["http://172.15.255.255/", "http://172.15.255.255/"],
  ["http://172.32.0.0/", "http://172.32.0.0/"],
  ["http://100.63.255.255/", "http://100.63.255.255/"],
  ["http://100.128.0.0/", "http://100.128.0.0/"],
  ["http://169.253.255.255/", "http://169.253.255.255/"],
  ["http://223.255.255.255/", "http://223.255.255.255/"],
  ["http://[2606:4700:4700:0:0:0:0:1111]/", "http://[2606:4700:4700::1111]/"],
  ["http://[2606:4700::A:0:0:1]:8443/x", "http://[2606:4700::a:0:0:1]:8443/x"],
  ["http://[2001:200::192.0.2.1]/", "http://[2001:200::c000:201]/"],
  ["http://[2001:db8:0:1:0:0:0:1]/", "http://[2001:db8:0:1::1]/"],
  ["https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"],
  ["https://r1---sn.example.com/", "https://r1---sn.example.com/"],
  ["https://0x.example.com/", "https://0x.example.com/"],
  ["https://notlocalhost.com/", "https://notlocalhost.com/"],
  ["https://localhost.example.com/", "https://localhost.example.com/"],
  ["https://nots3.example.com/", "https://nots3.example.com/"],
  ["https://example.com/", "https://example.com/"],
  ["https://other.account.workers.dev/", "https://other.account.workers.dev/"],
  [
    "http://receiver.example/a%20b/%E4%BD%A0?x=%2F&y[]=1&z=/../",
    "http://receiver.example/a%20b/%E4%BD%A0?x=%2F&y[]=1&z=/../",
  ],
  ["http://receiver.example?token='1'", "http://receiver.example/?token=%271%27"],
  ["http://receiver.example/it's?", "http://receiver.example/it's"],
  ["http://receiver.example/a//b/...", "http://receiver.example/a//b/..."],
  ["http://receiver.example/?mail=a@b.example", "http://receiver.example/?mail=a@b.example"],
];

describe("parseTarget", () => {
  it.each(REFUSED)("refuses %j: %s", (url, reason) => {
    expect(outcome(url)).toBe(reason);
  });

  it.each(ACCEPTED)("accepts %s", (url, called) => {
    expect(outcome(url)).toBe(`calls ${called}`);
  });

  it("returns the URL that a URL parser would return", () => {
    for (const [url] of ACCEPTED) {
      const target = parseTarget(url, STRICT);
      expect(new URL(target.url).href).toBe(target.url);
      expect(new URL(target.url).hostname).toBe(target.host);
    }
  });

  it("agrees with a URL parser about every combination of parts that it accepts", () => {
    const pieces = [
      ..."/:@?#[].%\\&'-_0x",
      ..."127.0.0.1 7f a Z localhost example.com %2e .. :: :80 0177 xn-- 1e3 8.8.8.8".split(" "),
    ];
    let seed = 7;
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    let accepted = 0;
    for (let round = 0; round < 50_000; round++) {
      let url = next(2) === 0 ? "http://" : "https://a.example";
      for (let count = next(7); count >= 0; count--) url += pieces[next(pieces.length)];
      if (!outcome(url).startsWith("calls ")) continue;
      accepted++;
      const target = parseTarget(url, STRICT);
      // Punycode that decodes to nothing cannot be fetched.
      if (/xn--/i.test(target.host) && !URL.canParse(url)) continue;
      // The host does not contain the port, and a final dot of a name is left out.
      expect(new URL(target.url).href).toBe(target.url);
      expect(new URL(url).hostname.replace(/\.$/, ""), url).toBe(target.host);
    }
    expect(accepted).toBeGreaterThan(2000);
  });

  it("accepts up to 2048 characters", () => {
    const url = `http://receiver.example/${"a".repeat(2048 - 24)}`;
    expect(parseTarget(url, STRICT).url).toBe(url);
    expect(outcome(`${url}a`)).toBe("too-long");
  });

  it("returns the parts that a signature or a connection needs", () => {
    expect(parseTarget("https://Receiver.Example:8443/cb/x?y=1", STRICT)).toEqual({
      scheme: "https",
      host: "receiver.example",
      port: 8443,
      pathAndQuery: "/cb/x?y=1",
      url: "https://receiver.example:8443/cb/x?y=1",
    });
  });

  it("refuses with a message for the client, without the URL", () => {
    expect(() => parseTarget("http://127.0.0.1/secret", STRICT)).toThrow(
      "The URL's host is a private or loopback address.",
    );
  });
});

describe("parseTarget where private addresses are allowed", () => {
  it.each([
    ["http://127.0.0.1:9001/cb", "http://127.0.0.1:9001/cb"],
    ["http://[::1]:9001/", "http://[::1]:9001/"],
    ["http://localhost:9001/", "http://localhost:9001/"],
    ["http://10.1.2.3/", "http://10.1.2.3/"],
    ["http://[fd00::1]/", "http://[fd00::1]/"],
    ["http://receiver:8080/", "http://receiver:8080/"],
    // Another deployment on the same machine.
    ["http://127.0.0.1:8788/", "http://127.0.0.1:8788/"],
  ])("accepts %s", (url, called) => {
    expect(outcome(url, DEVELOPMENT)).toBe(`calls ${called}`);
  });

  it.each([
    ["http://169.254.169.254/", "reserved-address"],
    ["http://0.0.0.0:8787/", "reserved-address"],
    ["http://[::ffff:127.0.0.1]:9001/", "reserved-address"],
    ["http://[fe80::1]/", "reserved-address"],
    ["http://2130706433:9001/", "host"],
    ["http://127.0.0.1:8787/", "own-address"],
    ["http://127.1.2.3:8787/", "own-address"],
    ["http://[::1]:8787/", "own-address"],
    ["http://localhost:8787/", "own-address"],
    ["http://a.localhost.:8787/", "own-address"],
    ["http://bucket.s3.localhost:9001/", "own-address"],
    ["http://s3.localhost/", "own-address"],
  ])("still refuses %s: %s", (url, reason) => {
    expect(outcome(url, DEVELOPMENT)).toBe(reason);
  });
});
