/** Copies or moves what is selected, folders with everything in them. A single object can get another name. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiClient } from "../../api/client.ts";
import { listObjects } from "../../api/s3/listing.ts";
import { createMover, deleteCopied, type Move } from "../../api/s3/moves.ts";
import { copyObject } from "../../api/s3/objects.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";
import { faultOfPlace, type Placement } from "./place.ts";
import { describeSelection, lastPart, type Row, targetKey } from "./rows.ts";

interface Props {
  readonly bucket: string;
  readonly prefix: string;
  readonly rows: readonly Row[];
  readonly isMove: boolean;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function CopyDialog({ bucket, prefix, rows, isMove, onClose, onDone }: Props) {
  const { client } = useSession();
  const [only] = rows.length === 1 ? rows : [];
  const [target, setTarget] = useState(bucket);
  const [place, setPlace] = useState(only?.key ?? prefix);
  const [count, setCount] = useState<number | undefined>(undefined);
  const controller = useRef(new AbortController());
  useEffect(() => () => controller.current.abort(), []);
  const fault = faultOfPlace({ place, rows, only, isSameBucket: target === bucket });

  const run = async () => {
    controller.current = new AbortController();
    const { signal } = controller.current;
    let done = 0;
    const move = createMover(client);
    for await (const pair of pairsOf(client, { bucket, rows, place, only, signal })) {
      signal.throwIfAborted();
      if (isMove && target === bucket) await move({ bucket, ...pair });
      else await transfer(client, { bucket, target, isMove, ...pair });
      setCount(++done);
    }
    notify(`${describeSelection(rows)} ${isMove ? "moved" : "copied"}.`);
    onDone();
  };
  return (
    <FormDialog
      title={`${isMove ? "Move" : "Copy"} ${describeSelection(rows)}`}
      submitLabel={isMove ? "Move" : "Copy"}
      onClose={onClose}
      onSubmit={run}
      isDisabled={target === "" || fault !== undefined}
    >
      <TextField label="To bucket" value={target} onChange={setTarget} required autocomplete="off" spellcheck={false} />
      <TextField
        label={only === undefined ? "To folder" : only.kind === "folder" ? "As folder" : "As key"}
        hint={only === undefined ? "Empty for the top of the bucket; else it ends with a slash." : undefined}
        value={place}
        onChange={setPlace}
        error={fault}
        autocomplete="off"
        spellcheck={false}
      />
      {isMove && target === bucket && <p class="hint">An object that has the new key already is not replaced.</p>}
      {count !== undefined && <p role="status">{count.toLocaleString("en")} objects so far. Cancel stops it.</p>}
    </FormDialog>
  );
}

type Pair = Omit<Move, "bucket">;

interface Listed extends Omit<Placement, "isSameBucket"> {
  readonly bucket: string;
  readonly signal: AbortSignal;
}

/** Every object of the selection, and where it goes. */
async function* pairsOf(client: ApiClient, { bucket, rows, place, only, signal }: Listed): AsyncGenerator<Pair> {
  for (const row of rows) {
    const base = only === undefined ? `${place}${lastPart(row.key)}` : place;
    if (row.kind !== "folder") {
      yield { from: row.key, to: base };
      continue;
    }
    let token: string | undefined;
    do {
      const page = await listObjects(client, { bucket, prefix: row.key, signal }, token);
      for (const { key } of page.rows) yield { from: key, to: targetKey(key, row.key, base) };
      token = page.next;
    } while (token !== undefined);
  }
}

interface Transfer extends Pair {
  readonly bucket: string;
  readonly target: string;
  readonly isMove: boolean;
}

/** Copies an object, or moves it to another bucket. */
async function transfer(client: ApiClient, { bucket, target, isMove, from, to }: Transfer): Promise<void> {
  await copyObject(client, { source: { bucket, key: from }, target: { bucket: target, key: to } });
  if (isMove) await deleteCopied(client, { bucket, from });
}
