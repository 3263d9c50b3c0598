/** Random ids, all from the platform's cryptographic generator. */

const LOWER = "abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS = "0123456789";
const HEX = "0123456789abcdef";

/** 12 characters, 62 bits: the prefix of a bucket's entries. */
export const newBucketId = () => pick(LOWER, 12);

/** Milliseconds in base 36, which is 9 digits until the year 5188. */
const TIME_DIGITS = 9;

/** 27 characters: the time, so that sets sort by age, and 93 random bits. */
export const newBlobSetId = (now = new Date()) => timeDigits(now) + pick(LOWER, 18);

/** When a blob set was begun. */
export const blobSetTime = (blobSetId: string) => new Date(Number.parseInt(blobSetId.slice(0, TIME_DIGITS), 36));

/** 20 characters, 103 bits: one write of an entry. */
export const newWriteId = () => pick(LOWER, 20);

const VERSION_RANDOM_LENGTH = 18;

/** 22 characters: the random part of a version id, 18 characters or 107 bits, and 4 that check them. */
export function newVersionRandom(): string {
  const random = pick(ALPHANUMERIC, VERSION_RANDOM_LENGTH);
  return random + checkOf(random);
}

/** Whether it is the random part of a version id; one that was mistyped is not. */
export function isVersionRandom(text: string): boolean {
  return text.slice(VERSION_RANDOM_LENGTH) === checkOf(text.slice(0, VERSION_RANDOM_LENGTH));
}

/** 4 letters and digits. They find accidents; the other 18 are what makes an id unguessable. */
function checkOf(random: string): string {
  const base = ALPHANUMERIC.length;
  let rest = 0;
  for (const character of random) rest = (rest * 257 + character.charCodeAt(0)) % base ** 4;
  let check = "";
  for (; check.length < 4; rest = Math.floor(rest / base)) check += ALPHANUMERIC.charAt(rest % base);
  return check;
}

/** 20 characters, 103 bits: one export of the configuration. */
export const newExportId = () => pick(LOWER, 20);

/** 20 characters, 103 bits: one deletion of a bucket. */
export const newDeletionId = () => pick(LOWER, 20);

/** 29 characters: the time, so that rows sort by age, and 103 random bits. */
export const newIntentId = (now = new Date()) => timeDigits(now) + pick(LOWER, 20);

/** 24 characters, 124 bits: a rule that was put without an ID. */
export const newRuleId = () => pick(LOWER, 24);

/** 8 characters, 41 bits: distinguishes attempts at one part of one upload. */
export const newAttemptId = () => pick(LOWER, 8);

/** 32 hexadecimal digits: the ETag of bytes whose MD5 is not shown. */
export const newOpaqueETag = () => pick(HEX, 32);

/** 12 decimal digits. */
export const newAccountId = () => pick(DIGITS, 12);

/** 64 hexadecimal digits. */
export const newCanonicalId = () => pick(HEX, 64);

/** In the shape AWS gives access key ids. */
export const newAccessKeyId = () => `AKIA${pick(UPPER_BASE32, 16)}`;

/** In the shape AWS gives the access key ids of temporary credentials. */
export const newTemporaryAccessKeyId = () => `ASIA${pick(UPPER_BASE32, 16)}`;

/** In the shape AWS gives the unique ids of users: 17 characters, 85 bits. */
export const newUserId = () => `AIDA${pick(UPPER_BASE32, 17)}`;

/** 40 characters, 240 bits. */
export const newSecretAccessKey = () => pick(SECRET, 40);

/** 64 hexadecimal digits, 256 bits: the key from which a deployment's other keys are derived. */
export const newSealKey = () => pick(HEX, 64);

/** 64 hexadecimal digits, 256 bits: proves that an endpoint received the message with it. */
export const newConfirmationToken = () => pick(HEX, 64);

/** RFC 9562, version 4. */
export const newUuid = () => crypto.randomUUID();

/** 16 upper-case hexadecimal digits, as in `x-amz-request-id`. */
export const newRequestId = () => pick(HEX, 16).toUpperCase();

function timeDigits(time: Date): string {
  return time.getTime().toString(36).padStart(TIME_DIGITS, "0");
}

/**
 * Random bytes that no id has used yet. The generator is asked for many at a time, because most of what a call costs does not
 * depend on their number.
 */
let block = new Uint8Array(0);
let used = 0;
const BLOCK_BYTES = 1024;

function randomByte(): number {
  if (used === block.length) {
    block = crypto.getRandomValues(new Uint8Array(BLOCK_BYTES));
    used = 0;
  }
  const byte = block[used] ?? 0;
  // Secrets are made of these bytes too: none stays behind.
  block[used++] = 0;
  return byte;
}

/** Unbiased choice: bytes that would favour the first characters of the alphabet are discarded. */
function pick(alphabet: string, length: number): string {
  const limit = 256 - (256 % alphabet.length);
  let text = "";
  while (text.length < length) {
    const byte = randomByte();
    if (byte < limit) text += alphabet.charAt(byte % alphabet.length);
  }
  return text;
}
