/** Answers of the operations on annotations (API_PutObjectAnnotation, API_ListObjectAnnotations). */
import type { Annotation } from "../../model/annotation.ts";
import { formatIso8601 } from "../dates.ts";
import { etagNode } from "./common-elements.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export function formatPutObjectAnnotation(key: string, name: string): string {
  return formatXml("PutObjectAnnotationOutput", [xmlText("Key", key), xmlText("AnnotationName", name)]);
}

export interface AnnotationList {
  readonly bucket: string;
  readonly key: string;
  readonly prefix: string | undefined;
  readonly limit: number;
  readonly continuationToken: string | undefined;
  readonly nextContinuationToken: string | undefined;
  readonly annotations: readonly Annotation[];
}

export function formatAnnotationList(list: AnnotationList): string {
  return formatXml("ListObjectAnnotationsOutput", [
    xmlElement("Annotations", list.annotations.map(annotationNode)),
    xmlText("Bucket", list.bucket),
    xmlText("Key", list.key),
    xmlOptional("AnnotationPrefix", list.prefix),
    xmlText("MaxAnnotationResults", String(list.limit)),
    xmlText("AnnotationCount", String(list.annotations.length)),
    xmlOptional("ContinuationToken", list.continuationToken),
    xmlOptional("NextContinuationToken", list.nextContinuationToken),
  ]);
}

function annotationNode({ name, lastModified, sizeBytes, etag, checksum }: Annotation) {
  return xmlElement("AnnotationEntry", [
    xmlText("AnnotationName", name),
    xmlText("LastModified", formatIso8601(lastModified)),
    xmlText("Size", String(sizeBytes)),
    etagNode(etag),
    xmlOptional("ChecksumAlgorithm", checksum?.algorithm),
  ]);
}
