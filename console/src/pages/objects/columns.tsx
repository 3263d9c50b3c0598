import type { ApiClient } from "../../api/client.ts";
import { describeError } from "../../api/errors.ts";
import { formatBytes, formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import type { Column } from "../../ui/table.tsx";
import { notifyFailure } from "../../ui/toast.tsx";
import { download } from "./download.ts";
import { nameBelow, type Row, rowKey } from "./rows.ts";

export interface ColumnOptions {
  readonly bucket: string;
  readonly prefix: string;
  readonly client: ApiClient;
  readonly rows: readonly Row[];
  readonly selected: ReadonlyMap<string, Row>;
  readonly onSelect: (selected: ReadonlyMap<string, Row>) => void;
  readonly onShare: (row: Row) => void;
  readonly showsVersions: boolean;
}

export function columnsOf(options: ColumnOptions): readonly Column<Row>[] {
  const { bucket, prefix, client, rows, selected, onSelect, onShare, showsVersions } = options;
  const toggle = (row: Row, isOn: boolean) => {
    const changed = new Map(selected);
    if (isOn) changed.set(rowKey(row), row);
    else changed.delete(rowKey(row));
    onSelect(changed);
  };
  return [
    {
      id: "select",
      width: "2.75rem",
      header: (
        <input
          type="checkbox"
          aria-label="Select all loaded entries"
          checked={rows.length > 0 && selected.size === rows.length}
          onChange={({ currentTarget: { checked } }) =>
            onSelect(new Map(checked ? rows.map((row) => [rowKey(row), row]) : []))
          }
        />
      ),
      render: (row) => (
        <input
          type="checkbox"
          aria-label={`Select ${nameBelow(prefix, row.key)}`}
          checked={selected.has(rowKey(row))}
          onChange={({ currentTarget: { checked } }) => toggle(row, checked)}
        />
      ),
    },
    {
      id: "name",
      header: "Name",
      isRowHeader: true,
      render: (row) => <Name bucket={bucket} prefix={prefix} row={row} showsVersions={showsVersions} />,
    },
    {
      id: "size",
      header: "Size",
      width: "7rem",
      align: "end",
      isOptional: true,
      render: (row) => (row.kind === "folder" || isMarker(row) ? "" : formatBytes(row.sizeBytes)),
    },
    {
      id: "modified",
      header: "Modified",
      width: "10rem",
      isOptional: true,
      render: (row) => (row.kind === "folder" ? "" : formatTime(row.modifiedAt)),
    },
    {
      id: "actions",
      header: <span class="visually-hidden">Actions</span>,
      width: "13rem",
      align: "end",
      isOptional: true,
      render: (row) =>
        row.kind !== "folder" &&
        !isMarker(row) && (
          <>
            <button
              type="button"
              aria-label={`Download ${nameBelow(prefix, row.key)}`}
              onClick={() =>
                download(client, { bucket, key: row.key, ...versionOf(row) }).catch((error: unknown) =>
                  notifyFailure(describeError(error)),
                )
              }
            >
              Download
            </button>{" "}
            <button type="button" aria-label={`Share ${nameBelow(prefix, row.key)}`} onClick={() => onShare(row)}>
              Share
            </button>
          </>
        ),
    },
  ];
}

function isMarker(row: Row): boolean {
  return row.kind === "version" && row.isMarker;
}

function versionOf(row: Row): { readonly versionId?: string } {
  return row.kind === "version" ? { versionId: row.versionId } : {};
}

interface NameProps {
  readonly bucket: string;
  readonly prefix: string;
  readonly row: Row;
  readonly showsVersions: boolean;
}

function Name({ bucket, prefix, row, showsVersions }: NameProps) {
  const name = nameBelow(prefix, row.key);
  switch (row.kind) {
    case "folder": {
      const query = { prefix: row.key, versions: showsVersions ? "1" : undefined };
      return (
        <a href={link("/buckets/:bucket", { bucket }, query)} title={row.key} class="folder">
          {name}
        </a>
      );
    }
    case "object":
      return (
        <a href={link("/buckets/:bucket/object", { bucket }, { key: row.key })} title={row.key}>
          {name}
        </a>
      );
    case "version": {
      const query = row.isMarker ? { key: row.key, tab: "versions" } : { key: row.key, version: row.versionId };
      return (
        <>
          <a href={link("/buckets/:bucket/object", { bucket }, query)} title={`${row.key} ${row.versionId}`}>
            {name}
          </a>{" "}
          <small>
            {row.isLatest ? "current " : ""}
            {row.isMarker ? "delete marker" : row.versionId}
          </small>
        </>
      );
    }
    default:
      return row satisfies never;
  }
}
