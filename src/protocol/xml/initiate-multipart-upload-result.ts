/** Answer of CreateMultipartUpload (API_CreateMultipartUpload). */
import { formatXml, xmlText } from "./writer.ts";

export interface InitiateMultipartUploadResult {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
}

export function formatInitiateMultipartUploadResult(result: InitiateMultipartUploadResult): string {
  return formatXml("InitiateMultipartUploadResult", [
    xmlText("Bucket", result.bucket),
    xmlText("Key", result.key),
    xmlText("UploadId", result.uploadId),
  ]);
}
