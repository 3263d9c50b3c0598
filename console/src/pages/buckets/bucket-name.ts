/** The rules of S3 for names of general purpose buckets ("Bucket naming rules"), as far as they help while typing. */
export function faultOfBucketName(name: string): string | undefined {
  if (name.length < 3 || name.length > 63) return "A name has 3 to 63 characters.";
  if (!/^[a-z0-9.-]+$/.test(name)) return "A name consists of lower-case letters, digits, hyphens and dots.";
  if (!/^[a-z0-9].*[a-z0-9]$/.test(name)) return "A name begins and ends with a letter or digit.";
  if (name.includes("..")) return "A name does not contain two dots in a row.";
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) return "A name is not an IP address.";
  return undefined;
}
