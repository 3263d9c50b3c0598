/** Valid inputs of every format that clients write, from AWS's documentation and SDKs. Fuzzing starts from these. */

export const URLS = [
  "https://s3.example.com/bucket/key",
  "https://bucket.s3.example.com/a/b%20c/%C3%A9?versionId=null",
  "http://127.0.0.1:8787/b/k?partNumber=1&uploadId=VXBsb2FkIElE",
  "https://s3.example.com/bucket?list-type=2&prefix=a%2F&delimiter=%2F&max-keys=10&start-after=a%2Fb&encoding-type=url",
  "https://s3.example.com/bucket?versions&key-marker=a&version-id-marker=null&max-keys=1000",
  "https://s3.example.com/bucket/../key/./%2e%2e/x//y",
  "https://s3.example.com/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  "https://s3.example.com/bucket/key?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D&Expires=1175139620",
];

export const AUTHORIZATIONS = [
  "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
  "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=",
];

export const DATES = [
  "Wed, 12 Oct 2009 17:50:00 GMT",
  "Sunday, 06-Nov-94 08:49:37 GMT",
  "Sun Nov  6 08:49:37 1994",
  "20130524T000000Z",
  "2030-01-01T00:00:00Z",
  "2030-01-01T00:00:00.123+02:00",
  "2030-01-01",
];

export const RANGES = [
  "bytes=0-0",
  "bytes=-5",
  "bytes=9-",
  "bytes=0-1,5-9",
  "bytes=0-9223372036854775807",
  "bytes= 1 - 2",
];

export const IDS = [
  "null",
  "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
  "arn:aws:sns:us-east-1:111122223333:topic",
  "arn:aws:s3:::bucket",
  "arn:workers-s3:remote:::peer/bucket",
  "arn:aws:kms:us-east-1:111122223333:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
  "alias/aws/s3",
  '"d41d8cd98f00b204e9800998ecf8427e-2"',
  'W/"abc"',
  "*",
  "10.0.0.0/8",
  "2001:db8::/32",
  "::ffff:192.0.2.1/100",
  "10.2.*",
];

export const TARGETS = [
  "https://hooks.example.com/path?token=1",
  "http://203.0.113.7:8080/",
  "https://[2606:4700::1]/",
  "https://example.com:443/a/../b",
];

/** A header per line, as `name: value`. */
export const HEADERS = [
  'content-type: text/plain\ncache-control: no-cache\ncontent-disposition: attachment; filename="a.txt"\ncontent-encoding: aws-chunked,gzip\nexpires: Wed, 21 Oct 2015 07:28:00 GMT',
  "x-amz-meta-a: b\nx-amz-meta-long: =?UTF-8?B?w6k=?=\nx-amz-meta-q: =?UTF-8?Q?=C3=A9_x?=",
  "x-amz-tagging: a=b&c=d%20e\nx-amz-storage-class: STANDARD_IA\nx-amz-website-redirect-location: /other",
  "x-amz-acl: public-read",
  'x-amz-grant-read: id="79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", uri="http://acs.amazonaws.com/groups/global/AllUsers"\nx-amz-grant-full-control: emailAddress="a@example.com"',
  "x-amz-object-lock-mode: GOVERNANCE\nx-amz-object-lock-retain-until-date: 2099-01-01T00:00:00Z\nx-amz-object-lock-legal-hold: ON",
  'if-match: "a", "b"\nif-none-match: *\nif-modified-since: Wed, 21 Oct 2015 07:28:00 GMT\nif-unmodified-since: Wed, 21 Oct 2015 07:28:00 GMT',
  "x-amz-copy-source: /bucket/a%2Fb?versionId=null\nx-amz-copy-source-range: bytes=0-9\nx-amz-metadata-directive: REPLACE",
  "x-amz-server-side-encryption-customer-algorithm: AES256\nx-amz-server-side-encryption-customer-key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\nx-amz-server-side-encryption-customer-key-MD5: dnF5x6K/8ZZRzpfSlMMM+w==",
  "x-amz-server-side-encryption: aws:kms\nx-amz-server-side-encryption-aws-kms-key-id: alias/k\nx-amz-server-side-encryption-context: eyJhIjoiYiJ9\nx-amz-server-side-encryption-bucket-key-enabled: true",
  "x-amz-checksum-algorithm: CRC32C\nx-amz-checksum-type: COMPOSITE\nx-amz-sdk-checksum-algorithm: SHA256",
  "x-amz-checksum-crc32: i9aeUg==\ncontent-md5: rL0Y20zC+Fzt72VPzMSk2A==\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\nx-amz-trailer: x-amz-checksum-crc32\nx-amz-decoded-content-length: 3",
  'x-amz-rename-source: /bucket/a\nx-amz-client-token: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\nx-amz-rename-source-if-match: "a"',
  "access-control-request-method: PUT\naccess-control-request-headers: x-amz-meta-a, content-type\norigin: https://example.com",
  "x-amz-workers-s3-replica: 1700000000000.0.a\nx-amz-workers-s3-replica-source: abcdefghijkl",
];

export const QUERIES = [
  "list-type=2&prefix=a&delimiter=%2F&max-keys=1000&continuation-token=AAAA&fetch-owner=true&encoding-type=url",
  "prefix=&marker=x&max-keys=0",
  "partNumber=10000&uploadId=x&versionId=null",
  "part-number-marker=0&max-parts=1000",
];

export const POLICIES = [
  '{"Version":"2012-10-17","Id":"p","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","444455556666"]},"Action":["s3:GetObject","s3:List*"],"Resource":["arn:aws:s3:::abc","arn:aws:s3:::abc/*"],"Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]},"StringLike":{"s3:prefix":["a/$\u007baws:username}/*"]}}}]}',
  '{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":"s3:*","NotResource":"arn:aws:s3:::abc/*","Condition":{"ForAllValues:StringEqualsIfExists":{"s3:RequestObjectTagKeys":["a"]},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"},"NumericLessThan":{"s3:max-keys":"10"},"Bool":{"aws:SecureTransport":"false"},"Null":{"s3:x-amz-acl":"true"}}}}',
];

export const POST_POLICIES = [
  '{"expiration":"2030-01-01T00:00:00.000Z","conditions":[{"bucket":"abc"},["starts-with","$key","user/"],["content-length-range",0,1048576],{"x-amz-algorithm":"AWS4-HMAC-SHA256"},["eq","$acl","private"]]}',
];

/** Bodies of forms with the boundary `b`. */
export const FORMS = [
  '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nuser/$\u007bfilename}\r\n--b\r\nContent-Disposition: form-data; name="policy"\r\n\r\neyJ9\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload\r\n--b--\r\n',
  'preamble\r\n--b\r\ncontent-disposition: form-data; name="key"\r\n\r\nk\r\n--b\r\ncontent-disposition: form-data; name="file"\r\n\r\n\r\n--b--',
];

export const QUERY_API_FORMS = [
  "Action=CreateUser&Version=2010-05-08&UserName=bob&Path=%2Fdivision%2F&Tags.member.1.Key=a&Tags.member.1.Value=b",
  "Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A111122223333%3At&Message=hello&MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=v",
];

/** aws-chunked bodies of 9 bytes, with trailers and without. */
export const CHUNKS = [
  "9\r\nabcdefghi\r\n0\r\n\r\n",
  "9;chunk-signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\nabcdefghi\r\n0;chunk-signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n\r\n",
  "9\r\nabcdefghi\r\n0\r\nx-amz-checksum-crc32:jZgl5w==\r\n\r\n",
  "9\r\nabcdefghi\r\n0\r\nx-amz-checksum-crc32:jZgl5w==\r\nx-amz-trailer-signature:f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n\r\n",
];
