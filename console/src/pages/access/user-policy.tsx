import { hasCode } from "../../api/errors.ts";
import { deletePolicy, getPolicy, putPolicy } from "../../api/iam.ts";
import { link } from "../../lib/router.ts";
import { Crumbs, PageHeader } from "../../ui/basics.tsx";
import { useSession } from "../../ui/use.ts";
import type { PageProps } from "../page.ts";
import { DocumentEditor, type EditedDocument } from "../settings/document-editor.tsx";
import { policyFormat } from "../settings/documents.tsx";

export function UserPolicy({ params: { user = "" }, query }: PageProps) {
  const { client } = useSession();
  const policy = query.get("name") ?? "";
  const edited: EditedDocument = {
    id: `user/${user}/${policy}`,
    label: "Policy",
    about: `What ${user} may do, in addition to what policies of buckets and topics allow.`,
    format: policyFormat("user"),
    load: async () => {
      try {
        return await getPolicy(client, user, policy);
      } catch (error) {
        if (hasCode(error, "NoSuchEntity")) return undefined;
        throw error;
      }
    },
    save: (text) => putPolicy(client, { userName: user, policy, text }),
    remove: () => deletePolicy(client, user, policy),
  };
  return (
    <>
      <Crumbs
        crumbs={[
          { label: "Users", href: link("/users") },
          { label: user, href: link("/users/:user", { user }) },
          { label: policy, href: link("/users/:user/policy", { user }, { name: policy }) },
        ]}
      />
      <PageHeader title={policy} />
      <DocumentEditor key={edited.id} edited={edited} />
    </>
  );
}
