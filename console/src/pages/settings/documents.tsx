/** The documents of a bucket, ready to be edited. */
import type { ApiClient } from "../../api/client.ts";
import { deleteSetting, getSetting, putSetting } from "../../api/s3/settings.ts";
import { XML_SETTINGS } from "../../documents/bucket-settings.ts";
import { editModel, type Format, xmlFormat } from "../../documents/editing.ts";
import { itemsIn } from "../../documents/fields.ts";
import { bucketTemplates, type PolicyKind, policyFields, readPolicy, writePolicy } from "../../documents/policy.ts";
import type { XmlSetting } from "../../documents/xml-setting.ts";
import type { EditedDocument } from "./document-editor.tsx";
import { PolicyCheck } from "./policy-notes.tsx";

export const SECTIONS: readonly { readonly id: string; readonly label: string }[] = [
  { id: "policy", label: "Policy" },
  ...XML_SETTINGS.map(({ id, label }) => ({ id, label })),
];

export function policyFormat(kind: PolicyKind): Format {
  return {
    fields: policyFields(kind),
    contentType: "application/json",
    read: readPolicy,
    write: writePolicy,
    empty: { version: "2012-10-17", statements: [] },
  };
}

function xmlSetting(client: ApiClient, bucket: string, setting: XmlSetting): EditedDocument {
  const { label, about, query, absent, isDeletable } = setting;
  const place = { bucket, query };
  return {
    id: `bucket/${bucket}/${query}`,
    label,
    about,
    format: xmlFormat(setting),
    load: (signal) => getSetting(client, { ...place, absent, signal }),
    save: (text) => putSetting(client, { ...place, text, contentType: "application/xml" }),
    remove: isDeletable ? () => deleteSetting(client, place) : undefined,
  };
}

function bucketPolicy(client: ApiClient, bucket: string): EditedDocument {
  const place = { bucket, query: "policy" };
  const format = policyFormat("bucket");
  return {
    id: `bucket/${bucket}/policy`,
    label: "Policy",
    about: "Who may do what with the bucket and its objects, in addition to what policies of users allow.",
    format,
    load: (signal) => getSetting(client, { ...place, absent: "NoSuchBucketPolicy", signal }),
    save: (text) => putSetting(client, { ...place, text, contentType: "application/json" }),
    remove: () => deleteSetting(client, place),
    notes: (editing, apply) => (
      <>
        {editing.model !== undefined && (
          <div class="actions">
            {bucketTemplates(bucket).map(({ label, statement }) => (
              <button
                key={label}
                type="button"
                onClick={() => {
                  const { model = format.empty } = editing;
                  const statements = [...itemsIn(model, "statements"), statement];
                  apply(editModel(format, editing, { ...model, statements }));
                }}
              >
                Add: {label}
              </button>
            ))}
          </div>
        )}
        <PolicyCheck text={editing.text} bucket={bucket} />
      </>
    ),
  };
}

export function documentOf(client: ApiClient, bucket: string, section: string): EditedDocument | undefined {
  if (section === "policy") return bucketPolicy(client, bucket);
  const setting = XML_SETTINGS.find(({ id }) => id === section);
  return setting && xmlSetting(client, bucket, setting);
}
