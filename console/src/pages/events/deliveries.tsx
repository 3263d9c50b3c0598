/** Receivers of notifications and dead letters, from the admin API. */
import { useState } from "preact/hooks";
import { callAdmin } from "../../api/admin.ts";
import { encodePart } from "../../api/urls.ts";
import { formatCount, formatTime } from "../../lib/format.ts";
import { listAt, numberAt, textAt } from "../../lib/json.ts";
import { Await, Empty, ErrorBox, PageHeader } from "../../ui/basics.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";

const count = (row: unknown, name: string) => (numberAt(row, name) ?? 0).toLocaleString("en");

const RECEIVERS: readonly Column<unknown>[] = [
  { id: "name", header: "Receiver", isRowHeader: true, render: (row) => textAt(row, "name") },
  { id: "kind", header: "Kind", width: "7rem", isOptional: true, render: (row) => textAt(row, "kind") },
  { id: "delivered", header: "Delivered", width: "7rem", align: "end", render: (row) => count(row, "delivered") },
  { id: "givenUp", header: "Given up", width: "6rem", align: "end", render: (row) => count(row, "givenUp") },
  {
    id: "failing",
    header: "State",
    width: "14rem",
    isOptional: true,
    render: (row) => {
      const since = textAt(row, "failingSince");
      return since === "" ? "works" : `fails since ${formatTime(since)}: ${textAt(row, "lastFailure")}`;
    },
  },
];

export function Deliveries() {
  const { client } = useSession();
  const [receivers, reload] = useLoad(() => callAdmin(client, { path: "/receivers" }), [client]);
  return (
    <>
      <PageHeader title="Deliveries">
        <button type="button" onClick={reload}>
          Refresh
        </button>
      </PageHeader>
      <section aria-label="Receivers">
        <h2>Receivers</h2>
        <Await loaded={receivers}>
          {(answer) => {
            const rows = listAt(answer, "receivers");
            return rows.length === 0 ? (
              <Empty>Nothing was delivered yet.</Empty>
            ) : (
              <Table
                label="Receivers"
                columns={RECEIVERS}
                rows={rows}
                rowKey={(row) => `${textAt(row, "kind")} ${textAt(row, "name")}`}
              />
            );
          }}
        </Await>
      </section>
      <DeadLetters />
    </>
  );
}

type Asked = { readonly id: string; readonly what: string };

function DeadLetters() {
  const { client } = useSession();
  const [loaded, reload] = useLoad(() => callAdmin(client, { path: "/dead-letters" }), [client]);
  const [deleting, setDeleting] = useState<Asked | undefined>(undefined);
  const task = useTask();
  const retry = async (id: string) => {
    const path = `/dead-letters/${encodePart(id)}/retry`;
    if (!(await task.run(() => callAdmin(client, { method: "POST", path })))) return;
    notify("Sent again, with all the attempts of a new message.");
    reload();
  };
  const columns: readonly Column<unknown>[] = [
    {
      id: "subject",
      header: "Message",
      isRowHeader: true,
      render: (row) =>
        [textAt(row, "event") || textAt(row, "kind"), textAt(row, "bucket"), textAt(row, "key")]
          .filter((part) => part !== "")
          .join(" "),
    },
    { id: "receiver", header: "Receiver", isOptional: true, render: (row) => textAt(row, "receiver") },
    { id: "reason", header: "Reason", isOptional: true, render: (row) => textAt(row, "reason") },
    {
      id: "since",
      header: "Given up",
      width: "10rem",
      isOptional: true,
      render: (row) => formatTime(textAt(row, "givenUpAt")),
    },
    {
      id: "actions",
      header: <span class="visually-hidden">Actions</span>,
      width: "12rem",
      align: "end",
      render: (row) => {
        const id = textAt(row, "id");
        return (
          <>
            <button type="button" aria-label={`Send again ${id}`} disabled={task.isRunning} onClick={() => retry(id)}>
              Send again
            </button>{" "}
            <button type="button" aria-label={`Delete ${id}`} onClick={() => setDeleting({ id, what: "this message" })}>
              Delete
            </button>
          </>
        );
      },
    },
  ];
  return (
    <section aria-label="Dead letters">
      <h2>Dead letters</h2>
      <p>Messages that could not be delivered after all attempts.</p>
      <ErrorBox error={task.error} />
      <Await loaded={loaded}>
        {(answer) => {
          const rows = listAt(answer, "deadLetters");
          if (rows.length === 0) return <Empty>There are no dead letters.</Empty>;
          return (
            <>
              <div class="actions">
                <button type="button" disabled={task.isRunning} onClick={() => retry("all")}>
                  Send all again
                </button>
                <button
                  type="button"
                  onClick={() => setDeleting({ id: "all", what: formatCount(rows.length, "listed message") })}
                >
                  Delete all
                </button>
              </div>
              <Table label="Dead letters" columns={columns} rows={rows} rowKey={(row) => textAt(row, "id")} />
            </>
          );
        }}
      </Await>
      {deleting !== undefined && (
        <FormDialog
          title="Delete dead letters?"
          submitLabel="Delete"
          isDangerous
          onSubmit={async () => {
            await callAdmin(client, { method: "DELETE", path: `/dead-letters/${encodePart(deleting.id)}` });
            reload();
          }}
          onClose={() => setDeleting(undefined)}
        >
          <p>The receiver never gets {deleting.what}.</p>
        </FormDialog>
      )}
    </section>
  );
}
