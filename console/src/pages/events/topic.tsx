import { useState } from "preact/hooks";
import * as sns from "../../api/sns.ts";
import { link } from "../../lib/router.ts";
import { Await, Crumbs, Empty, ErrorBox, Facts, Loading, PageHeader } from "../../ui/basics.tsx";
import { ConfirmDialog, FormDialog } from "../../ui/dialog.tsx";
import { TextArea, TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";
import type { PageProps } from "../page.ts";
import { DocumentEditor } from "../settings/document-editor.tsx";
import { policyFormat } from "../settings/documents.tsx";

export function Topic({ query }: PageProps) {
  const { client } = useSession();
  const arn = query.get("arn") ?? "";
  const name = arn.split(":").at(-1) ?? "";
  const [loaded] = useLoad(() => sns.getTopic(client, arn), [arn]);
  const [dialog, setDialog] = useState<"delete" | "publish" | undefined>(undefined);
  const [message, setMessage] = useState("");
  const close = () => setDialog(undefined);
  return (
    <>
      <Crumbs
        crumbs={[
          { label: "Topics", href: link("/topics") },
          { label: name, href: link("/topics/topic", {}, { arn }) },
        ]}
      />
      <PageHeader title={name}>
        <button type="button" onClick={() => setDialog("publish")}>
          Publish a message
        </button>
        <button type="button" onClick={() => setDialog("delete")}>
          Delete topic
        </button>
      </PageHeader>
      <Await loaded={loaded}>
        {(attributes) => (
          <Facts
            facts={[
              ["ARN", <code key="arn">{arn}</code>],
              ["Owner", attributes.get("Owner")],
              ["Confirmed", attributes.get("SubscriptionsConfirmed")],
              ["Waiting for confirmation", attributes.get("SubscriptionsPending")],
            ]}
          />
        )}
      </Await>
      <Subscriptions key={arn} arn={arn} />
      <DocumentEditor
        key={`policy-${arn}`}
        edited={{
          id: `topic/${arn}`,
          label: "Access policy",
          about: "Who may subscribe to the topic and publish to it, in addition to the account itself.",
          format: policyFormat("topic"),
          load: async () => (await sns.getTopic(client, arn)).get("Policy"),
          save: (text) => sns.setTopicAttribute(client, { arn, name: "Policy", value: text }),
        }}
      />
      {dialog === "publish" && (
        <FormDialog
          title={`Publish to ${name}`}
          submitLabel="Publish"
          isDisabled={message === ""}
          onSubmit={async () => {
            await sns.publish(client, arn, message);
            notify("The message is on its way to the confirmed subscribers.");
            setMessage("");
          }}
          onClose={close}
        >
          <TextArea label="Message" value={message} onChange={setMessage} rows={5} />
        </FormDialog>
      )}
      {dialog === "delete" && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          submitLabel="Delete topic"
          typedName={name}
          onSubmit={async () => {
            await sns.deleteTopic(client, arn);
            notify(`The topic ${name} is deleted.`);
            location.hash = link("/topics");
          }}
          onClose={close}
        >
          <p>Its subscriptions end, and events of buckets that name it are no longer sent.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function Subscriptions({ arn }: { readonly arn: string }) {
  const { client } = useSession();
  const listing = usePages<sns.Subscription, string>((token) => sns.listSubscriptions(client, arn, token), [arn]);
  const [isAdding, setAdding] = useState(false);
  const [endpoint, setEndpoint] = useState("");
  const task = useTask();
  const end = async (subscription: sns.Subscription) => {
    if (await task.run(() => sns.unsubscribe(client, subscription.arn))) listing.reload();
  };
  return (
    <section class="panel" aria-label="Subscriptions">
      <h2>Subscriptions</h2>
      <ErrorBox error={listing.error} />
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {listing.isComplete && listing.rows.length === 0 && <Empty>No one is subscribed.</Empty>}
      <ul class="rows">
        {listing.rows.map((subscription) => (
          <li key={`${subscription.arn} ${subscription.endpoint}`}>
            <span>{subscription.endpoint}</span>
            {subscription.arn.startsWith("arn:") ? (
              <button
                type="button"
                aria-label={`Unsubscribe ${subscription.endpoint}`}
                disabled={task.isRunning}
                onClick={() => end(subscription)}
              >
                Unsubscribe
              </button>
            ) : (
              <span>waits for its confirmation</span>
            )}
          </li>
        ))}
      </ul>
      {!listing.isComplete && listing.rows.length > 0 && (
        <button type="button" onClick={listing.loadMore}>
          More
        </button>
      )}
      <ErrorBox error={task.error} />
      <button type="button" onClick={() => setAdding(true)}>
        Subscribe a URL
      </button>
      {isAdding && (
        <FormDialog
          title="Subscribe a URL"
          submitLabel="Subscribe"
          isDisabled={!/^https?:\/\/./.test(endpoint)}
          onSubmit={async () => {
            await sns.subscribe(client, arn, endpoint.trim());
            notify("The URL gets a message that it has to confirm.");
            setEndpoint("");
            listing.reload();
          }}
          onClose={() => setAdding(false)}
        >
          <TextField
            label="URL"
            hint="With https://, or http:// where the deployment allows it."
            type="url"
            value={endpoint}
            onChange={setEndpoint}
            spellcheck={false}
          />
        </FormDialog>
      )}
    </section>
  );
}
