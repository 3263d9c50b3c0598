import { describe, expect, it } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import { errorHeaders, formatErrorPage } from "../../../src/website/error-page.ts";

const IDS = { requestId: "318BC8BC143432E5", hostId: "MzE4QkM4QkMxNDM0MzJFNQ==" };
const missing = (Key: string) => new S3Error("NoSuchKey", { details: { Key } });

describe("an error page", () => {
  it("is identical to AWS's page", () => {
    expect(formatErrorPage({ failure: missing("a.html"), ...IDS })).toBe(`<html>
<head><title>404 Not Found</title></head>
<body>
<h1>404 Not Found</h1>
<ul>
<li>Code: NoSuchKey</li>
<li>Message: The specified key does not exist.</li>
<li>Key: a.html</li>
<li>RequestId: 318BC8BC143432E5</li>
<li>HostId: MzE4QkM4QkMxNDM0MzJFNQ==</li>
</ul>
<hr/>
</body>
</html>
`);
  });

  it("has the error of an error document that cannot be read", () => {
    const page = formatErrorPage({ failure: new S3Error("AccessDenied"), ...IDS, errorDocument: missing("404.html") });
    expect(page).toContain(`<title>403 Forbidden</title>`);
    expect(page).toContain(`</ul>
<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>
<ul>
<li>Code: NoSuchKey</li>
<li>Message: The specified key does not exist.</li>
<li>Key: 404.html</li>
</ul>
<hr/>`);
  });

  it("escapes markup", () => {
    const page = formatErrorPage({ failure: missing(`<script>alert("'1'")</script>&`), ...IDS });
    expect(page).toContain("<li>Key: &lt;script&gt;alert(&quot;&#39;1&#39;&quot;)&lt;/script&gt;&amp;</li>");
    expect(page).not.toContain("<script");
  });
});

describe("the headers of an error", () => {
  it("have code, message and details", () => {
    expect(errorHeaders(missing("a b.html"))).toEqual({
      "x-amz-error-code": "NoSuchKey",
      "x-amz-error-message": "The specified key does not exist.",
      "x-amz-error-detail-key": "a b.html",
    });
  });

  it("encode a key that could end them", () => {
    const headers = errorHeaders(missing("a\r\nb: c\u0000ü\u2028 "));
    expect(headers["x-amz-error-detail-key"]).toBe("a%0D%0Ab: c%00%C3%BC%E2%80%A8");
    expect(() => new Headers(headers)).not.toThrow();
  });
});
