/**
 * All failures inside the isolate are thrown as `new S3Error("NoSuchKey", { details: { Key: key } })`.
 *
 * Codes and statuses follow the S3 API reference, "Error responses". Messages are those that the service sends, which
 * differ from the reference in words and full stops; tests compare them. A code that is not in the table does not
 * compile.
 */

const NOT_WELL_FORMED = "The XML you provided was not well-formed or did not validate against our published schema";

const TABLE = {
  AccessControlListNotSupported: [400, "The bucket does not allow ACLs"],
  AccessDenied: [403, "Access Denied"],
  AccessForbidden: [403, "Access Forbidden"],
  AnnotationLimitExceeded: [400, "The request would exceed the maximum number of annotations allowed per object."],
  AnnotationNameTooLong: [400, "The annotation name exceeds 512 bytes."],
  AuthorizationHeaderMalformed: [400, "The authorization header is malformed."],
  AuthorizationQueryParametersError: [400, "Error parsing the query-string authentication parameters."],
  BadDigest: [400, "The Content-MD5 you specified did not match what we received."],
  BadRequest: [400, "Bad Request"],
  BucketAlreadyExists: [
    409,
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
  ],
  BucketAlreadyOwnedByYou: [409, "Your previous request to create the named bucket succeeded and you already own it."],
  BucketNotEmpty: [409, "The bucket you tried to delete is not empty"],
  ConditionalRequestConflict: [
    409,
    "The conditional request cannot succeed due to a conflicting operation against this resource.",
  ],
  // AWS spells it so, and ends the message with a blank (LocalStack's recordings, 2026-02).
  CrossLocationLoggingProhibitted: [403, "Cross S3 location logging not allowed. "],
  EntityTooLarge: [400, "Your proposed upload exceeds the maximum allowed size"],
  EntityTooSmall: [400, "Your proposed upload is smaller than the minimum allowed size"],
  ExpiredToken: [400, "The provided token has expired."],
  IdMismatch: [400, "Document ID does not match the specified configuration ID."],
  IdempotencyParameterMismatch: [
    400,
    "Parameters on this idempotent request are inconsistent with parameters used in previous request(s).",
  ],
  IllegalLocationConstraintException: [
    400,
    "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
  ],
  IllegalVersioningConfigurationException: [400, "The Versioning element must be specified"],
  IncompleteBody: [400, "You did not provide the number of bytes specified by the Content-Length HTTP header"],
  InternalError: [500, "We encountered an internal error. Please try again."],
  InvalidAccessKeyId: [403, "The AWS Access Key Id you provided does not exist in our records."],
  InvalidAnnotationName: [400, "The annotation name you provided is invalid."],
  InvalidArgument: [400, "Invalid Argument"],
  InvalidBucketAclWithBlockPublicAccessError: [
    400,
    "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
  ],
  InvalidBucketAclWithObjectOwnership: [
    400,
    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
  ],
  InvalidBucketName: [400, "The specified bucket is not valid."],
  InvalidBucketOwnerAWSAccountID: [
    400,
    "The value of the expected bucket owner parameter must be an AWS Account ID...",
  ],
  InvalidBucketState: [409, "The request is not valid with the current state of the bucket."],
  InvalidChunkSizeError: [403, "Only the last chunk is allowed to have a size less than 8192 bytes"],
  InvalidDigest: [400, "The Content-MD5 you specified was invalid."],
  InvalidEncryptionAlgorithmError: [400, "The Encryption request you specified is not valid. Supported value: AES256."],
  InvalidLocationConstraint: [400, "The specified location-constraint is not valid"],
  InvalidPart: [
    400,
    // S3 writes two blanks after the first sentence.
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  ],
  InvalidPartNumber: [416, "The requested partnumber is not satisfiable"],
  InvalidPartOrder: [400, "The list of parts was not in ascending order. Parts must be ordered by part number."],
  InvalidPolicyDocument: [
    400,
    "The content of the form does not meet the conditions specified in the policy document.",
  ],
  InvalidRange: [416, "The requested range is not satisfiable"],
  InvalidRedirectLocation: [400, "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."],
  InvalidRequest: [400, "Invalid Request"],
  InvalidS3DestinationBucket: [400, "Invalid bucket ARN."],
  InvalidStorageClass: [400, "The storage class you specified is not valid"],
  InvalidTag: [400, "The TagKey you have provided is invalid"],
  InvalidTargetBucketForLogging: [400, "The target bucket for logging does not exist"],
  InvalidToken: [400, "The provided token is malformed or otherwise invalid."],
  InvalidURI: [400, "Couldn't parse the specified URI."],
  "KMS.DisabledException": [400, "The key is disabled."],
  "KMS.InvalidCiphertextException": [400, "The data key of the object cannot be decrypted."],
  "KMS.KMSInvalidStateException": [400, "The key is in a state in which it cannot be used."],
  "KMS.NotFoundException": [400, "The key does not exist."],
  KeyTooLongError: [400, "Your key is too long"],
  MalformedACLError: [400, NOT_WELL_FORMED],
  MalformedPOSTRequest: [400, "The body of your POST request is not well-formed multipart/form-data."],
  MalformedPolicy: [400, "Invalid policy syntax."],
  MalformedTrailerError: [
    400,
    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
  ],
  MalformedXML: [400, NOT_WELL_FORMED],
  MaxMessageLengthExceeded: [400, "Your request was too big."],
  MaxPostPreDataLengthExceededError: [400, "Your POST request fields preceding the upload file were too large."],
  MetadataConfigurationNotFound: [404, "The metadata configuration was not found"],
  MetadataTooLarge: [400, "Your metadata headers exceed the maximum allowed metadata size"],
  MethodNotAllowed: [405, "The specified method is not allowed against this resource."],
  MissingContentLength: [411, "You must provide the Content-Length HTTP header."],
  MissingSecurityHeader: [400, "Your request was missing a required header"],
  NoSuchAnnotation: [404, "The specified annotation does not exist."],
  NoSuchBucket: [404, "The specified bucket does not exist"],
  NoSuchBucketPolicy: [404, "The bucket policy does not exist"],
  NoSuchConfiguration: [404, "The specified configuration does not exist."],
  NoSuchCORSConfiguration: [404, "The CORS configuration does not exist"],
  NoSuchKey: [404, "The specified key does not exist."],
  NoSuchLifecycleConfiguration: [404, "The lifecycle configuration does not exist"],
  NoSuchObjectLockConfiguration: [404, "The specified object does not have a ObjectLock configuration"],
  NoSuchPublicAccessBlockConfiguration: [404, "The public access block configuration was not found"],
  NoSuchTagSet: [404, "The TagSet does not exist"],
  NoSuchUpload: [
    404,
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
  ],
  NoSuchVersion: [404, "The specified version does not exist."],
  NoSuchWebsiteConfiguration: [404, "The specified bucket does not have a website configuration"],
  NotImplemented: [501, "A header you provided implies functionality that is not implemented"],
  ObjectLockConfigurationNotFoundError: [404, "Object Lock configuration does not exist for this bucket"],
  OperationAborted: [
    409,
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
  ],
  OwnershipControlsNotFoundError: [404, "The bucket ownership controls were not found"],
  PreconditionFailed: [412, "At least one of the pre-conditions you specified did not hold"],
  ReplicationConfigurationNotFoundError: [404, "The replication configuration was not found"],
  RequestHeaderSectionTooLarge: [400, "Your request header and query parameters exceed the maximum allowed size."],
  // This product's own.
  QuotaExceeded: [403, "The quota does not leave room for this request."],
  RequestTimeTooSkewed: [403, "The difference between the request time and the current time is too large."],
  RequestTimeout: [
    400,
    "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
  ],
  ServiceUnavailable: [503, "Service is unable to handle request."],
  SignatureDoesNotMatch: [
    403,
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
  ],
  SlowDown: [503, "Please reduce your request rate."],
  TooManyBuckets: [400, "You have attempted to create more buckets than allowed"],
  TooManyConfigurations: [
    400,
    "You are attempting to create a new configuration but have already reached the 1,000-configuration limit.",
  ],
  UnexpectedContent: [400, "This request does not support content"],
  UnresolvableGrantByEmailAddress: [400, "The e-mail address you provided does not match any account on record."],
  XAmzContentSHA256Mismatch: [400, "The provided 'x-amz-content-sha256' header does not match what was computed."],
  UnsupportedMediaType: [415, "The annotation payload is not valid UTF-8 encoded text."],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type S3ErrorCode = keyof typeof TABLE;

export interface S3ErrorOptions {
  /** Replaces the table's message. Shown to the client: nothing internal, nothing secret. */
  readonly message?: string;
  /** Further elements of the error document, e.g. `{ Key: "a", BucketName: "b" }`. */
  readonly details?: Readonly<Record<string, string>>;
  /** Headers some codes carry, e.g. `Content-Range` with InvalidRange, `Allow` with MethodNotAllowed. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The underlying error, for the log only. */
  readonly cause?: unknown;
}

/** An S3 error as the client sees it: a code of the table, its HTTP status and the elements of its document. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  readonly code: S3ErrorCode;
  readonly status: number;
  readonly details: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: S3ErrorCode, options: S3ErrorOptions = {}) {
    const [status, message] = TABLE[code];
    super(options.message ?? message, { cause: options.cause });
    this.code = code;
    this.status = status;
    this.details = options.details ?? {};
    this.headers = options.headers ?? {};
  }
}

/**
 * `InvalidArgument` in the shape AWS gives it: the message and the argument that was wrong. The value of a customer's key is not
 * shown.
 */
export function invalidArgument(message: string, name: string, value: string | null | undefined): S3Error {
  const shown = /customer-key$/i.test(name) ? "" : (value ?? "");
  return new S3Error("InvalidArgument", { message, details: { ArgumentName: name, ArgumentValue: shown } });
}

export function invalidRequest(message: string): S3Error {
  return new S3Error("InvalidRequest", { message });
}

/** @param key as the error document names it */
export function noSuchKey(key: string): S3Error {
  return new S3Error("NoSuchKey", { details: { Key: key } });
}
