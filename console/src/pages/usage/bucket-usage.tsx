import { useState } from "preact/hooks";
import { type DayOfUsage, listUsage, usageHistory } from "../../api/usage.ts";
import { formatBytes, formatCount, formatTime } from "../../lib/format.ts";
import { Await, Empty, Facts } from "../../ui/basics.tsx";
import { Select } from "../../ui/fields.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { useLoad, useSession } from "../../ui/use.ts";
import { BucketHeader } from "../buckets/header.tsx";
import type { PageProps } from "../page.ts";
import { LineChart } from "./chart.tsx";
import { QuotaDialog } from "./quota.tsx";

const PATH = "/buckets/:bucket/usage";

type Figure = "bytes" | "objects" | "noncurrentBytes";

const FIGURES: readonly { readonly value: Figure; readonly label: string }[] = [
  { value: "bytes", label: "Size of objects" },
  { value: "objects", label: "Number of objects" },
  { value: "noncurrentBytes", label: "Size of noncurrent versions" },
];

const COLUMNS: readonly Column<DayOfUsage>[] = [
  { id: "date", header: "Day", isRowHeader: true, render: ({ date }) => date },
  {
    id: "objects",
    header: "Objects",
    width: "8rem",
    align: "end",
    render: ({ objects }) => objects.toLocaleString("en"),
  },
  { id: "bytes", header: "Size", width: "8rem", align: "end", render: ({ bytes }) => formatBytes(bytes) },
  {
    id: "noncurrent",
    header: "Of versions",
    width: "9rem",
    align: "end",
    isOptional: true,
    render: ({ noncurrentBytes }) => formatBytes(noncurrentBytes),
  },
];

export function BucketUsagePage({ params: { bucket = "" } }: PageProps) {
  const { client } = useSession();
  const [isEdited, setEdited] = useState(false);
  const [loaded, reload] = useLoad(async () => {
    const [{ buckets }, history] = await Promise.all([listUsage(client, { bucket }), usageHistory(client, bucket)]);
    return { usage: buckets[0], history };
  }, [bucket]);
  return (
    <>
      <BucketHeader bucket={bucket} path={PATH} />
      <Await loaded={loaded}>
        {({ usage, history }) => (
          <>
            {usage?.computedAt ? (
              <Facts
                facts={[
                  ["Objects", `${formatCount(usage.objects ?? 0, "object")}, ${formatBytes(usage.bytes ?? 0)}`],
                  [
                    "Noncurrent versions",
                    `${formatCount(usage.versions ?? 0, "version")}, ${formatBytes(usage.noncurrentBytes ?? 0)}`,
                  ],
                  [
                    "Unfinished uploads",
                    `${formatCount(usage.openUploads ?? 0, "upload")}, ${formatBytes(usage.uploadBytes ?? 0)}`,
                  ],
                  ["Quota of bytes", usage.quotaBytes === undefined ? undefined : formatBytes(usage.quotaBytes)],
                  ["Quota of objects", usage.quotaObjects?.toLocaleString("en")],
                  ["Counted", formatTime(usage.computedAt)],
                ]}
              />
            ) : (
              <Empty>The bucket was not counted yet. A new bucket is counted within minutes.</Empty>
            )}
            {usage && (
              <button type="button" onClick={() => setEdited(true)}>
                Change quota
              </button>
            )}
            {usage && isEdited && (
              <QuotaDialog subject={{ bucket }} quota={usage} onClose={() => setEdited(false)} onDone={reload} />
            )}
            {history.length > 0 && <History history={history} />}
          </>
        )}
      </Await>
    </>
  );
}

function History({ history }: { readonly history: readonly DayOfUsage[] }) {
  const [figure, setFigure] = useState<Figure>("bytes");
  const label = FIGURES.find(({ value }) => value === figure)?.label ?? "";
  const format = figure === "objects" ? (value: number) => value.toLocaleString("en") : formatBytes;
  return (
    <section class="panel" aria-label="Usage over time">
      <h2>Usage over time</h2>
      <Select label="Show" value={figure} onChange={setFigure} options={FIGURES} />
      <LineChart
        label={label}
        points={history.map((day) => ({ date: day.date, value: day[figure] }))}
        format={format}
        isBytes={figure !== "objects"}
      />
      <h3>The same as a table</h3>
      <Table label="Usage by day" columns={COLUMNS} rows={[...history].reverse()} rowKey={({ date }) => date} />
    </section>
  );
}
